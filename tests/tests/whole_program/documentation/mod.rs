//! Whatever the documentation shows, it works: every block is applied by real Terraform.

mod blocks;
mod stage;

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use serde_json::Value as Json;
use tokenferry_tests::binaries;
use tokenferry_tests::outcome::Outcome;
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::process::Process;
use tokenferry_tests::schema;
use tokenferry_tests::terraform::Terraform;
use tokenferry_tests::value::Value;
use tokio::process::Command;

use self::blocks::Block;
use self::stage::{Stage, write_scripts};

/// A provider block alone asks nobody, so each of those on the first page is given something to read.
const USES_OF_THE_FIRST_PAGE: &str = r#"
data "tokenferry_zettelstore_token" "default" {}

data "tokenferry_rotated_token" "default" {
  mount = "secret"
  path  = "tokens/zettelstore/notes"
}

data "tokenferry_zscaler_token" "subsidiary" {
  provider = tokenferry.subsidiary
}

data "tokenferry_zscaler_token" "one_api" {
  provider = tokenferry.one_api
}
"#;

const REQUIREMENT: &str = r#"terraform {
  required_providers {
    tokenferry = { source = "tokenferry/tokenferry" }
  }
}
"#;

#[tokio::test]
async fn every_block_of_the_documentation_is_applied() {
    let blocks: Vec<Block> = blocks::all().into_iter().filter(|block| !block.has_action()).collect();
    assert!(blocks.len() > 25, "only {} blocks", blocks.len());
    let stage = Stage::set().await;
    let terraform = stage.terraform(&root(&stage, &blocks)).await;
    for block in &blocks {
        let place = format!("modules/{}", block.name);
        let uses = if block.name.starts_with("index_") { USES_OF_THE_FIRST_PAGE } else { "" };
        terraform.write(&format!("{place}/main.tf"), &format!("{}{uses}", stage.play(&block.text)));
        if !block.text.contains("required_providers") {
            terraform.write(&format!("{place}/versions.tf"), REQUIREMENT);
        }
        write_scripts(&terraform, &place, block);
    }
    terraform.init().await;
    terraform.run(&["apply", "-auto-approve"]).await.ok();

    let started: usize = blocks.iter().map(|block| block.text.matches("local-exec").count()).sum();
    assert_eq!(stage.scripts_run(), started);
    for system in ["http", "zenoti", "zetasafe", "zettelstore", "zscaler"] {
        let logins = stage.sandbox.control().counters().all_logins(system);
        assert!(logins.succeeded > 0 && logins.succeeded == logins.attempted, "{system}: {logins:?}");
    }
}

#[tokio::test]
async fn every_block_of_the_documentation_is_formatted() {
    let terraform = Terraform::new("").await;
    for block in blocks::all() {
        terraform.write(&format!("blocks/{}.tf", block.name), &block.text);
    }
    let outcome = terraform.run(&["fmt", "-check", "-diff", "blocks"]).await;
    assert!(outcome.status.success(), "{}{}", outcome.stdout, outcome.stderr);
}

/// Only Terraform 1.14 and later knows actions, and applying these would remove devices. So their arguments become the
/// attributes of outputs, which any Terraform can evaluate; what comes of that is given to the provider to validate.
#[tokio::test]
async fn the_provider_accepts_every_action_of_the_documentation() {
    let plugin = Plugin::start().await;
    let mut count = 0;
    for block in blocks::all().iter().filter(|block| block.has_action()) {
        let actions = block.actions();
        let mut configuration = String::new();
        for variable in block.tops("variable") {
            writeln!(configuration, "variable {variable}\n}}").unwrap();
        }
        for (index, (_, arguments)) in actions.iter().enumerate() {
            writeln!(configuration, "output \"action-{index}\" {{\n  value = {{{arguments}}}\n}}").unwrap();
        }
        let terraform = Terraform::new(&configuration).await;
        terraform.init().await;
        terraform.run(&["apply", "-auto-approve"]).await.ok();
        let outputs = terraform.show(None).await["values"]["outputs"].take();
        for (index, (kind, _)) in actions.iter().enumerate() {
            let arguments = value(&outputs[format!("action-{index}")]["value"]);
            assert!(!arguments.names().is_empty(), "{}: {outputs}", block.name);
            plugin.validate_action(kind, &arguments).await.ok();
            count += 1;
        }
    }
    let kinds = schema::all().await.action_schemas.len();
    assert!(count >= kinds, "{count} examples of {kinds} actions");
    plugin.finish().await;
}

#[tokio::test]
async fn every_rotation_in_the_guides_is_proven() {
    let blocks = blocks::of_the_rotator();
    assert!(!blocks.is_empty());
    for block in blocks {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tokenferry.hcl"), &block.text).unwrap();
        let mut command = Command::new(binaries::rotator());
        command.args(["validate", "--offline", "--strict"]).current_dir(folder.path());
        command.env("VAULT_ADDR", "https://vault.example.com:8200");
        let outcome = Outcome::of(Process::spawn(&mut command), Duration::from_secs(30)).await;
        assert!(outcome.status.success(), "{}: {}", block.name, outcome.words());
    }
}

/// The guide's table of what each command costs, compared with what the issuer counts.
#[tokio::test]
async fn the_logins_that_the_guide_counts_are_those_that_the_issuer_counts() {
    let page = blocks::page("guides/rate-limits.md");
    let stage = Stage::set().await;
    for (column, configuration) in [DATA, EPHEMERAL, ONLY_IN_APPLIES].into_iter().enumerate() {
        let terraform = stage.terraform(configuration).await;
        terraform.init().await;
        for (words, command) in COMMANDS {
            let row = page.lines().find(|line| line.starts_with(&format!("| {words} |"))).expect(words);
            let said = row.split('|').nth(column + 2).map(str::trim).unwrap();
            stage.sandbox.control().reset();
            terraform.run(command).await.ok();
            let counted = stage.sandbox.control().counters().all_logins("zettelstore").attempted;
            assert_eq!(said, counted.to_string(), "{words}, column {}", column + 1);
        }
    }
}

const COMMANDS: [(&str, &[&str]); 7] = [
    ("`validate`", &["validate"]),
    ("`plan`", &["plan", "-out=saved.plan"]),
    ("`apply` of a saved plan", &["apply", "saved.plan"]),
    ("`apply` without one", &["apply", "-auto-approve"]),
    ("`refresh`", &["refresh"]),
    ("`output`, `show`", &["show"]),
    ("`destroy`", &["destroy", "-auto-approve"]),
];

const DATA: &str = "data \"tokenferry_zettelstore_token\" \"this\" {}\n";

const EPHEMERAL: &str = r#"
ephemeral "tokenferry_zettelstore_token" "this" {}
resource "terraform_data" "this" {
  provisioner "local-exec" {
    command     = "true"
    environment = { TOKEN = ephemeral.tokenferry_zettelstore_token.this.token }
  }
}
"#;

const ONLY_IN_APPLIES: &str = r#"
ephemeral "tokenferry_zettelstore_token" "this" {
  enabled = terraform.applying
}
resource "terraform_data" "this" {
  provisioner "local-exec" {
    command     = "true"
    environment = { TOKEN = ephemeral.tokenferry_zettelstore_token.this.token }
  }
}
"#;

/// What Terraform made of an expression, as it travels.
fn value(json: &Json) -> Value {
    match json {
        Json::Array(items) => Value::List(items.iter().map(value).collect()),
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Null => Value::Null,
        Json::Number(number) => Value::Int(number.as_i64().unwrap()),
        Json::Object(members) => {
            Value::Object(members.iter().map(|(name, member)| (name.clone(), value(member))).collect())
        }
        Json::String(text) => Value::from(text.as_str()),
    }
}

/// Each block as a module, with its variables.
fn root(stage: &Stage, blocks: &[Block]) -> String {
    let mut root = String::new();
    for block in blocks {
        let name = &block.name;
        writeln!(root, "module \"{name}\" {{\n  source = \"./modules/{name}\"").unwrap();
        for variable in block.variables() {
            writeln!(root, "  {variable} = {:?}", stage.variable(variable)).unwrap();
        }
        root.push_str("}\n");
    }
    root
}
