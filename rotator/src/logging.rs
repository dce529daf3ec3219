//! Logs on standard error, one line an event, as text or JSON.
//!
//! Only events of our own crates are logged. Libraries log requests and headers; theirs are dropped at every level,
//! and there is no switch.

use std::fmt::Debug;
use std::io::Write as _;

use serde::Serialize;
use serde_json::Value as Json;
use tokenferry_sources::{Timestamp, rfc3339};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::terminal::clear_progress;

/// How log lines look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// One JSON object.
    Json,
    /// Time, level, message, and fields as `name=value`.
    Text,
}

/// Starts logging, and reports panics.
pub fn install(format: Format, level: LevelFilter) {
    std::panic::set_hook(Box::new(move |panic| {
        // The place only: the text of a panic is made of values, and any of them may be a secret.
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        let line = Line { message: format!("tokenferry panicked at {place}"), ..Line::default() };
        line.write(format, Level::ERROR, env!("CARGO_CRATE_NAME"));
    }));
    let subscriber = Registry::default().with(Log { format, level });
    // Fails only when a subscriber is set already, and this is the only place that sets one.
    drop(tracing::subscriber::set_global_default(subscriber));
}

struct Log {
    format: Format,
    level: LevelFilter,
}

impl Log {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        let root = target.split_once("::").map_or(target, |(root, _)| root);
        *metadata.level() <= self.level && CRATES.contains(&root)
    }
}

impl<S: Subscriber> Layer<S> for Log {
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
        let mut line = Line::default();
        event.record(&mut line);
        line.write(self.format, *event.metadata().level(), event.metadata().target());
    }
}

/// One event.
#[derive(Default)]
struct Line {
    message: String,
    fields: Vec<(&'static str, Json)>,
}

impl Line {
    fn set(&mut self, field: &Field, value: Json) {
        match (field.name(), value) {
            ("message", Json::String(text)) => self.message = text,
            (name, value) => self.fields.push((name, value)),
        }
    }

    fn write(self, format: Format, level: Level, target: &str) {
        let mut line = match format {
            Format::Json => self.json(chrono::Utc::now(), level, target),
            Format::Text => self.text(chrono::Utc::now(), level).into_bytes(),
        };
        line.push(b'\n');
        // In one write, so that lines never mix; when nobody reads, nobody misses it.
        line.splice(0..0, clear_progress().bytes());
        drop(std::io::stderr().lock().write_all(&line));
    }

    /// Written as it comes, without an object in between: there are two lines for each run.
    fn json(self, now: Timestamp, level: Level, target: &str) -> Vec<u8> {
        let (time, level) = (millis(now), level.as_str().to_ascii_lowercase());
        let own =
            [("timestamp", &*time), ("level", &*level), ("message", &*self.message), ("target", target)];
        let mut line = Vec::with_capacity(LENGTH);
        for (name, text) in own {
            put(&mut line, name, &text);
        }
        for (name, value) in &self.fields {
            put(&mut line, name, value);
        }
        line.push(b'}');
        line
    }

    fn text(self, now: Timestamp, level: Level) -> String {
        let mut line = format!("{} {level:<5} {}", rfc3339(now), one_line(&self.message));
        for (name, value) in self.fields {
            let text = match value {
                Json::String(text) if is_word(&text) => text,
                Json::String(text) => format!("{text:?}"),
                other => other.to_string(),
            };
            line.extend([" ", name, "=", &text]);
        }
        line
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

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field, format!("{value:?}").into());
    }
}

/// Adds a member to an object that is not closed yet.
fn put(object: &mut Vec<u8>, name: &str, value: &impl Serialize) {
    object.push(if object.is_empty() { b'{' } else { b',' });
    // Texts and plain values can always be written.
    drop(serde_json::to_writer(&mut *object, name));
    object.push(b':');
    drop(serde_json::to_writer(object, value));
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"' || c == '=')
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn millis(time: Timestamp) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// Of an ordinary line.
const LENGTH: usize = 320;
const CRATES: [&str; 4] = ["tokenferry", "tokenferry_rotator", "tokenferry_sources", "tokenferry_vault"];

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        let fields = vec![("rotation", "corp".into()), ("advice", "say \"x\"".into()), ("version", 3.into())];
        Line { message: "rotated\nit".to_owned(), fields }
    }

    #[test]
    fn a_line_of_text_has_time_level_message_and_fields() {
        let text = line().text(Timestamp::UNIX_EPOCH, Level::INFO);
        let fields = r#"rotation=corp advice="say \"x\"" version=3"#;
        assert_eq!(text, format!("1970-01-01T00:00:00Z INFO  rotated it {fields}"));
    }

    #[test]
    fn a_line_of_json_is_one_object() {
        let json = line().json(Timestamp::UNIX_EPOCH, Level::WARN, "tokenferry_rotator::runner");
        let parsed: Json = serde_json::from_slice(&json).unwrap();
        assert_eq!(parsed["timestamp"], "1970-01-01T00:00:00.000Z");
        assert_eq!((&parsed["level"], &parsed["message"]), (&"warn".into(), &"rotated\nit".into()));
        assert_eq!((&parsed["version"], &parsed["rotation"]), (&3.into(), &"corp".into()));
        assert!(!json.contains(&b'\n') && json.starts_with(br#"{"timestamp":"1970"#));
    }

    #[test]
    fn only_our_own_crates_are_heard() {
        assert!(CRATES.contains(&env!("CARGO_CRATE_NAME")) && !CRATES.contains(&"reqwest"));
    }
}
