//! What a read of an entry finds, and a write leaves.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};
use tokenferry_sources::Timestamp;

use crate::wiped::Wipe;

/// An entry with what is known of it.
#[derive(Debug, Default)]
pub struct Found {
    /// The version that a check-and-set write has to name; 0 if there never was one.
    pub version: u64,
    /// When that version was written, if there is one.
    pub written_at: Option<Timestamp>,
    /// When the engine will delete that version, if it was told to.
    pub vanishes_at: Option<Timestamp>,
    /// Whether that version holds data: it does not after a deletion.
    pub is_live: bool,
    /// Whether any version holds data, be it a deleted one: its owner can undelete that, until it is destroyed.
    pub holds_data: bool,
    /// The data, if there are any and we may read them.
    pub data: Option<Data>,
    /// Whether our policies let us read data.
    pub data_readable: bool,
    /// What is noted beside it.
    pub custom_metadata: BTreeMap<String, String>,
}

/// What came of a write.
#[derive(Debug)]
pub struct Stored {
    /// The version that was written.
    pub version: u64,
    /// When the engine will delete it, if it was told to.
    pub vanishes_at: Option<Timestamp>,
    /// What is noted beside it, if anything is and the server says so.
    pub custom_metadata: Option<BTreeMap<String, String>>,
}

/// The fields of an entry. Cannot be printed, and is wiped when dropped.
#[derive(Default)]
pub struct Data(Map<String, Value>);

impl Data {
    /// The fields.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl From<Map<String, Value>> for Data {
    fn from(fields: Map<String, Value>) -> Self {
        Data(fields)
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        self.0.values_mut().for_each(Wipe::wipe);
    }
}
