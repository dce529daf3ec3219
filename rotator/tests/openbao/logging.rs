use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::Registry;

use crate::setting::{World, failed, rotated};

/// What our own crates log, at all levels.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<(Level, String)>>>);

impl Lines {
    fn of(&self, level: Level) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        lines.iter().filter(|(at, _)| *at == level).map(|(_, line)| line.clone()).collect()
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target().starts_with("tokenferry") {
            let mut line = Line::default();
            event.record(&mut line);
            self.0.lock().unwrap().push((*event.metadata().level(), line.0));
        }
    }
}

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

#[tokio::test]
async fn a_run_is_one_line_with_its_facts_and_no_secret() {
    // As long as there is but one dispatcher, tracing asks only that of the thread which comes to an event first:
    // another test's, which has none.
    let _second = tracing::Dispatch::new(Registry::default());
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(Registry::default().with(lines.clone()));
    let world = World::new().await;
    let runner = world.home();
    rotated(&runner).await;
    world.variables.set("PASSWORD", "wrong-hunter2");
    failed(&runner).await;

    let (done, failures) = (lines.of(Level::INFO), lines.of(Level::WARN));
    assert_eq!((done.len(), failures.len()), (1, 1), "{done:?} {failures:?}");
    for fact in [
        "rotation=\"home\"",
        "system=\"zettelstore\"",
        "attempt=1",
        "lag_ms=",
        "version=1",
        "expires_at=\"20",
    ] {
        assert!(done[0].contains(fact), "{fact}: {}", done[0]);
    }
    for fact in ["class=login_refused", "HTTP 401", "Check the user and the secret"] {
        assert!(failures[0].contains(fact), "{fact}: {}", failures[0]);
    }
    let token = world.bao.entry("home").await.0["token"].as_str().unwrap().to_owned();
    let all = format!("{:?}", lines.0.lock().unwrap());
    for secret in [token.as_str(), "hunter2", "sandbox-password", crate::bao::ROOT] {
        assert!(!all.contains(secret), "{all}");
    }
}
