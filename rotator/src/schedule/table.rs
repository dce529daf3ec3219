//! All schedules in use, so that equal ones share one copy however many rotations have them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use chrono_tz::Tz;

use super::{Inner, ScheduleError};

/// The copy in use, or a new one.
pub(super) fn shared(
    expression: &str,
    zone: Tz,
    read: impl FnOnce() -> Result<Inner, ScheduleError>,
) -> Result<Arc<Inner>, ScheduleError> {
    let mut table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (Box::from(expression), zone);
    if let Some(inner) = table.in_use.get(&key).and_then(Weak::upgrade) {
        return Ok(inner);
    }
    let inner = Arc::new(read()?);
    table.make_room();
    table.in_use.insert(key, Arc::downgrade(&inner));
    Ok(inner)
}

#[derive(Default)]
struct Table {
    in_use: HashMap<(Box<str>, Tz), Weak<Inner>>,
    swept_at: usize,
}

impl Table {
    /// Drops what nobody uses any more, each time the table has doubled.
    fn make_room(&mut self) {
        if self.in_use.len() >= self.swept_at.max(64) {
            self.in_use.retain(|_, inner| inner.strong_count() > 0);
            self.swept_at = self.in_use.len() * 2;
        }
    }
}

static TABLE: LazyLock<Mutex<Table>> = LazyLock::new(Mutex::default);
