//! Logs on standard error, in the layout that Terraform takes apart (that of Go's hclog): one JSON object a line.
//!
//! Only events of the provider's own crates are logged. Libraries log requests and headers; theirs are dropped at
//! every level, and there is no switch.

use std::fmt::Debug;
use std::io::Write;

use serde_json::{Map, Value as Json};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// Starts logging at the level that the environment names, and reports panics.
pub(super) fn install(crates: &'static [&'static str]) {
    std::panic::set_hook(Box::new(report_panic));
    let level = level(|name| std::env::var(name).ok());
    if level == LevelFilter::OFF {
        return;
    }
    let subscriber = Registry::default().with(HostLog { level, crates });
    // Fails only when a subscriber is set already, and this is the only place that sets one.
    drop(tracing::subscriber::set_global_default(subscriber));
}

/// Terraform filters what it shows by the same two variables.
fn level(variable: impl Fn(&str) -> Option<String>) -> LevelFilter {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let Some(name) = set("TF_LOG_PROVIDER").or_else(|| set("TF_LOG")) else { return LevelFilter::OFF };
    match name.to_ascii_uppercase().as_str() {
        "OFF" => LevelFilter::OFF,
        "ERROR" => LevelFilter::ERROR,
        "WARN" => LevelFilter::WARN,
        "INFO" => LevelFilter::INFO,
        "DEBUG" => LevelFilter::DEBUG,
        // TRACE, JSON (the same in another layout), and whatever else: as Terraform reads it.
        _ => LevelFilter::TRACE,
    }
}

struct HostLog {
    level: LevelFilter,
    crates: &'static [&'static str],
}

impl HostLog {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        let root = target.split_once("::").map_or(target, |(root, _)| root);
        *metadata.level() <= self.level && self.crates.contains(&root)
    }
}

impl<S: Subscriber> Layer<S> for HostLog {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::new(*event.metadata().level(), event.metadata().target());
        event.record(&mut line);
        line.write();
    }
}

/// One line. Message, level and timestamp must be strings: anything else crashes Terraform.
struct Line(Map<String, Json>);

impl Line {
    fn new(level: Level, module: &str) -> Self {
        let timestamp = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.6fZ");
        let mut fields = Map::new();
        fields.insert("@level".to_owned(), level.as_str().to_ascii_lowercase().into());
        fields.insert("@message".to_owned(), "".into());
        fields.insert("@module".to_owned(), module.into());
        fields.insert("@timestamp".to_owned(), timestamp.to_string().into());
        Self(fields)
    }

    fn set(&mut self, field: &Field, value: Json) {
        let name = field.name();
        self.0.insert(if name == "message" { "@message".to_owned() } else { name.to_owned() }, value);
    }

    fn write(self) {
        let line = format!("{}\n", Json::Object(self.0));
        // In one write, so that lines of two threads never mix; when nobody reads, nobody misses it.
        drop(std::io::stderr().lock().write_all(line.as_bytes()));
    }
}

impl Visit for Line {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field, format!("{value:?}").into());
    }
}

/// The place only: the text of a panic is made of values, and any of them may be a secret.
fn report_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let mut line = Line::new(Level::ERROR, env!("CARGO_CRATE_NAME"));
    line.0.insert("@message".to_owned(), format!("the provider panicked at {place}").into());
    line.write();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_comes_from_the_providers_variable_before_the_general_one() {
        let read = |provider: Option<&str>, general: Option<&str>| {
            level(|name| match name {
                "TF_LOG_PROVIDER" => provider.map(str::to_owned),
                "TF_LOG" => general.map(str::to_owned),
                _ => None,
            })
        };
        assert_eq!(read(None, None), LevelFilter::OFF);
        assert_eq!(read(Some(""), Some("")), LevelFilter::OFF);
        assert_eq!(read(None, Some("json")), LevelFilter::TRACE);
        assert_eq!(read(Some("warn"), Some("TRACE")), LevelFilter::WARN);
        assert_eq!(read(Some("OFF"), Some("TRACE")), LevelFilter::OFF);
        assert_eq!(read(Some("loud"), None), LevelFilter::TRACE);
    }

    #[test]
    fn the_layout_is_the_one_that_terraform_takes_apart() {
        let Line(fields) = Line::new(Level::WARN, "tfplugin");
        let timestamp = fields["@timestamp"].as_str().unwrap();
        assert_eq!(fields["@level"], "warn");
        assert!(fields["@message"].is_string());
        assert_eq!(timestamp.len(), "2006-01-02T15:04:05.000000Z".len(), "{timestamp}");
        assert!(chrono::DateTime::parse_from_rfc3339(timestamp).is_ok());
    }
}
