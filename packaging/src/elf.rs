//! Whether a program for Linux needs anything of the machine that it runs on.

use std::io;
use std::path::Path;

/// How a program comes by its libraries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Linkage {
    /// A loader and libraries have to be on the machine.
    Dynamic,
    /// Everything is in the program.
    Static,
}

/// Reads the program headers of a 64-bit ELF file; nothing for any other file.
///
/// # Errors
///
/// If the file cannot be read.
pub fn linkage(program: &Path) -> io::Result<Option<Linkage>> {
    Ok(of_image(&std::fs::read(program)?))
}

/// The byte order of all machines that we build for is little-endian.
fn of_image(image: &[u8]) -> Option<Linkage> {
    let head = image.get(..HEAD.len())?;
    if head != HEAD {
        return None;
    }
    let table = usize::try_from(u64::from_le_bytes(bytes(image, TABLE_OFFSET)?)).ok()?;
    let size = usize::from(u16::from_le_bytes(bytes(image, ENTRY_SIZE)?));
    let count = usize::from(u16::from_le_bytes(bytes(image, ENTRY_COUNT)?));
    for index in 0..count {
        let kind = u32::from_le_bytes(bytes(image, table.checked_add(index.checked_mul(size)?)?)?);
        // A static program may have a dynamic section, in order to move itself; it has no loader.
        if kind == INTERPRETER {
            return Some(Linkage::Dynamic);
        }
    }
    Some(Linkage::Static)
}

fn bytes<const LENGTH: usize>(image: &[u8], at: usize) -> Option<[u8; LENGTH]> {
    image.get(at..at.checked_add(LENGTH)?)?.try_into().ok()
}

/// Magic number, 64 bits, little-endian.
const HEAD: &[u8] = b"\x7fELF\x02\x01";
/// Where the file header says where the program headers are, how long each is, and how many there are.
const TABLE_OFFSET: usize = 0x20;
const ENTRY_SIZE: usize = 0x36;
const ENTRY_COUNT: usize = 0x38;
/// The program header that names the loader, `PT_INTERP`.
const INTERPRETER: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    /// A file header and program headers of these kinds.
    fn image(kinds: &[u8]) -> Vec<u8> {
        let mut image = vec![0; 64];
        image[..HEAD.len()].copy_from_slice(HEAD);
        image[TABLE_OFFSET] = 64;
        image[ENTRY_SIZE] = 56;
        image[ENTRY_COUNT] = u8::try_from(kinds.len()).unwrap();
        for kind in kinds {
            image.extend([*kind, 0, 0, 0]);
            image.extend([0; 52]);
        }
        image
    }

    #[test]
    fn a_program_with_a_loader_is_dynamic_and_one_that_moves_itself_is_static() {
        let (load, dynamic, interpreter) = (1, 2, 3);
        assert_eq!(of_image(&image(&[load, dynamic])), Some(Linkage::Static));
        assert_eq!(of_image(&image(&[load, interpreter, dynamic])), Some(Linkage::Dynamic));
    }

    #[test]
    fn other_files_and_broken_ones_are_neither() {
        let whole = image(&[1]);
        assert_eq!(of_image(b"#!/bin/sh\n"), None);
        assert_eq!(of_image(&whole[..whole.len() - 56]), None);
        assert_eq!(of_image(b""), None);
    }

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
    fn this_test_itself_is_dynamic() {
        assert_eq!(linkage(&std::env::current_exe().unwrap()).unwrap(), Some(Linkage::Dynamic));
    }
}
