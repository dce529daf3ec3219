//! Build script of the provider and of the rotator: packs the relocations of what is released.
//!
//! A start reads all of them, and what it has read stays in memory: packed, a megabyte is a few kilobytes. glibc
//! understands that from 2.36 on. A linker that does not, ignores what it is told here.

#![expect(clippy::print_stdout, reason = "cargo listens to it")]

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=../packaging/relocations.rs");
    let is = |variable: &str, value: &str| env::var(variable).is_ok_and(|found| found == value);
    let is_native = env::var("HOST") == env::var("TARGET");
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_ENV", "gnu") && is_native && glibc_minor() >= 36 {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// What comes after `2.` in the version of this machine's C library; 0 where nobody knows.
fn glibc_minor() -> u32 {
    let asked = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let version = asked.map(|asked| String::from_utf8_lossy(&asked.stdout).into_owned()).unwrap_or_default();
    version.trim().strip_prefix("glibc 2.").and_then(|minor| minor.parse().ok()).unwrap_or(0)
}
