use async_trait::async_trait;
use tokenferry_sources::{
    Action, Attempt, Expiry, ExposeSecret, Identity, SystemClock, Timestamp, TokenSource, TokenUsage, zenoti,
};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::*;

/// Counts logins and revocations. Each login waits for a permit; a token is named by its number, and lives as many
/// hours, if any.
#[derive(Debug)]
struct Issuer {
    identity: Identity,
    permits: Semaphore,
    logins: Mutex<u32>,
    revoked: Mutex<Vec<String>>,
    /// How many of the next revocations.
    refuses: Mutex<u32>,
    expires: bool,
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
        let end = Expiry::Reported(now + number * HOUR);
        let expiry = if self.expires { end } else { Expiry::Unknown };
        Ok(Token::new(name.into(), self.usage(), self.identity.clone(), now, expiry))
    }

    async fn revoke(&self, token: &Token) -> Result<Revocation, SourceError> {
        let refusals = *locked(&self.refuses);
        if let Some(left) = refusals.checked_sub(1) {
            *locked(&self.refuses) = left;
            let attempt = Attempt::new(&zenoti::SYSTEM, Action::Revoke, String::new());
            return Err(SourceError::Unreachable { attempt, cause: "planted".to_owned() });
        }
        locked(&self.revoked).push(token.value.expose_secret().to_owned());
        Ok(Revocation::Done)
    }
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

fn issuer(permits: usize) -> (Arc<Issuer>, Arc<Session>) {
    issuer_of(permits, false)
}

fn issuer_of(permits: usize, expires: bool) -> (Arc<Issuer>, Arc<Session>) {
    let identity =
        Identity { system: "zenoti", issuer: "https://one.example/".into(), subject: "anna".into() };
    let issuer = Arc::new(Issuer {
        identity,
        permits: Semaphore::new(permits),
        logins: Mutex::default(),
        revoked: Mutex::default(),
        refuses: Mutex::default(),
        expires,
    });
    (Arc::clone(&issuer), Session::new(issuer, Arc::new(SystemClock)))
}

fn revoked(issuer: &Issuer) -> Vec<String> {
    locked(&issuer.revoked).clone()
}

/// By way of which token that of the opening is to be ended: `None` when it is settled.
fn due(owed: &Owed, opening: Opening) -> Option<String> {
    match owed.close(Some(opening)) {
        Debt::Settled => None,
        Debt::Due(token) => Some(token.map_or_else(String::new, |token| token.value.expose_secret().into())),
    }
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
    assert_eq!((due(&owed, first), due(&owed, second)), (None, None));
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
    assert_eq!(due(&owed, first), None);
    assert_eq!(due(&owed, first), None, "closed twice");
    assert_eq!(due(&owed, second).unwrap(), "token-1");
    assert_eq!(due(&owed, second).unwrap(), "token-1", "the first try may have failed");
    owed.settle(Some(second));
    assert_eq!(due(&owed, second), None);
    owed.release(&SystemClock).await;
    assert!(revoked(&issuer).is_empty());
}

#[tokio::test]
async fn what_another_process_has_opened_is_due() {
    let owed = Owed::default();
    for opening in [Some(7), None] {
        assert!(matches!(owed.close(opening), Debt::Due(None)));
        owed.settle(opening);
        assert!(matches!(owed.close(opening), Debt::Due(None)));
    }
}

/// Two tokens of one user. The second lives longer.
async fn two_tokens(owed: &Owed) -> (Arc<Issuer>, [Opening; 2]) {
    let (issuer, session) = issuer_of(9, true);
    let (first, _) = owed.token(&session, None).await.unwrap();
    let (second, token) = owed.token(&session, Some(HOUR + HOUR / 2)).await.unwrap();
    assert_eq!(token.value.expose_secret(), "token-2");
    (issuer, [first, second])
}

#[tokio::test]
async fn all_tokens_of_a_user_are_due_with_the_last_opening() {
    for close_newest_first in [false, true] {
        let owed = Owed::default();
        let (_issuer, mut openings) = two_tokens(&owed).await;
        if close_newest_first {
            openings.reverse();
        }
        let [one, other] = openings;
        assert_eq!(due(&owed, one), None, "the other is in use");
        assert_eq!(due(&owed, other).unwrap(), "token-2", "the one that lives longest");
    }
}

#[tokio::test]
async fn all_tokens_of_a_user_are_released_at_once() {
    let owed = Owed::default();
    let (issuer, [first, second]) = two_tokens(&owed).await;
    owed.release(&SystemClock).await;
    assert_eq!(revoked(&issuer), ["token-2"]);
    assert_eq!((due(&owed, first), due(&owed, second)), (None, None));
}

#[tokio::test]
async fn a_login_that_nobody_waits_for_any_more_is_finished_and_its_token_revoked() {
    let (issuer, session) = issuer(0);
    let owed = Owed::default();
    assert!(is_pending(Box::pin(owed.token(&session, None))).await);
    tokio::join!(owed.release(&SystemClock), async { issuer.permits.add_permits(1) });
    assert_eq!(revoked(&issuer), ["token-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_login_that_hangs_does_not_keep_what_is_open_from_being_revoked() {
    let (issuer, session) = issuer_of(1, true);
    let owed = Owed::default();
    owed.token(&session, None).await.unwrap();
    assert!(is_pending(Box::pin(owed.token(&session, Some(2 * HOUR)))).await);
    timeout(SECOND, owed.release(&SystemClock)).await.expect("it is released within a second");
    assert_eq!(revoked(&issuer), ["token-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_login_is_waited_for_while_nothing_else_is_open() {
    let (issuer, session) = issuer(0);
    let owed = Owed::default();
    assert!(is_pending(Box::pin(owed.token(&session, None))).await);
    let answers = async {
        sleep(SECOND * 9 / 10).await;
        issuer.permits.add_permits(1);
    };
    tokio::join!(owed.release(&SystemClock), answers);
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

#[tokio::test(start_paused = true)]
async fn a_passing_failure_of_a_revocation_is_got_over_within_the_second() {
    let (issuer, session) = issuer(9);
    let owed = Owed::default();
    owed.token(&session, None).await.unwrap();
    *locked(&issuer.refuses) = TRIES - 1;
    timeout(SECOND, owed.release(&SystemClock)).await.expect("it is released within a second");
    assert_eq!(revoked(&issuer), ["token-1"]);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_revoked_stays_owed() {
    let (issuer, session) = issuer(9);
    let owed = Owed::default();
    let (opening, _) = owed.token(&session, None).await.unwrap();
    *locked(&issuer.refuses) = u32::MAX;
    owed.release(&SystemClock).await;
    *locked(&issuer.refuses) = 0;
    assert!(revoked(&issuer).is_empty());
    assert_eq!(due(&owed, opening).unwrap(), "token-1");
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
