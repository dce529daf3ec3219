//! Looking for secrets in what programs write down.
//!
//! [`Search`] finds secrets in text, also in the usual encodings. [`Records`] are a folder in which all processes of
//! a test run note the secrets that they know of, and keep the logs that nobody may find one in.

#[cfg(feature = "events")]
mod events;
mod forms;
mod records;
mod search;
mod wire;

#[cfg(feature = "events")]
pub use events::record_events;
pub use forms::{Form, SHORTEST};
pub use records::{CANARY, FOLDER, Log, Records, are_recorded, note_secret, open_log};
pub use search::{Leak, Search, Secret};
pub use wire::note_message;
