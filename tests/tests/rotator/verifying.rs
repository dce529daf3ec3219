//! What is tried out before it is published, where a configuration asks for that.

use serde_json::json;
use tokenferry_sandbox::Fault;
use tokenferry_tests::openbao::Entry;
use tokenferry_tests::rotator::Rotator;

use crate::site::{MOUNT, Site};

/// A source that asks for a trial, and where that arrives.
struct Case {
    system: &'static str,
    source: String,
    /// More of the rotation.
    rotation: &'static str,
    trial: &'static str,
}

const DESTINATION: &str = "tokens/tried";
const ME: &str = "/http/v1/me";
const DEVICES: &str = "/zscaler/papi/public/v1/getDevices";

/// Any service: with a question that only its tokens are good for.
fn http(site: &Site) -> Case {
    let root = format!("http://{}", site.issuer.address());
    let source = format!(
        r#"secrets = {{ client_secret = {{ env = "CLIENT_SECRET" }} }}
           oauth2_client_credentials = {{ token_url = "{root}/http/oauth/token", client_id = "sandbox:client" }}
           verify = {{ url = "{root}{ME}" }}"#
    );
    Case { system: "http", source, rotation: "", trial: ME }
}

/// Zscaler: on request only, for each trial is one of its few calls an hour.
fn zscaler(site: &Site) -> Case {
    let source = format!(
        r#"base_url   = "{}"
           api_key    = "{}"
           secret_key = {{ env = "SECRET_KEY" }}"#,
        site.issuer.zscaler_url(),
        site.issuer.planted.api_key
    );
    Case { system: "zscaler", source, rotation: "verify = true", trial: DEVICES }
}

impl Case {
    fn rotator(&self, site: &mut Site) -> Rotator {
        let Case { system, source, rotation, .. } = self;
        site.configure(|config| {
            config.more = format!(
                "source \"{system}\" \"tried\" {{\n {source}\n}}\nrotation \"tried\" {{\n source = \"{system}.tried\"\n \
                 schedule = \"0 0 29 2 *\"\n {rotation}\n destination {{\n mount = \"{MOUNT}\"\n \
                 path = \"{DESTINATION}\"\n }}\n}}"
            );
        });
        let rotator = site.another().secret_env("CLIENT_SECRET", "sandbox+secret & more");
        rotator.secret_env("SECRET_KEY", &site.issuer.planted.secret_key)
    }

    fn logins(&self, site: &Site) -> u64 {
        site.issuer.counters().all_logins(self.system).succeeded
    }

    /// How often a token was tried out with this result.
    fn trials(&self, site: &Site, status: u16) -> u64 {
        site.issuer.counters().requests(self.trial, status)
    }

    /// Whoever reads holds the old token as long as the trial of a new one fails, for whatever reason.
    async fn keeps_the_old_token(&self, site: &mut Site) {
        let rotator = self.rotator(site);
        let once = ["once", "tried", "--force", "--output", "json"];
        rotator.run(&once).await.ok();
        let old = entry(site).await;
        assert_eq!((old.version, self.trials(site, 200), self.logins(site)), (1, 1, 1), "{}", self.system);

        let mut logins = 1;
        for (status, class) in [(401, "token_rejected"), (503, "server_error")] {
            site.issuer.fault(Fault::status(status).path(self.trial));
            let outcome = rotator.run(&once).await.failed_with(3).json();
            assert_eq!((&outcome[0]["result"], &outcome[0]["class"]), (&json!("failed"), &json!(class)));
            site.issuer.control().clear_faults();
            logins += 1;
            assert!(self.trials(site, status) >= 1, "{}: {status}", self.system);
            let (still, logged_in) = (entry(site).await, self.logins(site));
            assert_eq!((still.version, still.text("token"), logged_in), (1, old.text("token"), logins));
            assert_eq!(still.custom_metadata["tokenferry_failure_class"], class);
            let status = rotator.run(&["status", "tried", "--output", "json"]).await.failed_with(3).json();
            assert_eq!((&status[0]["state"], &status[0]["version"]), (&json!("failing"), &json!(1)));
        }

        rotator.run(&once).await.ok();
        let new = entry(site).await;
        assert_eq!((new.version, self.trials(site, 200)), (2, 2), "{}", self.system);
        assert_ne!(new.text("token"), old.text("token"));
        assert!(!new.custom_metadata.contains_key("tokenferry_failure_class"));
    }
}

async fn entry(site: &Site) -> Entry {
    let entry = site.openbao.entry(MOUNT, DESTINATION).await.unwrap();
    site.rotator.guard(entry.text("token"));
    entry
}

#[tokio::test]
async fn a_token_of_any_service_is_published_only_if_its_trial_succeeds() {
    let mut site = Site::new("verify-http").await;
    http(&site).keeps_the_old_token(&mut site).await;
}

#[tokio::test]
async fn a_token_of_zscaler_is_published_only_if_its_trial_succeeds_where_that_is_wished() {
    let mut site = Site::new("verify-zscaler").await;
    zscaler(&site).keeps_the_old_token(&mut site).await;
}

#[tokio::test]
async fn without_a_wish_no_call_is_spent_on_a_trial() {
    let mut site = Site::new("verify-not").await;
    for verify in ["", "verify = false"] {
        let case = Case { rotation: verify, ..zscaler(&site) };
        case.rotator(&mut site).run(&["once", "tried", "--force"]).await.ok();
    }
    let asked = site.issuer.control().requests();
    assert_eq!(asked.iter().filter(|request| request.path == DEVICES).count(), 0);
    assert_eq!(entry(&site).await.version, 2);
}

/// A token whose trial came to nothing is tried out once more: nobody logs in again for it.
#[tokio::test]
async fn a_trial_that_comes_to_nothing_is_repeated_with_the_same_token() {
    let mut site = Site::new("verify-again").await;
    let case = http(&site);
    let rotator = case.rotator(&mut site);
    site.issuer.fault(Fault::status(503).path(ME));
    let daemon = rotator.start();
    daemon.event(|event| event.text("rotation") == "tried" && event.text("class") == "server_error").await;
    assert!(site.openbao.entry(MOUNT, DESTINATION).await.is_none());
    site.issuer.control().clear_faults();
    site.openbao.entry_that(MOUNT, DESTINATION, |entry| entry.version == 1).await;
    assert_eq!((case.logins(&site), case.trials(&site, 200)), (1, 1));
    drop(entry(&site).await);
    drop(daemon);
}
