//! One-time passwords that are reckoned here.

use tokenferry_tests::leak;
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::terraform::Terraform;
use tokenferry_tests::value::{Value, object};

const TOTP: &str = "tokenferry_totp";
/// `12345678901234567890`, the secret of RFC 6238, in base32.
const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

#[tokio::test]
async fn a_code_holds_for_as_long_as_was_asked_for() {
    let plugin = Plugin::configured(&object([])).await;
    let uri = format!("otpauth://totp/Example:anna?secret={SECRET}&digits=8&period=4&algorithm=SHA256");
    let config = object([("uri", uri.into()), ("minimum_seconds", Value::Int(3))]);
    let opened = plugin.open_ephemeral(TOTP, &config).await;
    let code = opened.reply.text("code").to_owned();
    assert!(code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    let left = match opened.reply.ok().member("seconds_left") {
        Value::Int(left) => *left,
        other => other.text().unwrap().parse().unwrap(),
    };
    // Less a moment between making it and counting.
    assert!((2..=4).contains(&left), "{left}");
    assert!(opened.reply.text("expires_at").ends_with('Z'));
    assert_eq!(opened.renew_at, None);
    plugin.close_ephemeral(TOTP, opened.private).await.ok();
    plugin.finish().await;
}

#[tokio::test]
async fn case_27_a_number_that_came_as_text_goes_back_as_text() {
    let plugin = Plugin::configured(&object([])).await;
    for number in [Value::Int(1), "1".into(), Value::Float(1.0)] {
        let config = object([("secret", SECRET.into()), ("minimum_seconds", number.clone())]);
        let opened = plugin.open_ephemeral(TOTP, &config).await;
        assert_eq!(*opened.reply.ok().member("minimum_seconds"), number);
    }
    plugin.finish().await;
}

#[tokio::test]
async fn what_is_wrong_is_shown_at_its_argument_and_never_repeated() {
    let plugin = Plugin::start().await;
    let secret = || ("secret", Value::from(SECRET));
    for (config, path) in [
        (object([]), "secret"),
        (object([("secret", "planted: not base32!".into())]), "secret"),
        (object([secret(), ("uri", format!("otpauth://totp/x?secret={SECRET}").into())]), "uri"),
        (object([secret(), ("digits", "5".into())]), "digits"),
        (object([secret(), ("algorithm", "MD5".into())]), "algorithm"),
        (object([secret(), ("period", "0s".into())]), "period"),
        (object([secret(), ("minimum_seconds", Value::Int(31))]), "minimum_seconds"),
    ] {
        let reply = plugin.validate_ephemeral(TOTP, &config).await;
        assert_eq!(reply.error().path, path, "{config:?}");
        leak::assert_none(reply.error().text().as_bytes(), &[SECRET, "planted: not base32!"], "the error");
    }
    plugin.validate_ephemeral(TOTP, &object([("uri", Value::unknown())])).await.ok();
    plugin.finish().await;
}

#[tokio::test]
async fn terraform_hands_a_code_on_and_not_while_planning() {
    let configuration = format!(
        r#"
ephemeral "tokenferry_totp" "this" {{
  secret  = "{SECRET}"
  digits  = 6
  enabled = terraform.applying
}}
resource "terraform_data" "user" {{
  provisioner "local-exec" {{
    command     = "printf %s \"$CODE\" > code"
    environment = {{ CODE = ephemeral.tokenferry_totp.this.code }}
  }}
}}
"#
    );
    let terraform = Terraform::new(&configuration).await;
    terraform.init().await;
    terraform.run(&["apply", "-auto-approve"]).await.ok();
    let code = String::from_utf8(terraform.read("code")).unwrap();
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
}
