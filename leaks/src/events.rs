//! The events of a test's own process, as a log.

use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::records::open_log;

/// From now on every event of our own crates, at every level, goes to a log of this run, if logs are kept. A subscriber
/// that a test sets for its own thread comes first.
pub fn record_events() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let log = open_log("process").unwrap_or_else(|error| panic!("cannot keep a log: {error}"));
        if let Some((_, file)) = log {
            // Fails only if somebody else has set one for the whole process: none of our tests does.
            tracing::subscriber::set_global_default(EventLog::new(file))
                .unwrap_or_else(|error| panic!("{error}"));
        }
    });
}

struct EventLog {
    file: Mutex<File>,
    spans: AtomicU64,
}

impl EventLog {
    fn new(file: File) -> Self {
        Self { file: Mutex::new(file), spans: AtomicU64::new(1) }
    }

    fn write(&self, what: impl fmt::Display, record: impl FnOnce(&mut Fields)) {
        let mut fields = Fields::default();
        record(&mut fields);
        let line = format!("{what}{}\n", fields.0);
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(line.as_bytes()).unwrap_or_else(|error| panic!("cannot keep a log: {error}"));
    }
}

impl Subscriber for EventLog {
    /// The programs drop what others say, so it is nothing to search.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        ["tokenferry", "tfplugin", "terraform_provider_tokenferry"]
            .iter()
            .any(|name| metadata.target().starts_with(name))
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.write(place(span.metadata()), |fields| span.record(fields));
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.write("later", |fields| values.record(fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.write(place(event.metadata()), |fields| event.record(fields));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn place(metadata: &Metadata<'_>) -> String {
    format!("{} {}", metadata.level(), metadata.target())
}

#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.extend([" ", field.name(), "=", value]);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.extend([" ", field.name(), "=", &format!("{value:?}")]);
    }
}
