//! What can be seen to be wrong without asking anybody is told by the Validate calls: one message for each problem, at
//! its attribute. Each row of the tables is one thing to write; no attribute is without a row.

mod http;
mod provider;
mod readings;
mod table;

use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::launch::Launch;

use table::{Table, without_a_row};

/// Whatever is sent anywhere goes to the issuer, which counts connections.
async fn hold(test: &str, tables: &[Table]) {
    let issuer = Issuer::start(test).await;
    let proxy = format!("http://{}", issuer.address());
    let launch = Launch::new().env("HTTPS_PROXY", &*proxy).env("HTTP_PROXY", &*proxy);
    let plugin = launch.start().await;
    let mut complaints = Vec::new();
    for table in tables {
        complaints.extend(table.complaints(&plugin).await);
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
    assert_eq!(issuer.connections(), 0, "something was sent");
    plugin.finish().await;
}

#[tokio::test]
async fn every_wrong_value_of_the_provider_block_is_told_at_its_attribute() {
    hold("validate-provider", &provider::tables()).await;
}

#[tokio::test]
async fn every_wrong_value_of_an_http_login_is_told_at_its_attribute() {
    hold("validate-http", &http::tables()).await;
}

#[tokio::test]
async fn every_wrong_value_of_a_read_is_told_at_its_attribute() {
    hold("validate-readings", &readings::tables().await).await;
}

#[tokio::test]
async fn no_attribute_is_without_a_row() {
    let mut tables = provider::tables();
    tables.extend(http::tables());
    tables.extend(readings::tables().await);
    assert_eq!(without_a_row(&tables).await, Vec::<String>::new());
}
