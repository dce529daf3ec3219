//! A log that another program writes, read once from its beginning to its end.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Attempt, Result};

/// A file that grows.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    /// A line whose end is not there yet.
    rest: Vec<u8>,
}

impl Log {
    /// The file has to be there.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).attempt(|| format!("read {}", path.display()))?;
        Ok(Self { file, rest: Vec::new() })
    }

    /// The whole lines that have been added since the last call.
    pub(crate) fn new_lines(&mut self) -> Result<String> {
        self.file.read_to_end(&mut self.rest).attempt(|| "read a log".into())?;
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        Ok(String::from_utf8_lossy(&lines).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    use super::*;

    #[test]
    fn lines_are_handed_over_once_and_when_they_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "one\ntwo\nthr").unwrap();
        let mut log = Log::open(&path).unwrap();
        assert_eq!(log.new_lines().unwrap(), "one\ntwo\n");
        assert_eq!(log.new_lines().unwrap(), "");

        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        writeln!(file, "ee").unwrap();
        assert_eq!(log.new_lines().unwrap(), "three\n");
    }
}
