//! Zip archives that come out the same, byte for byte, whenever they are made of the same files.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// A file that goes into an archive.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name there.
    pub name: String,
    /// Where it is now.
    pub file: PathBuf,
    /// Whether it is a program: Terraform unpacks it with the rights that the archive states.
    pub executable: bool,
}

impl Member {
    /// A program under a name of its own.
    pub fn program(name: impl Into<String>, file: &Path) -> Self {
        Self { name: name.into(), file: file.to_owned(), executable: true }
    }

    /// A file to read, under the name that it has.
    pub fn text(file: &Path) -> Self {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { name, file: file.to_owned(), executable: false }
    }

    /// The same in a folder of the archive.
    pub fn text_in(folder: &str, file: &Path) -> Self {
        let Self { name, file, executable } = Self::text(file);
        Self { name: format!("{folder}/{name}"), file, executable }
    }
}

/// Writes the members into a new archive, sorted by name.
///
/// # Errors
///
/// If a member cannot be read or the archive cannot be written.
pub fn write_archive(archive: &Path, mut members: Vec<Member>) -> io::Result<()> {
    members.sort_by(|one, other| one.name.cmp(&other.name));
    let mut writer = ZipWriter::new(File::create(archive)?);
    for member in members {
        writer.start_file(&member.name, options(&member))?;
        let mut file = File::open(&member.file).map_err(|error| naming(&member.file, &error))?;
        io::copy(&mut file, &mut writer)?;
    }
    writer.finish()?.sync_all()
}

/// The time is the first one that an archive can state: when something was built changes nothing about it.
fn options(member: &Member) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(if member.executable { 0o755 } else { 0o644 })
}

fn naming(file: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use zip::ZipArchive;

    use super::*;

    /// The bytes of an archive of two members, made from files in a folder of its own.
    fn archive(second: &str) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("README.md"), second).unwrap();
        fs::write(at("built"), "binary").unwrap();
        let members =
            vec![Member::program("program_v1", &at("built")), Member::text_in("man", &at("README.md"))];
        write_archive(&at("archive.zip"), members).unwrap();
        fs::read(at("archive.zip")).unwrap()
    }

    #[test]
    fn the_same_files_make_the_same_archive() {
        assert_eq!(archive("text"), archive("text"));
        assert_ne!(archive("text"), archive("other text"));
    }

    #[test]
    fn members_are_sorted_and_only_programs_can_be_executed() {
        let mut archive = ZipArchive::new(io::Cursor::new(archive("text"))).unwrap();
        let mut members = Vec::new();
        for index in 0..archive.len() {
            let member = archive.by_index(index).unwrap();
            members.push((member.name().unwrap().into_owned(), member.unix_mode().unwrap() & 0o777));
        }
        assert_eq!(members, [("man/README.md".to_owned(), 0o644), ("program_v1".to_owned(), 0o755)]);
    }

    #[test]
    fn a_member_that_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let members = vec![Member::text(&folder.path().join("missing"))];
        let error = write_archive(&folder.path().join("archive.zip"), members).unwrap_err();
        assert!(error.to_string().contains("/missing: "), "{error}");
    }
}
