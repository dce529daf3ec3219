//! Tokens that end with the run that needed them.

use nix::sys::signal::Signal;
use tokenferry_sandbox::{Fault, ZenotiUser};
use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::leak;
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::schema;
use tokenferry_tests::value::{Value, object};

pub(crate) const ZENOTI: &str = "tokenferry_zenoti_token";
pub(crate) const LOGIN: &str = "/zenoti/v1/tokens";
pub(crate) const REVOKE: &str = "/zenoti/v1/tokens/sessions/revoke";
const PASSWORD: &str = "planted-secret zenoti+password";

pub(crate) async fn issuer(test: &str) -> (Issuer, Value) {
    let user = ZenotiUser::new("acme", "anna", PASSWORD);
    let (app_id, app_secret) = (user.app_id.clone(), user.app_secret.clone());
    let issuer = Issuer::with(test, |options| options.zenoti.users = vec![user]).await;
    let zenoti = object([
        ("account_name", "acme".into()),
        ("username", "anna".into()),
        ("password", PASSWORD.into()),
        ("app_id", app_id.into()),
        ("app_secret", app_secret.into()),
        ("base_url", issuer.zenoti_url().into()),
    ]);
    (issuer, object([("zenoti", zenoti)]))
}

pub(crate) fn revoking() -> Value {
    object([("revoke_on_close", true.into())])
}

pub(crate) fn revocations(issuer: &Issuer) -> usize {
    issuer.control().requests().iter().filter(|request| request.path == REVOKE).count()
}

#[tokio::test]
async fn a_token_ends_with_its_resource_and_the_next_one_logs_in() {
    let (issuer, config) = issuer("revoke").await;
    let plugin = Plugin::configured(&config).await;
    let first = plugin.open_ephemeral(ZENOTI, &revoking()).await;
    let kept = plugin.open_ephemeral(ZENOTI, &object([])).await;
    assert_eq!(first.reply.text("token"), kept.reply.text("token"));
    plugin.close_ephemeral(ZENOTI, kept.private).await.ok();
    assert_eq!(revocations(&issuer), 0, "nobody asked for it");
    plugin.close_ephemeral(ZENOTI, first.private.clone()).await.ok();
    assert_eq!(revocations(&issuer), 1);
    let next = plugin.open_ephemeral(ZENOTI, &object([])).await;
    assert_ne!(next.reply.text("token"), first.reply.text("token"), "what was shared is over");
    // What is gone already is no error.
    plugin.close_ephemeral(ZENOTI, first.private).await.ok();
    plugin.finish().await;
}

#[tokio::test]
async fn case_43_closing_after_renewals_and_twice_revokes_once() {
    let (issuer, config) = issuer("case-43-revoke").await;
    let plugin = Plugin::configured(&config).await;
    let opened = plugin.open_ephemeral(ZENOTI, &revoking()).await;
    let mut private = opened.private.clone();
    for _ in 0..3 {
        let renewed = plugin.renew_ephemeral(ZENOTI, private).await;
        renewed.reply.ok();
        private = renewed.private;
    }
    assert_eq!(private, opened.private);
    plugin.close_ephemeral(ZENOTI, opened.private.clone()).await.ok();
    plugin.close_ephemeral(ZENOTI, opened.private).await.ok();
    plugin.finish().await;
    assert_eq!(revocations(&issuer), 1);
}

#[tokio::test]
async fn a_shared_token_ends_with_the_last_resource_that_wants_it_ended() {
    let (issuer, config) = issuer("revoke-shared").await;
    let plugin = Plugin::configured(&config).await;
    let first = plugin.open_ephemeral(ZENOTI, &revoking()).await;
    let second = plugin.open_ephemeral(ZENOTI, &revoking()).await;
    assert_eq!(first.reply.text("token"), second.reply.text("token"));
    for _ in 0..2 {
        plugin.close_ephemeral(ZENOTI, first.private.clone()).await.ok();
        assert_eq!(revocations(&issuer), 0, "somebody still works with it");
    }
    for _ in 0..2 {
        plugin.close_ephemeral(ZENOTI, second.private.clone()).await.ok();
        assert_eq!(revocations(&issuer), 1, "it is over already");
    }
    plugin.finish().await;
    assert_eq!(revocations(&issuer), 1);
}

#[tokio::test]
async fn a_process_that_did_not_open_it_can_close_it() {
    let (issuer, config) = issuer("revoke-elsewhere").await;
    let killed = Plugin::configured(&config).await;
    let opened = killed.open_ephemeral(ZENOTI, &revoking()).await;
    opened.reply.ok();
    killed.process.signal(Signal::SIGKILL);
    let plugin = Plugin::configured(&config).await;
    plugin.close_ephemeral(ZENOTI, opened.private).await.ok();
    assert_eq!(issuer.counters().requests(REVOKE, 200), 1);
    plugin.finish().await;
}

#[tokio::test]
async fn what_its_own_process_has_released_can_be_closed_by_another() {
    let (issuer, config) = issuer("released-elsewhere").await;
    let plugin = Plugin::configured(&config).await;
    let opened = plugin.open_ephemeral(ZENOTI, &revoking()).await;
    opened.reply.ok();
    plugin.finish().await;
    let plugin = Plugin::configured(&config).await;
    plugin.close_ephemeral(ZENOTI, opened.private).await.ok();
    assert_eq!(issuer.counters().requests(REVOKE, 200), 1);
    plugin.finish().await;
}

#[tokio::test]
async fn a_revocation_that_fails_is_told_without_the_token() {
    let (issuer, config) = issuer("revoke-fails").await;
    let plugin = Plugin::configured(&config).await;
    let opened = plugin.open_ephemeral(ZENOTI, &revoking()).await;
    let token = opened.reply.text("token").to_owned();
    issuer.fault(Fault::status(403).path(REVOKE));
    let reply = plugin.close_ephemeral(ZENOTI, opened.private).await;
    assert!(reply.error().says(&["not revoked", "may live on until"]), "{:?}", reply.error());
    leak::assert_none(reply.error().text().as_bytes(), &[&token, PASSWORD], "the error");
    plugin.finish().await;
}

#[tokio::test]
async fn a_borrowed_token_cannot_be_revoked_and_other_systems_do_not_offer_it() {
    let plugin = Plugin::start().await;
    let prefer = object([("mount", "secret".into()), ("path", "tokens/x".into())]);
    let both = object([("revoke_on_close", true.into()), ("prefer_rotated", prefer)]);
    assert_eq!(plugin.validate_ephemeral(ZENOTI, &both).await.error().path, "revoke_on_close");
    let offering: Vec<_> = schema::all()
        .await
        .ephemeral_resource_schemas
        .iter()
        .filter(|(_, schema)| {
            schema
                .block
                .as_ref()
                .unwrap()
                .attributes
                .iter()
                .any(|attribute| attribute.name == "revoke_on_close")
        })
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(offering, [ZENOTI]);
    plugin.finish().await;
}
