//! From the start of the process to the first connection.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tfplugin_proto::goplugin::ConnInfo;
use tfplugin_proto::tfplugin6::get_provider_schema;
use tokenferry_tests::connection::Connection;
use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::launch::{Handshake, Launch};
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::tls::{Identity, names_localhost};
use tokenferry_tests::value::object;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_stream::StreamExt as _;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;

const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn case_01_without_the_cookie_it_explains_itself_and_leaves() {
    let place = tempfile::tempdir().unwrap();
    for launch in [
        Launch::new().without("TF_PLUGIN_MAGIC_COOKIE"),
        Launch::new().env("TF_PLUGIN_MAGIC_COOKIE", "wrong"),
        Launch::new().env("TF_PLUGIN_MAGIC_COOKIE", ""),
        Launch::new()
            .without("TF_PLUGIN_MAGIC_COOKIE")
            .env("PLUGIN_UNIX_SOCKET_DIR", place.path().display().to_string()),
    ] {
        let mut process = launch.spawn();
        assert_eq!(process.exit(SECOND).await.code(), Some(1));
        assert_eq!(process.stdout.whole(SECOND).await, "");
        assert!(process.stderr.whole(SECOND).await.to_lowercase().contains("terraform"));
        assert_eq!(fs::read_dir(launch.directory()).unwrap().count(), 0, "it left a socket behind");
    }
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "it left a socket behind");
}

#[tokio::test]
async fn case_02_without_a_client_certificate_it_serves_plain_http2() {
    let plugin = Launch::new().plaintext().start().await;
    let socket = plugin.handshake.socket().display().to_string();
    assert_eq!(plugin.handshake.line, format!("1|6|unix|{socket}|grpc|"));
    plugin.provider().get_provider_schema(get_provider_schema::Request {}).await.unwrap();
    plugin.finish().await;
}

#[tokio::test]
async fn case_03_the_server_certificate_names_localhost() {
    let plugin = Plugin::start().await;
    assert!(names_localhost(plugin.handshake.certificate.as_ref().unwrap()));
    plugin.finish().await;
}

#[tokio::test]
async fn case_04_the_certificate_is_unpadded_standard_base64_in_a_hundred_starts() {
    for _ in 0..100 {
        let launch = Launch::new();
        let process = launch.spawn();
        let line = process.stdout.first_line(PATIENCE).await.unwrap();
        // It is decoded without padding, as hosts do it.
        Handshake::parse(&line);
        let certificate = line.split('|').nth(5).unwrap();
        assert!(!certificate.contains(['=', '-', '_', '\r']), "{line}");
        assert!(certificate.len() > 50, "a host takes no notice of {line}");
    }
}

#[tokio::test]
async fn case_05_the_version_is_6_whatever_the_host_offers() {
    for offer in ["6,5", "5,6", "6", "6,7,5", "5"] {
        let plugin = Launch::new().env("PLUGIN_PROTOCOL_VERSIONS", offer).start().await;
        assert_eq!(plugin.handshake.protocol, "6", "for {offer}");
    }
    let plugin = Launch::new().without("PLUGIN_PROTOCOL_VERSIONS").start().await;
    assert_eq!(plugin.handshake.protocol, "6", "for none");
}

#[tokio::test]
async fn case_06_the_socket_is_private_lies_where_the_host_says_and_is_removed() {
    let place = tempfile::tempdir().unwrap();
    let plugin =
        Launch::new().env("PLUGIN_UNIX_SOCKET_DIR", place.path().display().to_string()).start().await;
    let socket = plugin.handshake.socket().to_owned();
    assert!(socket.starts_with(place.path()), "{}", socket.display());
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "mode {mode:o}");
    plugin.finish().await;
    assert!(!socket.exists());
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn the_socket_in_the_temporary_directory_is_private_and_removed() {
    let plugin = Plugin::start().await;
    let socket = plugin.handshake.socket().to_owned();
    assert!(socket.starts_with(plugin.directory.path()));
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o077, 0);
    plugin.finish().await;
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_temporary_directory_too_deep_for_a_socket_does_not_stop_it() {
    let launch = Launch::new();
    let deep = launch.directory().join("d".repeat(120));
    fs::create_dir(&deep).unwrap();
    let plugin = launch.env("TMPDIR", deep.display().to_string()).start().await;
    plugin.provider().get_provider_schema(get_provider_schema::Request {}).await.unwrap();
    plugin.finish().await;
}

#[tokio::test]
async fn case_07_stdout_has_one_line_in_the_whole_life_of_the_process() {
    let issuer = Issuer::start("case-07").await;
    let plugin = Launch::new().env("TF_LOG_PROVIDER", "TRACE").start().await;
    plugin.configure(&issuer.config()).await.ok();
    plugin.read("tokenferry_zscaler_token", &object([])).await.ok();
    plugin.read_raw("tokenferry_no_such_thing", object([]).dynamic()).await.error();
    let opened = plugin.open_ephemeral("tokenferry_zscaler_token", &object([])).await;
    plugin.close_ephemeral("tokenferry_zscaler_token", opened.private).await.ok();
    plugin.call_function("jwt_claims", &["opaque".into()]).await.unwrap_err();
    plugin.stop_provider().await;
    plugin.finish().await;
}

#[tokio::test]
async fn case_08_it_listens_before_it_prints_the_line() {
    for _ in 0..20 {
        let launch = Launch::new();
        let process = launch.spawn();
        let line = process.stdout.first_line(PATIENCE).await.unwrap();
        UnixStream::connect(Handshake::parse(&line).socket()).await.expect("the first attempt succeeds");
    }
}

#[tokio::test]
async fn case_09_a_client_without_the_certificate_is_refused() {
    let plugin = Plugin::start().await;
    let other = Identity::new();
    let stolen = Identity::without_key_of(plugin.identity.as_ref().unwrap());
    for (what, identity) in
        [("none", None), ("another", Some(&other)), ("one without its key", Some(&stolen))]
    {
        assert!(!can_call(&plugin.handshake, identity).await, "with {what}");
    }
    let mut plain = plugin.handshake.clone();
    plain.certificate = None;
    assert!(!can_call(&plain, None).await, "without TLS");
    assert!(can_call(&plugin.handshake, plugin.identity.as_ref()).await);
    plugin.finish().await;
}

async fn can_call(handshake: &Handshake, identity: Option<&Identity>) -> bool {
    let Ok(connection) = Connection::open(handshake, identity).await else { return false };
    let call = async { connection.provider().get_provider_schema(get_provider_schema::Request {}).await };
    matches!(timeout(PATIENCE, call).await, Ok(Ok(_)))
}

#[tokio::test]
async fn case_13_the_side_streams_stay_open_and_silent_until_shutdown() {
    let plugin = Plugin::start().await;
    let mut stdio = plugin.stdio().stream_stdio(()).await.unwrap().into_inner();
    // As a host does it: its own side stays open.
    let ours = tokio_stream::iter([ConnInfo::default()]).chain(tokio_stream::pending());
    let mut broker = plugin.broker().start_stream(ours).await.unwrap().into_inner();
    assert!(timeout(SECOND / 2, stdio.message()).await.is_err(), "StreamStdio ended or spoke");
    assert!(timeout(SECOND / 2, broker.message()).await.is_err(), "StartStream ended or spoke");
    plugin.validate_data("tokenferry_zscaler_token", &object([])).await.ok();
    plugin.stop_provider().await;
    assert!(timeout(SECOND / 4, stdio.message()).await.is_err(), "StopProvider is no shutdown");
    plugin.shutdown().await;
    assert!(!matches!(timeout(PATIENCE, stdio.message()).await.unwrap(), Ok(Some(_))));
    assert!(!matches!(timeout(PATIENCE, broker.message()).await.unwrap(), Ok(Some(_))));
}

#[tokio::test]
async fn case_14_the_health_of_the_plugin_service_is_told() {
    let plugin = Plugin::start().await;
    let check = |service: &str| HealthCheckRequest { service: service.to_owned() };
    let health = plugin.health().check(check("plugin")).await.unwrap().into_inner();
    assert_eq!(health.status(), ServingStatus::Serving);
    assert_eq!(plugin.health().check(check("other")).await.unwrap_err().code(), Code::NotFound);
    plugin.finish().await;
}
