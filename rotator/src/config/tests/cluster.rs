//! The `cluster` block.

use super::{RIGHT, lines, parse, problems};

fn with(block: &str) -> String {
    format!("cluster {{\n{block}\n}}\n{RIGHT}")
}

const DATABASE: &str = "  database_url = { env = \"DATABASE_URL\" }";

#[cfg(feature = "cluster")]
mod built_with_it {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::cluster::Settings;
    use crate::source::Reference;

    fn settings(block: &str) -> Settings {
        parse(&with(block)).unwrap().cluster.unwrap()
    }

    #[test]
    fn without_a_block_nothing_is_shared() {
        assert_eq!(parse(RIGHT).unwrap().cluster, None);
    }

    #[test]
    fn only_the_place_of_the_database_has_to_be_said() {
        let settings = settings(DATABASE);
        assert_eq!(settings, Settings::new(Reference::Env("DATABASE_URL".to_owned())));
        assert_eq!((settings.heartbeat_interval.as_secs(), settings.missed_heartbeats()), (5, 12));
    }

    #[test]
    fn all_of_it_is_read() {
        let settings = settings(
            "  database_url = { file = \"url\" }\n  ca_cert_file = \"ca.pem\"\n  allow_plaintext = true\n  \
             heartbeat_interval = \"2s\"\n  heartbeat_limit = \"80s\"\n  replica = \"rotator-0.rotator\"\n  name = \"west\"",
        );
        assert_eq!(settings.database_url, Reference::File("url".into()));
        assert_eq!(settings.ca_cert_file.as_deref(), Some(Path::new("ca.pem")));
        assert!(settings.allow_plaintext);
        let seconds = [settings.heartbeat_interval, settings.heartbeat_limit].map(|time| time.as_secs());
        assert_eq!((seconds, settings.missed_heartbeats()), ([2, 80], 40));
        assert_eq!((&*settings.name, settings.replica.as_deref()), ("west", Some("rotator-0.rotator")));
    }

    #[test]
    fn a_run_has_to_be_over_before_its_work_is_taken_over() {
        let slow = |timeout: &str, more: &str| {
            let other = "source \"zettelstore\" \"slow\" {
  base_url = \"https://s.example/\"
  username = \"anna\"
  \
                         password = { env = \"P\" }
";
            format!(
                "{}
{other}  timeout = \"{timeout}\"
}}
",
                with(&format!("{DATABASE}{more}"))
            )
        };
        assert_eq!(
            parse(&slow("34s", "")).unwrap().longest_run(),
            Some(("zettelstore.slow".into(), Duration::from_secs(54)))
        );
        let errors = problems(&slow("35s", ""));
        let message = "1:1 a run of zettelstore.slow may take 55 s, and with a margin of 5 s that is not less than \
                       `heartbeat_limit`, which is 60 s";
        assert_eq!(lines(&errors), [message]);
        let advice = errors.iter().next().and_then(|problem| problem.advice.clone()).unwrap();
        assert!(advice.contains("`heartbeat_limit` to 61s"), "{advice}");
        let allowed = slow("35s", "\n  heartbeat_limit = \"61s\"");
        assert!(parse(&allowed).is_ok(), "what is advised passes");
        let limited = with(&format!("{DATABASE}\n  heartbeat_limit = \"30s\""));
        assert!(lines(&problems(&limited))[0].starts_with("3:21 a run of zettelstore.notes may take 50 s"));
        let vault = "vault {\n  address = \"https://v.example\"\n  timeout = \"13s\"\n}\n";
        assert_eq!(lines(&problems(&(with(DATABASE) + vault))).len(), 1, "Vault's time counts, too");
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once_and_no_value_is_shown() {
        let text = format!(
            "cluster {{\n  database_url = \"postgres://u:hunter2@h/d\"\n  ca_cert_file = 3\n  allow_plaintext = \"yes\"\n  \
             heartbeat_interval = \"500ms\"\n  heartbeat_limit = 5\n  replica = \"hunter 2\"\n  heartbeats = 3\n}}\n\
             cluster {{\n  replica = \"\"\n  name = \"a:b\"\n}}\n{RIGHT}"
        );
        let errors = problems(&text);
        assert!(!format!("{errors} {errors:?}").contains("hunter"), "{errors}");
        let name = "`replica` must have letters, digits, `-`, `_` and `.` only, and at most 100 of them";
        let expected = [
            "2:18 `database_url` is a secret, and a secret never stands in this file".to_owned(),
            "3:18 `ca_cert_file` must be a text, not a number".to_owned(),
            "4:21 `allow_plaintext` must be true or false, not a text".to_owned(),
            "5:24 `heartbeat_interval` must be 1 s or longer".to_owned(),
            "6:21 `heartbeat_limit` must be a duration, not a number".to_owned(),
            format!("7:13 {name}"),
            "8:3 `cluster` has no attribute `heartbeats`".to_owned(),
            "10:1 there is more than one `cluster` block".to_owned(),
            "10:1 this `cluster` has no `database_url`".to_owned(),
            format!("11:13 {name}"),
            format!("12:10 {}", name.replace("replica", "name")),
        ];
        assert_eq!(lines(&errors), expected);
    }

    #[test]
    fn a_database_url_can_be_kept_in_few_places() {
        let vault = "  database_url = { vault = { mount = \"kv\", path = \"db\", field = \"url\" } }";
        assert_eq!(
            lines(&problems(&with(vault))),
            ["2:20 `database_url` can be kept in `env` or `file` only"]
        );
        assert_eq!(lines(&problems(&with(""))), ["1:1 this `cluster` has no `database_url`"]);
        let twice = with(&format!("{DATABASE}\n  heartbeat_limit = \"9s\""));
        let message = "3:21 `heartbeat_limit` must be at least 2 times `heartbeat_interval`";
        assert_eq!(lines(&problems(&twice)), [message]);
    }

    #[test]
    fn it_changes_nothing_about_the_work() {
        let print = |text: &str| parse(text).unwrap().fingerprint();
        assert_eq!(print(&with(DATABASE)), print(RIGHT));
    }
}

#[cfg(not(feature = "cluster"))]
#[test]
fn a_build_without_the_feature_refuses_the_block_and_says_why() {
    let errors = problems(&with(DATABASE));
    assert_eq!(lines(&errors), ["1:1 this program was built without the feature `cluster`"]);
    assert_eq!(parse(RIGHT).unwrap().cluster, None);
}
