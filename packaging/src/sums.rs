//! Checksums in the form of `sha256sum`, which can check them, too.

use std::fs::File;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

/// One line for each file: its SHA-256 and its name, without the folder, sorted by name.
///
/// # Errors
///
/// If one of the files cannot be read.
pub fn sums(files: &[&Path]) -> io::Result<String> {
    let mut lines = Vec::new();
    for file in files {
        let mut hash = Sha256::new();
        io::copy(&mut File::open(file)?, &mut hash)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        lines.push((name, format!("{:x}", hash.finalize())));
    }
    lines.sort();
    let lines: Vec<String> = lines.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect();
    Ok(lines.concat())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn sums_are_those_of_the_standard_under_bare_names_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("b.zip"), "abc").unwrap();
        fs::write(at("a.json"), "").unwrap();
        // The empty text, and the first example of FIPS 180-2.
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let expected = format!("{empty}  a.json\n{abc}  b.zip\n");
        assert_eq!(sums(&[&at("b.zip"), &at("a.json")]).unwrap(), expected);
        assert!(sums(&[&at("missing")]).is_err());
    }
}
