//! Filesystem mirrors: folders from which Terraform and OpenTofu install providers.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use crate::platform::Platform;
use crate::release::Release;

/// A folder with providers, below the hosts that their addresses name.
#[derive(Clone, Debug)]
pub struct Mirror {
    folder: PathBuf,
}

impl Mirror {
    /// The mirror in this folder, which need not exist yet.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds a provider as its archive, which Terraform unpacks. `address` is `HOST/NAMESPACE/TYPE`.
    ///
    /// # Errors
    ///
    /// If the archive cannot be copied.
    pub fn add_packed(&self, address: &str, archive: &Path) -> io::Result<()> {
        let folder = self.folder.join(address);
        fs::create_dir_all(&folder)?;
        fs::copy(archive, folder.join(archive.file_name().unwrap_or_default())).map(drop)
    }

    /// Adds a provider with what is in its archive, which Terraform uses where it is.
    ///
    /// # Errors
    ///
    /// If the archive cannot be unpacked.
    pub fn add_unpacked(
        &self,
        address: &str,
        version: &str,
        platform: &Platform,
        archive: &Path,
    ) -> io::Result<()> {
        let folder = self.package(address, version, platform)?;
        Ok(ZipArchive::new(File::open(archive)?)?.extract(folder)?)
    }

    /// Adds a provider that is a bare program, and returns the program's place in the mirror.
    ///
    /// # Errors
    ///
    /// If the program can be neither linked nor copied.
    pub fn add_program(
        &self,
        address: &str,
        release: Release<'_>,
        platform: &Platform,
        program: &Path,
    ) -> io::Result<PathBuf> {
        let place = self.package(address, release.version, platform)?.join(release.executable());
        // What stands there may be a link to this very program: a copy onto it would empty both.
        match fs::remove_file(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if fs::hard_link(program, &place).is_err() {
            fs::copy(program, &place)?;
        }
        Ok(place)
    }

    fn package(&self, address: &str, version: &str, platform: &Platform) -> io::Result<PathBuf> {
        let folder = self.folder.join(address).join(version).join(platform.to_string());
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::archive::{Member, write_archive};

    const ADDRESS: &str = "terraform.example.com/acme/demo";
    const RELEASE: Release<'_> = Release { name: "terraform-provider-demo", version: "1.2.3" };

    #[test]
    fn mirrors_have_the_layouts_that_terraform_reads() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("built");
        fs::write(&program, "binary").unwrap();
        let platform = Platform::of_target("x86_64-unknown-linux-gnu").unwrap();
        let archive = folder.path().join(RELEASE.archive(&platform));
        write_archive(&archive, vec![Member::program(RELEASE.executable(), &program)]).unwrap();

        let mirror = Mirror::new(&folder.path().join("mirror"));
        let at = |path: &str| mirror.folder().join(ADDRESS).join(path);
        mirror.add_packed(ADDRESS, &archive).unwrap();
        assert!(at("terraform-provider-demo_1.2.3_linux_amd64.zip").is_file());

        mirror.add_unpacked(ADDRESS, RELEASE.version, &platform, &archive).unwrap();
        let unpacked = at("1.2.3/linux_amd64/terraform-provider-demo_v1.2.3");
        assert_eq!(fs::metadata(&unpacked).unwrap().permissions().mode() & 0o777, 0o755);

        fs::remove_file(&unpacked).unwrap();
        assert_eq!(mirror.add_program(ADDRESS, RELEASE, &platform, &program).unwrap(), unpacked);
        assert_eq!(fs::read_to_string(unpacked).unwrap(), "binary");
    }

    #[test]
    fn a_program_may_be_added_once_more() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs::write(&program, "program").unwrap();
        let mirror = Mirror::new(&folder.path().join("mirror"));
        for _ in 0..2 {
            let place = mirror.add_program(ADDRESS, RELEASE, &Platform::here(), &program).unwrap();
            assert_eq!(fs::read_to_string(place).unwrap(), "program");
        }
        assert_eq!(fs::read_to_string(&program).unwrap(), "program");
    }
}
