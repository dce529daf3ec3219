//! The folder with everything that is published.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tokenferry_packaging::{self as packaging, Member, Mirror, Platform, Release};

use super::pages::Pages;
use super::size;
use crate::cargo::{self, Program};
use crate::error::{Attempt, Result};
use crate::mirror::{self, PROVIDER};
use crate::terminal::Terminal;

/// The rotator as a release of its own.
const ROTATOR: Release<'_> = Release { name: Program::ROTATOR.name, version: PROVIDER.version };

/// What every archive has besides its program.
const TEXTS: [&str; 2] = ["LICENSE", "README.md"];

/// What the repository has for registries: the plugin protocol of the provider.
const MANIFEST: &str = "terraform-registry-manifest.json";

/// The folder, and what is in it so far.
#[derive(Debug)]
pub(super) struct Output {
    folder: PathBuf,
    packed: Mirror,
    unpacked: Mirror,
    provider: Vec<PathBuf>,
    rotator: Vec<PathBuf>,
}

impl Output {
    /// Empties the folder: what was made of older sources is not published by mistake.
    pub(super) fn begin(folder: &Path) -> Result<Self> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
        .attempt(|| format!("empty {}", folder.display()))?;
        mirror::make_folder(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            packed: Mirror::new(&folder.join("packed")),
            unpacked: Mirror::new(&folder.join("unpacked")),
            provider: Vec::new(),
            rotator: Vec::new(),
        })
    }

    /// Makes the archives of both programs for one kind of machine.
    pub(super) fn pack(
        &mut self,
        platform: &Platform,
        provider: &Path,
        rotator: &Path,
        pages: &Pages,
    ) -> Result {
        let program = Member::program(PROVIDER.executable(), provider);
        self.provider.push(self.archive(&PROVIDER.archive(platform), [program])?);
        let program = Member::program(ROTATOR.name, rotator);
        self.rotator.push(self.archive(&ROTATOR.archive(platform), pages.members().chain([program]))?);
        Ok(())
    }

    fn archive(&self, name: &str, members: impl IntoIterator<Item = Member>) -> Result<PathBuf> {
        let archive = self.folder.join(name);
        let texts = TEXTS.iter().map(|text| Member::text(&cargo::root().join(text)));
        packaging::write_archive(&archive, texts.chain(members).collect())
            .attempt(|| format!("write {}", archive.display()))?;
        Ok(archive)
    }

    /// Adds the provider for one kind of machine to both mirrors.
    pub(super) fn add_to_mirrors(&self, platform: &Platform, addresses: &[String]) -> Result {
        let archive = self.folder.join(PROVIDER.archive(platform));
        for address in addresses {
            self.packed
                .add_packed(address, &archive)
                .and_then(|()| self.unpacked.add_unpacked(address, PROVIDER.version, platform, &archive))
                .attempt(|| format!("add {} to the mirrors", archive.display()))?;
        }
        Ok(())
    }

    /// Writes what goes over all kinds of machines, and returns the checksums.
    pub(super) fn finish(&mut self, addresses: &[String]) -> Result<[PathBuf; 2]> {
        let (from, manifest) = (cargo::root().join(MANIFEST), self.folder.join(PROVIDER.manifest()));
        mirror::place(&from, &manifest)?;
        self.provider.push(manifest);
        for mirror in [&self.packed, &self.unpacked] {
            let text = packaging::mirror_with_registry(mirror, addresses);
            mirror::write(&mirror.folder().with_extension("tfrc"), &text)?;
        }
        Ok([self.sums(PROVIDER, &self.provider)?, self.sums(ROTATOR, &self.rotator)?])
    }

    fn sums(&self, release: Release<'_>, files: &[PathBuf]) -> Result<PathBuf> {
        let file = self.folder.join(release.sums());
        let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        let sums = packaging::sums(&files).attempt(|| format!("make {}", file.display()))?;
        mirror::write(&file, &sums)
    }

    /// Names all files with their sizes.
    pub(super) fn list(&self, terminal: &Terminal) -> Result {
        terminal.heading(&format!("In {}", self.folder.display()));
        for file in self.provider.iter().chain(&self.rotator) {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            terminal.detail(&format!("{name:<60} {}", size(file)?));
        }
        for release in [PROVIDER, ROTATOR] {
            terminal.detail(&release.sums());
        }
        for mirror in [&self.packed, &self.unpacked] {
            let name = mirror.folder().file_name().unwrap_or_default().to_string_lossy();
            terminal.detail(&format!("{name}/ with {name}.tfrc"));
        }
        Ok(())
    }

    /// Says what to type before `terraform init`.
    pub(super) fn tell_how_to_install(&self, terminal: &Terminal, addresses: &[String]) {
        terminal.heading("Install from here");
        let configuration = self.unpacked.folder().with_extension("tfrc");
        terminal.detail(&format!("export TF_CLI_CONFIG_FILE={}", configuration.display()));
        terminal.detail("terraform init");
        terminal.detail(&format!("as {}", addresses.join(", ")));
    }
}
