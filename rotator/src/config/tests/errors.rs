//! What users see of their mistakes.

use super::{RIGHT, lines, parse, problems};

#[test]
fn all_mistakes_of_a_file_are_reported_at_once_with_their_places_and_without_values() {
    let errors = problems(include_str!("mistakes.hcl"));
    let found = lines(&errors);
    let expected: Vec<&str> = include_str!("mistakes.txt").lines().collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "found: {found}\nexpected: {expected}");
    }
    let shown = format!("{errors} {errors:?}").to_lowercase();
    assert!(!shown.contains("planted"), "{errors}");
}

#[test]
fn this_is_how_mistakes_look() {
    let text = r#"
source "zettelstore" "notes" {
	username = anna
	password = "hunter2" # the old one
}
rotation "notes" {
  source  = "zettelstore.note"
  schedul = "0 * * * *"
  destination { mount = "secret" }
}
"#;
    let shown = r#"
t.hcl:3:13: `username` must be a text, not a bare word
  | 	username = ***
  | 	           ^
  help: write it in double quotes: `username = "…"`

t.hcl:4:13: `password` is a secret, and a secret never stands in this file
  | 	password = ***
  | 	           ^
  help: write `password = { env = "NAME" }` or `password = { file = "/path" }`, or `{ vault = { mount = "…", path = "…", field = "…" } }`

t.hcl:7:13: there is no such source: `zettelstore.note`
  |   source  = ***
  |             ^
  help: did you mean `zettelstore.notes`?

t.hcl:8:3: `rotation` has no attribute `schedul`
  |   schedul = ***
  |   ^
  help: did you mean `schedule`?

t.hcl:9:3: this `destination` has no `path`
  |   destination { mount = *** }
  |   ^
  help: write `path = "…"`
"#;
    assert_eq!(format!("\n{}\n", problems(text)), shown);
}

/// What is said if this replaces that in what is right.
fn after(that: &str, this: &str) -> Vec<String> {
    assert!(RIGHT.contains(that), "{that}");
    lines(&problems(&RIGHT.replacen(that, this, 1)))
}

#[test]
fn what_is_no_text_is_refused_for_what_it_is() {
    let cases = [
        ("null", "not null"),
        ("[\"anna\"]", "not a list"),
        ("{ env = \"A\" }[0]", "not a bare word"),
        ("(\"anna\")", "not an expression; nothing is computed here"),
        ("\"a\" == \"b\"", "not an expression; nothing is computed here"),
        ("<<EOT\nanna\nEOT", "not a heredoc"),
        ("\"${anna}\"", "not a template"),
        ("upper(\"anna\")", "not a function call; there are no functions here"),
        ("17", "not a number"),
        ("true", "not true or false"),
    ];
    for (value, found) in cases {
        assert_eq!(after("\"anna\"", value), [format!("3:14 `username` must be a text, {found}")]);
    }
}

#[test]
fn a_secret_is_a_reference_to_one_place() {
    let cases = [
        ("{ }", "4:14 `password` must name exactly one place where it is kept"),
        ("{ env = \"A\", file = \"b\" }", "4:14 `password` must name exactly one place where it is kept"),
        ("{ env = \"A\", env = \"B\" }", "4:27 this name is written here again"),
        ("{ enf = \"A\" }", "4:16 `password` can be kept in `env`, `file` or `vault` only"),
        ("{ \"enf\" = \"A\" }", "4:16 `password` can be kept in `env`, `file` or `vault` only"),
        ("{ env = A }", "4:22 `env` must be a text, not a bare word"),
        ("{ env = 1 }", "4:22 `env` must be a text, not a number"),
        ("{ env = { env = \"A\" } }", "4:22 `env` must be a text, not an object"),
        ("{ file = null }", "4:23 `file` must be a text, not null"),
        ("{ vault = \"a\" }", "4:24 `vault` must be an object, not a text"),
        ("{ vault = { mount = \"a\", path = \"b\" } }", "4:24 this `vault` has no `field`"),
        ("{ env = \"\" }", "4:22 this is no name of an environment variable"),
        ("{ env = \"${A}\" }", "4:22 `env` must be a text, not a template"),
        ("{ env = \"1A\" }", "4:22 this is no name of an environment variable"),
        ("{ file = \"\" }", "4:23 a path is not empty and has no control characters"),
        ("secret.password", "4:14 `password` must say where it is kept"),
        ("\"hunter2\"", "4:14 `password` is a secret, and a secret never stands in this file"),
    ];
    for (value, expected) in cases {
        assert_eq!(after("{ env = \"ZETTELSTORE_PASSWORD\" }", value), [expected], "{value}");
    }
}

#[test]
fn a_secret_in_vault_has_a_mount_a_path_and_a_field() {
    let kept = |entry: &str| format!("{{ vault = {{ {entry} }} }}");
    let cases = [
        (r#"mount = "kv", path = "a", field = """#, "4:60 `field` is empty, begins or ends with white space"),
        (r#"mount = "kv", path = "a/../b", field = "c""#, "4:47 `path` contains `.` or `..` as a step"),
        (
            r#"mount = "", path = "a", field = "c""#,
            "4:34 `mount` is empty; write the name of one step, or of several as in `a/b`",
        ),
        (r#"mount = "kv", path = "a", field = "c", version = 2"#, "4:65 `vault` has no `version`"),
        (r#"mount = kv, path = "a", field = "c""#, "4:34 `mount` must be a text, not a bare word"),
    ];
    for (entry, expected) in cases {
        let found = after("{ env = \"ZETTELSTORE_PASSWORD\" }", &kept(entry));
        assert!(found.len() == 1 && found[0].starts_with(expected), "{entry}: {found:?}");
    }
}

#[test]
fn what_vault_is_logged_in_to_with_is_not_kept_there() {
    let vault = |auth: &str| format!("vault {{\n  auth {auth}\n}}\n{RIGHT}");
    let kept = "{ vault = { mount = \"kv\", path = \"a\", field = \"b\" } }";
    let cases = [
        (format!("\"token\" {{ token = {kept} }}"), "2:28 `token` is what"),
        (format!("\"approle\" {{\n role_id = \"r\"\n secret_id = {kept}\n }}"), "4:16 `secret_id` is what"),
        (
            format!("\"approle\" {{\n role_id = {kept}\n secret_id = {{ env = \"S\" }}\n }}"),
            "3:14 `role_id` is what",
        ),
        (format!("\"jwt\" {{\n role = \"r\"\n jwt = {kept}\n }}"), "4:10 `jwt` is what"),
    ];
    for (auth, expected) in cases {
        let found = lines(&problems(&vault(&auth)));
        let end = "Vault is logged in to with, and cannot be kept there";
        assert_eq!(found, [format!("{expected} {end}")], "{auth}");
    }
}

#[test]
fn a_token_never_takes_the_place_of_a_secret_that_a_source_reads() {
    let kept = "{ vault = { mount = \"/secret/\", path = \"notes\", field = \"password\" } }";
    assert_eq!(
        after("{ env = \"ZETTELSTORE_PASSWORD\" }", kept),
        ["9:3 the source at t.hcl:2 reads a secret from this very entry"]
    );
    let elsewhere = kept.replace("notes", "notes/login");
    assert!(parse(&RIGHT.replace("{ env = \"ZETTELSTORE_PASSWORD\" }", &elsewhere)).is_ok());
}

#[test]
fn nobody_is_told_to_write_a_secret_into_the_file() {
    let help = |value: &str| {
        let text = RIGHT.replace("{ env = \"ZETTELSTORE_PASSWORD\" }", value);
        let problem = problems(&text).iter().next().cloned().unwrap();
        problem.advice.unwrap()
    };
    assert_eq!(help("{ env = P }"), "write the name of the variable in double quotes: `{ env = \"NAME\" }`");
    assert_eq!(help("{ file = a/b }"), "write the path in double quotes: `{ file = \"/path\" }`");
    for value in ["hunter2", "hunter2 + 1", "\"hunter2\"", "17", "hunter.two"] {
        let help = help(value);
        let outside = "write `password = { env = \"NAME\" }` or `password = { file = \"/path\" }`, or `{ vault = { mount";
        assert!(help.starts_with(outside), "{help}");
    }
}

#[test]
fn a_life_is_not_kept_elsewhere_since_schedules_are_proven_with_it() {
    let zscaler = RIGHT
        .replace("zettelstore", "zscaler")
        .replace("username = \"anna\"", "cloud = \"zscaler\"\n  api_key = \"id\"\n  ttl = { env = \"TTL\" }")
        .replace("password =", "secret_key =");
    assert_eq!(
        lines(&problems(&zscaler)),
        ["5:9 `ttl` is needed before any variable or file is read, and cannot be kept there"]
    );
}

#[test]
fn what_looks_like_a_calculation_lacks_its_quotes() {
    for (that, this) in
        [("\"notes\"\n  }", "tokens/notes\n  }"), ("\"anna\"", "-anna"), ("\"anna\"", "anna ? a : b")]
    {
        let help = problems(&RIGHT.replacen(that, this, 1)).to_string();
        assert!(help.contains("write it in double quotes: `"), "{help}");
    }
}

#[test]
fn one_mistake_is_one_problem() {
    let no_duration = "8:18 `renew_before` is not a duration: it has no number where one is expected; write a number \
                       and a unit, as in \"90s\" or \"1h30m\"";
    let no_percent = "8:18 `renew_before` must be a duration, or from \"1%\" to \"99%\"";
    let cases = [
        ("\"notes\" {\n  username", "{\n  username", "2:1 `source` takes 2 names, not 1"),
        ("rotation \"notes\"", "rotation \"notes\" \"more\"", "6:1 `rotation` takes one name, not 2"),
        ("destination {", "destination \"x\" {", "9:3 `destination` takes no name, not 1"),
        ("username", "max_wait = \"1s\"\n  username", "3:3 `source` has no attribute `max_wait`"),
        (
            "username",
            "timeout = \"0s\"\n  username",
            "3:13 `timeout`: it must be longer than zero, as in \"30s\" or \"1h30m\"",
        ),
        (
            "username",
            "timeout = { env = \"A\" }\n  username",
            "3:13 `timeout` must be a duration, not an object",
        ),
        ("  username", "  base_url = \"\"\n  username", "3:14 `base_url`: it is empty; leave it out instead"),
        ("  username = \"anna\"\n", "", "2:1 missing `username`"),
        ("zettelstore.notes", "notes", "7:14 there is no such source"),
        ("\"zettelstore.notes\"", "zettelstore.notes", "7:14 `source` must be a text, not a bare word"),
        ("  schedule", "  spread = \"1 hour\"\n  schedule", "8:12 `spread` is not a duration"),
        ("  schedule", "  renew_before = \"0s\"\n  schedule", "8:18 `renew_before` must be longer than zero"),
        ("  schedule", "  renew_before = \"soon\"\n  schedule", no_duration),
        ("  schedule", "  renew_before = \"+30%\"\n  schedule", no_percent),
        ("  schedule", "  renew_before = \"030%\"\n  schedule", no_percent),
        ("  schedule", "  renew_before = \"30% \"\n  schedule", no_percent),
        ("  schedule", "  renew_before = \"100%\"\n  schedule", no_percent),
        (
            "\"secret\"",
            "\"/\"",
            "10:13 `mount` is empty; write the name of one step, or of several as in `a/b`",
        ),
        (
            "  destination",
            "  destination = 1\n  destination",
            "9:3 `destination` is a block, not an attribute",
        ),
    ];
    for (that, this, expected) in cases {
        assert_eq!(after(that, this), [expected], "{this}");
    }
}

#[test]
fn one_mistake_at_the_top_is_one_problem() {
    let cases = [
        ("concurrency = 65", "2:15 `concurrency` must be a whole number from 1 to 64"),
        ("concurrency = 0", "2:15 `concurrency` must be a whole number from 1 to 64"),
        ("concurrency = 1.5", "2:15 `concurrency` must be a whole number from 1 to 64"),
        ("grace_period = 25", "2:16 `grace_period` must be a duration, not a number"),
        ("listen = 9321", "2:10 `listen` must be a text, not a number"),
        ("listen = \":9321\"", "2:10 `listen` must be an IP address with a port, or \"off\""),
        ("listen = \"127.0.0.1\"", "2:10 `listen` must be an IP address with a port, or \"off\""),
        ("listen = \"rotator.example:9321\"", "2:10 `listen` must be an IP address with a port, or \"off\""),
        ("listen = \"0.0.0.0:65536\"", "2:10 `listen` must be an IP address with a port, or \"off\""),
        ("page = \"yes\"", "2:8 `page` must be true or false, not a text"),
        ("allowed_hosts = \"a.example\"", "2:17 `allowed_hosts` must be a list, not a text"),
        ("allowed_hosts = [\"a.example\", \"a.example:80\"]", "2:31 this is no name of a host"),
        ("allowed_hosts = [\"*.example\"]", "2:18 this is no name of a host"),
        ("allowed_hosts = [\"\"]", "2:18 this is no name of a host"),
        ("vault {\n}\nvault {\n}", "4:1 there is more than one `vault` block"),
        ("vault {\n  auth \"token\" {\n  }\n}", "3:3 this `auth` has no `token`"),
        ("vault {\n  auth \"kerberos\" {\n  }\n}", "3:8 there is no such way to log in at Vault"),
        ("vault {\n  addresses = \"https://a\"\n}", "3:15 `addresses` must be a list, not a text"),
        (
            "vault {\n  addresses = [\n    \"https://a\",\n    1,\n  ]\n}",
            "5:5 `addresses` must be a text, not a number",
        ),
        (
            "vault {\n  address = \"http://a\"\n}",
            "3:13 `address` is plain http to another machine, which sends tokens unprotected",
        ),
        ("rotation = 1", "2:1 `rotation` is a block, not an attribute"),
        (
            "sauce \"zettelstore\" \"two\" {\n  username = \"a\"\n  password = { env = \"A\" }\n}",
            "2:1 there is no block `sauce` here",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(after("\nsource", &format!("\n{text}\nsource")), [expected], "{text}");
    }
}

#[test]
fn two_ways_to_log_in_at_vault_are_one_too_many() {
    let auth = "  auth \"token\" {\n    token = { env = \"A\" }\n  }\n";
    let vault = format!("\nvault {{\n{auth}{auth}}}\nsource");
    assert_eq!(after("\nsource", &vault), ["6:3 there is more than one `auth` block"]);
}

#[test]
fn a_destination_is_written_by_one_rotation_only() {
    let with = |path: &str| {
        let second = format!("  destination {{\n    mount = \"/secret/\"\n    path = \"{path}\"\n  }}\n}}\n");
        RIGHT.trim_end().trim_end_matches('}').to_owned() + &second
    };
    assert_eq!(lines(&problems(&with("notes"))), ["13:3 the destination at t.hcl:9 is the same entry"]);
    assert!(parse(&with("notes/below")).is_ok());
}

#[test]
fn how_long_readers_take_is_said_once() {
    let said = |more: &str| {
        let text = RIGHT.replace("  schedule", &format!("  {more}\n  schedule"));
        problems(&text)
            .iter()
            .map(|problem| (problem.message.clone(), problem.advice.clone().unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    let twice = said("reader = \"vault-agent\"\n  reader_lag = \"5m\"");
    assert_eq!(twice.len(), 1);
    assert!(
        twice[0].0.contains("says already") && twice[0].1 == "write either `reader` or `reader_lag`",
        "{twice:?}"
    );
    let misspelt = said("reader = \"vault-agnet\"");
    assert_eq!(misspelt[0].1, "did you mean `vault-agent`?");
    let unknown = said("reader = \"cron\"");
    assert!(
        unknown[0].1.contains("`bao-agent`, ") && unknown[0].1.ends_with("for others write `reader_lag`"),
        "{unknown:?}"
    );
    assert_eq!(said("survive_outage = \"0s\"")[0].0, "`survive_outage` must be longer than zero");
}

#[test]
fn a_token_is_tried_out_only_where_that_is_possible() {
    let zscaler = RIGHT
        .replace("zettelstore", "zscaler")
        .replace("username = \"anna\"", "cloud = \"zscaler\"\n  api_key = \"id\"")
        .replace("password =", "secret_key =");
    let wanted = |text: &str| text.replace("  schedule", "  verify = true\n  schedule");
    assert!(!parse(&zscaler).unwrap().rotations[0].verify);
    assert!(parse(&wanted(&zscaler)).unwrap().rotations[0].verify);
    assert!(parse(RIGHT).unwrap().rotations[0].verify);
    let zenoti = RIGHT
        .replace("zettelstore", "zenoti")
        .replace("  username = \"anna\"\n", "")
        .replace("password =", "api_key =");
    assert_eq!(lines(&problems(&wanted(&zenoti))), ["7:12 a token of Zenoti cannot be tried out"]);
}

#[test]
fn a_source_that_is_missing_for_another_reason_is_not_missed_twice() {
    let cases = [
        (
            "source \"zettelstore\" \"notes\"",
            "source \"zettelstor\" \"notes\"",
            "2:8 there is no system `zettelstor`",
        ),
        ("source \"zettelstore\" \"notes\"", "source \"notes\"", "2:1 `source` takes 2 names, not 1"),
        ("\"anna\"", "anna", "3:14 `username` must be a text, not a bare word"),
    ];
    for (that, this, expected) in cases {
        assert_eq!(after(that, this), [expected], "{this}");
    }
    let two = "source \"zettelstor\" \"other\" {\n}\nrotation \"x\" {\n  source = \"zettelstore.note\"\n";
    let found = after("rotation \"notes\" {\n  source   = \"zettelstore.notes\"\n", two);
    assert_eq!(
        found,
        ["6:8 there is no system `zettelstor`", "9:12 there is no such source: `zettelstore.note`"]
    );
}

#[test]
fn a_misspelt_name_is_not_missing_too() {
    let cases = [
        ("path  =", "paht  =", "11:5 `destination` has no attribute `paht`"),
        ("schedule =", "shedule =", "8:3 `rotation` has no attribute `shedule`"),
        ("username =", "usrname =", "3:3 `source` has no attribute `usrname`"),
        ("destination {", "destinaton {", "9:3 `rotation` has no block `destinaton`"),
        ("rotation \"", "rotaton \"", "6:1 there is no block `rotaton` here"),
        ("source \"zettel", "sourc \"zettel", "2:1 there is no block `sourc` here"),
    ];
    for (that, this, expected) in cases {
        assert_eq!(after(that, this), [expected], "{this}");
    }
    let elsewhere = after("path  = \"notes\"", "role_id = \"notes\"");
    assert_eq!(
        elsewhere,
        ["9:3 this `destination` has no `path`", "11:5 `destination` has no attribute `role_id`"]
    );
}

#[test]
fn what_stands_behind_a_misspelt_name_is_looked_at() {
    let found = after("schedule = \"0 * * * *\"", "shedule = 5");
    assert_eq!(
        found,
        ["8:3 `rotation` has no attribute `shedule`", "8:13 `schedule` must be a text, not a number"]
    );
    let text = RIGHT
        .replace("rotation \"", "rotaton \"")
        .replace("\"anna\"", "anna")
        .replace("source \"", "sourc \"");
    let places: Vec<_> =
        problems(&text).iter().filter_map(|problem| problem.place).map(|place| place.to_string()).collect();
    assert_eq!(places, ["2:1", "3:14", "6:1"]);
}

#[test]
fn a_block_is_read_whatever_its_header_looks_like() {
    let wrong = RIGHT.replace("\"0 * * * *\"", "5").replace("path  =", "pth =").replace("\"anna\"", "anna");
    let in_source = "3:14 `username` must be a text, not a bare word";
    let in_rotation = "8:14 `schedule` must be a text, not a number";
    let in_destination = "11:5 `destination` has no attribute `pth`";
    let cases = [
        ("rotation \"notes\"", "rotation \"bad name\"", "6:10 a name has"),
        ("rotation \"notes\"", "rotation", "6:1 `rotation` takes one name"),
        ("destination {", "destination \"x\" {", "9:3 `destination` takes no name"),
        ("\"zettelstore\" \"notes\"", "\"zettelstore\" \"my notes\"", "2:22 a name has"),
        ("\"zettelstore\" \"notes\"", "\"zettelstore\"", "2:1 `source` takes 2 names"),
        ("\"zettelstore\" \"notes\"", "\"zetelstore\" \"notes\"", "2:8 there is no system"),
    ];
    for (that, this, header) in cases {
        let found = lines(&problems(&wrong.replacen(that, this, 1)));
        assert_eq!(found.len(), 4, "{found:#?}");
        for expected in [header, in_source, in_rotation, in_destination] {
            assert!(found.iter().any(|line| line.starts_with(expected)), "{expected} in {found:#?}");
        }
    }
}

#[test]
fn a_vault_or_auth_block_that_is_one_too_many_or_mislabelled_is_read() {
    let token = "auth \"token\" {\n    token = { env = \"A\" }\n  }";
    let cases = [
        (
            "vault {\n}\nvault {\n  timeout = 5\n}".to_owned(),
            ["4:1 there is more than one `vault` block", "5:13 `timeout` must be"],
        ),
        (
            "vault \"x\" {\n  timeout = 5\n}".to_owned(),
            ["2:1 `vault` takes no name", "3:13 `timeout` must be"],
        ),
        (
            format!("vault {{\n  {token}\n  auth \"token\" {{\n    token = 5\n  }}\n}}"),
            ["6:3 there is more than one `auth` block", "7:13 `token` must say where it is kept"],
        ),
        (
            "vault {\n  auth \"approl\" {\n    role_id = \"a\"\n    secret_id = \"hunter2\"\n  }\n}"
                .to_owned(),
            ["3:8 there is no such way", "5:17 `secret_id` is a secret"],
        ),
        (
            "vault {\n  auth {\n    token = \"hunter2\"\n  }\n}".to_owned(),
            ["3:3 `auth` takes one name", "4:13 `token` is a secret"],
        ),
        (
            "vault {\n  auth {\n    role_id = \"a\"\n    secret_id = 5\n  }\n}".to_owned(),
            ["3:3 `auth` takes one name", "5:17 `secret_id` must say where it is kept"],
        ),
    ];
    for (text, expected) in cases {
        let found = after("\nsource", &format!("\n{text}\nsource"));
        assert_eq!(found.len(), 2, "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}: {expected}");
        }
    }
}

#[test]
fn what_is_no_hcl_is_said_in_words() {
    let cases = [
        ("key = \"zscaler\n", "1:7 the text that begins here has no closing quote in its line"),
        ("key = {\n  other = \"A\n}\n", "2:11 the text that begins here has no closing quote in its line"),
        ("a = 1 b = 2\n", "1:7 something follows where the line should end"),
        ("a = \"b\" c\n", "1:9 something follows where the line should end"),
        ("key: value\n", "1:4 neither an attribute nor a block begins here"),
        ("destination { a = 1, b = 2 }\n", "1:20 this block is not closed here"),
        ("a = <<EOT\ntext\n", "2:1 this heredoc is not closed"),
        ("}\n", "1:1 this `}` closes nothing"),
        ("key = { env = \"A\"\n", "1:1 what begins here is not closed"),
        ("addresses = [\n  \"a\",\n", "1:1 the `addresses` that begins here is not closed"),
        ("rotation \"a\"\n  verify = true\n}\n", "1:13 a `{` is missing here"),
        ("rotaton \"a\"\n", "1:12 a `{` is missing here, or a `=` after the name"),
        ("\n{ \"source\": { } }\n", "2:1 this is JSON, and configurations are written in HCL"),
        ("a = 1\u{0}\n", "1:6 a control character stands here"),
        ("a = 1\na = 2\n", "2:1 this name is written here again"),
    ];
    for (text, expected) in cases {
        assert_eq!(lines(&problems(text)), [expected], "{text}");
    }
    let nested = format!("a = {}{}\n", "[".repeat(100), "]".repeat(100));
    assert!(problems(&nested).to_string().contains("this is nested too deeply"));
}

/// What is said of this line within the block of a source.
fn slip(line: &str) -> (String, String) {
    let errors = problems(&RIGHT.replace("  username = \"anna\"", line));
    let found = lines(&errors);
    assert_eq!(found.len(), 1, "{line}: {found:#?}");
    let problem = errors.iter().next().unwrap();
    (found[0].clone(), problem.advice.clone().unwrap_or_default())
}

#[test]
fn a_value_without_quotes_is_pointed_at_where_it_begins() {
    for value in [
        "1m",
        "http://x",
        "30%",
        "anna@x",
        "anna\"",
        "@daily",
        "*/5 * * * *",
        "$A",
        "~/a",
        "10:30",
        "'a'",
        "a b",
    ] {
        let (found, help) = slip(&format!("  username = {value}"));
        assert_eq!(found, "3:14 the value that begins here is not valid", "{value}");
        assert_eq!(help, "if a text is meant, write it in double quotes: `username = \"…\"`");
    }
    let errors = problems(&RIGHT.replace("\"anna\"", "1m"));
    let excerpt = errors.iter().find_map(|problem| problem.excerpt.clone()).unwrap();
    assert_eq!((excerpt.line.as_str(), excerpt.caret.as_str()), ("  username = ***", "             ^"));
}

#[test]
fn other_slips_say_what_is_missing() {
    let cases = [
        ("  username =", "3:13 a value is missing here"),
        ("  username \"anna\"", "3:12 a `=` is missing here"),
        ("  username anna", "3:12 a `=` is missing here"),
        ("  username : \"anna\"", "3:12 neither an attribute nor a block begins here"),
        ("  username = \"anna", "3:14 the text that begins here has no closing quote in its line"),
        ("  username = { env = \"A }", "3:22 the text that begins here has no closing quote in its line"),
        ("  username = { env = $A }", "3:22 this is not a valid value"),
        ("  username = {\n    env = $A\n  }", "4:11 the value that begins here is not valid"),
    ];
    for (line, expected) in cases {
        assert_eq!(slip(line).0, expected);
    }
    assert_eq!(slip("  username : \"a\"").1, "write `=` instead of `:`");
    assert!(slip("  username = \"a\";").1.starts_with("end the line here"));
}

#[test]
fn no_slip_makes_us_advise_to_write_a_secret_down() {
    for line in [
        "password = hunter 2",
        "password = \"hunter\" 2",
        "password = { env = $P }",
        "password \"hunter\"",
        "password = hunter\"",
        "password =",
    ] {
        let errors = problems(&RIGHT.replace("password = { env = \"ZETTELSTORE_PASSWORD\" }", line));
        let shown = errors.to_string();
        assert_eq!(errors.iter().count(), 1, "{shown}");
        assert!(shown.contains("help: write `password = { env = \"NAME\" }`"), "{shown}");
        assert!(!shown.contains("hunter"), "{shown}");
    }
}

#[test]
fn a_slip_hides_nothing_else() {
    let text = RIGHT
        .replace("\"anna\"", "anna@x")
        .replace("\"0 * * * *\"", "*/30 * * * *\n  reader_lag = 5m\n  spread = 5")
        .replace("path  = \"notes\"", "path = \"notes\n    adopt = 1");
    assert_eq!(
        lines(&problems(&text)),
        [
            "3:14 the value that begins here is not valid",
            "8:14 the value that begins here is not valid",
            "9:16 the value that begins here is not valid",
            "10:12 `spread` must be a duration, not a number",
            "13:12 the text that begins here has no closing quote in its line",
            "14:13 `adopt` must be true or false, not a number",
        ]
    );
    let broken = lines(&problems(&(text + "vault {\n")));
    assert_eq!(broken.len(), 5, "{broken:#?}");
    assert_eq!(broken[4], "17:1 the `vault` that begins here is not closed");
}

#[test]
fn a_slip_in_a_value_over_several_lines_is_one_problem() {
    let text =
        RIGHT.replacen("\nsource", "\nvault {\n  addresses = [http://a,\n    \"https://b\"]\n}\nsource", 1);
    let found = lines(&problems(&text));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("3:"), "{found:#?}");
}

#[test]
fn thousands_of_slips_are_not_looked_for() {
    let many = "username = a b\n".repeat(1000);
    assert!(problems(&many).iter().count() <= 102);
}

#[test]
fn the_block_that_is_not_closed_is_named() {
    let without = |that: &str| RIGHT.replacen(that, "", 1);
    let inner = without("  }\n");
    assert_eq!(lines(&problems(&inner)), ["9:3 the `destination` that begins here is not closed"]);
    let outer = format!("{}vault {{\n}}\n", RIGHT.trim_end().trim_end_matches('}'));
    assert_eq!(lines(&problems(&outer)), ["6:1 the `rotation` that begins here is not closed"]);
}

#[test]
fn quotes_are_looked_for_where_there_can_be_some() {
    let right = "# \"\n// \"\nx = 1 /* \"\n \" */\ny = \"\\\"\"\nz = <<-EOT\n  \"\n  EOT\n";
    let found = lines(&problems(&format!("{right}w = 1 2\n")));
    assert_eq!(found, ["9:5 the value that begins here is not valid"]);
}

#[test]
fn schedule_and_time_zone_are_checked_each_for_itself() {
    let schedule = |attributes: &str| -> Vec<String> {
        let places = after("  schedule = \"0 * * * *\"", attributes);
        places.iter().map(|line| line.split_once(' ').unwrap_or_default().0.to_owned()).collect()
    };
    assert_eq!(schedule("  schedule = \"0 * * *\"\n  time_zone = \"No/Where\""), ["8:14", "9:15"]);
    assert_eq!(schedule("  schedule = 5\n  time_zone = \"No/Where\""), ["8:14", "9:15"]);
    assert_eq!(schedule("  schedule = \"0 * * *\"\n  time_zone = 5"), ["8:14", "9:15"]);
    assert_eq!(schedule("  schedule = \"0 * * * *\"\n  time_zone = 5"), ["9:15"]);
}

#[test]
fn a_rate_has_one_form() {
    let with = |rate: &str| RIGHT.replace("  username", &format!("  rate = {rate}\n  username"));
    for rate in ["\"100 per hour\"", "\"100\"", "\"0/h\"", "\"100/hour\"", "\"1.5/m\""] {
        let found = problems(&with(rate));
        let wrong = "3:10 `rate` must be a whole number of logins, up to 1000000, and a unit of time";
        assert_eq!(lines(&found), [wrong], "{rate}");
        let advice = found.iter().next().and_then(|problem| problem.advice.clone());
        assert_eq!(advice.as_deref(), Some("write it as in \"100/h\"; the units are s, m, h and d"));
    }
    assert_eq!(lines(&problems(&with("100"))), ["3:10 `rate` must be a text, not a number"]);
}

#[test]
fn enabled_is_true_or_false() {
    let text = RIGHT.replace("  schedule", "  enabled = \"no\"\n  schedule");
    assert_eq!(lines(&problems(&text)), ["8:13 `enabled` must be true or false, not a text"]);
    let text = RIGHT.replace("  schedule", "  enabeld = false\n  schedule");
    assert_eq!(lines(&problems(&text)), ["8:3 `rotation` has no attribute `enabeld`"]);
}
