//! What the files of a release are called.

use crate::platform::Platform;

/// A version of a program.
#[derive(Clone, Copy, Debug)]
pub struct Release<'a> {
    /// The program's name, such as `terraform-provider-demo`.
    pub name: &'a str,
    /// Its version, without a `v` in front.
    pub version: &'a str,
}

impl Release<'_> {
    /// The archive for one kind of machine.
    pub fn archive(&self, platform: &Platform) -> String {
        format!("{}_{}_{platform}.zip", self.name, self.version)
    }

    /// The program within the archive of a provider: Terraform starts the first file whose name begins so.
    pub fn executable(&self) -> String {
        format!("{}_v{}", self.name, self.version)
    }

    /// What tells a registry which plugin protocol a provider speaks.
    pub fn manifest(&self) -> String {
        format!("{}_{}_manifest.json", self.name, self.version)
    }

    /// The checksums of all files of the release. A signature of them has `.sig` after it.
    pub fn sums(&self) -> String {
        format!("{}_{}_SHA256SUMS", self.name, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_registries_look_for() {
        let release = Release { name: "terraform-provider-demo", version: "1.2.3" };
        let platform = Platform::of_target("x86_64-unknown-linux-gnu").unwrap();
        assert_eq!(release.archive(&platform), "terraform-provider-demo_1.2.3_linux_amd64.zip");
        assert_eq!(release.executable(), "terraform-provider-demo_v1.2.3");
        assert_eq!(release.manifest(), "terraform-provider-demo_1.2.3_manifest.json");
        assert_eq!(release.sums(), "terraform-provider-demo_1.2.3_SHA256SUMS");
    }
}
