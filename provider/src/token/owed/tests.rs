use async_trait::async_trait;
use tokenferry_sources::{
    Action, Attempt, Expiry, Identity, SystemClock, Timestamp, TokenSource, TokenUsage, zenoti,
};
use tokio::sync::Semaphore;

use super::*;

/// Counts logins and revocations. Each login waits for a permit; a token is named by its number.
#[derive(Debug)]
struct Issuer {
    identity: Identity,
    permits: Semaphore,
    logins: Mutex<u32>,
    revoked: Mutex<Vec<String>>,
    /// The next revocation.
    refuses: Mutex<bool>,
}

#[async_trait]
impl TokenSource for Issuer {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn usage(&self) -> TokenUsage {
        TokenUsage::fixed("bearer", "Authorization", "bearer ")
    }

    async fn login(&self) -> Result<Token, SourceError> {
        self.permits.acquire().await.unwrap().forget();
        let number = {
            let mut logins = locked(&self.logins);
            *logins += 1;
            *logins
        };
        let now = SystemClock.now();
        let name = format!("token-{number}");
        Ok(Token::new(name.into(), self.usage(), self.identity.clone(), now, Expiry::Unknown))
    }

    async fn revoke(&self, token: &Token) -> Result<Revocation, SourceError> {
        let refused = std::mem::take(&mut *locked(&self.refuses));
        if refused {
            let attempt = Attempt::new(&zenoti::SYSTEM, Action::Revoke, String::new());
            return Err(SourceError::Unreachable { attempt, cause: "planted".to_owned() });
        }
        locked(&self.revoked).push(token.value.expose_secret().to_owned());
        Ok(Revocation::Done)
    }
}

fn issuer(permits: usize) -> (Arc<Issuer>, Arc<Session>) {
    let identity =
        Identity { system: "zenoti", issuer: "https://one.example/".into(), subject: "anna".into() };
    let issuer = Arc::new(Issuer {
        identity,
        permits: Semaphore::new(permits),
        logins: Mutex::default(),
        revoked: Mutex::default(),
        refuses: Mutex::default(),
    });
    (Arc::clone(&issuer), Session::new(issuer, Arc::new(SystemClock)))
}

fn revoked(issuer: &Issuer) -> Vec<String> {
    locked(&issuer.revoked).clone()
}

#[tokio::test]
async fn what_is_not_closed_is_revoked_once() {
    let (issuer, session) = issuer(9);
    let owed = Owed::default();
    let (first, _) = owed.token(&session, None).await.unwrap();
    let (second, _) = owed.token(&session, None).await.unwrap();
    assert_ne!(first, second);
    owed.release(&SystemClock).await;
    owed.release(&SystemClock).await;
    assert_eq!(revoked(&issuer), ["token-1"]);
    assert_eq!((owed.close(Some(first)), owed.close(Some(second))), (Debt::Settled, Debt::Settled));
    assert_eq!(
        session.token(None).await.unwrap().value.expose_secret(),
        "token-2",
        "what is over is handed out"
    );
}

#[tokio::test]
async fn a_shared_token_is_due_with_its_last_opening() {
    let (issuer, session) = issuer(9);
    let owed = Owed::default();
    let (first, _) = owed.token(&session, None).await.unwrap();
    let (second, _) = owed.token(&session, None).await.unwrap();
    assert_eq!(owed.close(Some(first)), Debt::Settled);
    assert_eq!(owed.close(Some(first)), Debt::Settled, "closed twice");
    assert_eq!(owed.close(Some(second)), Debt::Due);
    assert_eq!(owed.close(Some(second)), Debt::Due, "the first try may have failed");
    owed.settle(Some(second));
    assert_eq!(owed.close(Some(second)), Debt::Settled);
    owed.release(&SystemClock).await;
    assert!(revoked(&issuer).is_empty());
}

#[tokio::test]
async fn what_another_process_has_opened_is_due() {
    let owed = Owed::default();
    assert_eq!((owed.close(Some(7)), owed.close(None)), (Debt::Due, Debt::Due));
    owed.settle(Some(7));
    assert_eq!(owed.close(Some(7)), Debt::Due);
}

#[tokio::test]
async fn a_login_that_nobody_waits_for_any_more_is_finished_and_its_token_revoked() {
    let (issuer, session) = issuer(0);
    let owed = Owed::default();
    assert!(is_pending(Box::pin(owed.token(&session, None))).await);
    tokio::join!(owed.release(&SystemClock), async { issuer.permits.add_permits(1) });
    assert_eq!(revoked(&issuer), ["token-1"]);
}

/// Whether it still waits after everybody had a turn. Then it is dropped.
async fn is_pending(future: impl Future) -> bool {
    tokio::select! {
        biased;
        _ = future => false,
        () = tokio::task::yield_now() => true,
    }
}

#[tokio::test]
async fn what_could_not_be_revoked_stays_owed() {
    let (issuer, session) = issuer(9);
    let owed = Owed::default();
    let (opening, _) = owed.token(&session, None).await.unwrap();
    *locked(&issuer.refuses) = true;
    owed.release(&SystemClock).await;
    assert!(revoked(&issuer).is_empty());
    assert_eq!(owed.close(Some(opening)), Debt::Due);
    owed.release(&SystemClock).await;
    assert_eq!(revoked(&issuer), ["token-1"]);
}

#[tokio::test]
async fn what_is_over_by_itself_is_left_alone() {
    let (issuer, session) = issuer(9);
    let owed = Owed::default();
    let (opening, mut token) = owed.token(&session, None).await.unwrap();
    token.expiry = Expiry::Reported(Timestamp::UNIX_EPOCH);
    owed.openings().insert(opening, Some((session, token)));
    owed.release(&SystemClock).await;
    assert!(revoked(&issuer).is_empty());
}
