//! What the demo plays has to be right before it is played: Terraform says so. The other examples stand in the
//! documentation, whose every block is applied by a test of the whole program.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cargo;
use crate::mirror;
use crate::terraform::{Project, Terraform};

#[test]
fn every_configuration_of_the_demo_is_valid() {
    let terraform = Terraform::find().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let programs = programs();
    let config = mirror::dev_overrides(folder.path(), &[("tokenferry/tokenferry", &programs)]).unwrap();
    let examples = folders_with_configurations(&cargo::root().join("examples/demo"));
    assert!(examples.len() > 2, "examples/demo holds more than {examples:?}");
    for (index, example) in examples.iter().enumerate() {
        let copy = folder.path().join(index.to_string());
        copy_configuration(example, &copy);
        let mut project = Project::new(&terraform, &copy);
        project.set("TF_CLI_CONFIG_FILE", &config);
        if let Err(error) = project.run(&["validate", "-no-color"]) {
            panic!("{}: {error}", example.display());
        }
    }
}

/// The folder with the built provider.
fn programs() -> PathBuf {
    let release = || cargo::metadata().unwrap().target_directory.join("release");
    let folder = env::var_os("TOKENFERRY_BIN_DIR").map_or_else(release, PathBuf::from);
    let provider = folder.join("terraform-provider-tokenferry");
    assert!(provider.is_file(), "{} is missing: `cargo xtask test` builds it", provider.display());
    folder
}

fn folders_with_configurations(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut folders_with_configurations(&path));
        } else if path.extension().is_some_and(|extension| extension == "tf") {
            found.insert(folder.to_owned());
        }
    }
    found
}

/// Copies the `.tf` files.
fn copy_configuration(example: &Path, copy: &Path) {
    mirror::make_folder(copy).unwrap();
    for entry in fs::read_dir(example).unwrap().map(Result::unwrap) {
        if entry.path().extension().is_some_and(|extension| extension == "tf") {
            fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
    }
}
