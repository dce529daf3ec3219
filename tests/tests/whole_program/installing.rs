//! How users get the provider, and with which programs they run it.

use std::fs;
use std::fs::File;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use tokenferry_packaging::{Member, Mirror, Platform, dev_overrides, mirror_only, write_archive};
use tokenferry_tests::binaries;
use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::terraform::{RELEASE, Terraform};
use zip::ZipArchive;

/// A host that no registry has: whoever asked it would fail.
const ADDRESS: &str = "terraform.example.com/tokenferry/tokenferry";

/// A read in the plan, an ephemeral one in the apply.
const USE: &str = r#"
data "tokenferry_zettelstore_token" "stored" {}
ephemeral "tokenferry_zscaler_token" "used" {
  enabled = terraform.applying
}
resource "terraform_data" "user" {
  input = data.tokenferry_zettelstore_token.stored.subject
  provisioner "local-exec" {
    command     = "test -n \"$TOKEN\""
    environment = { TOKEN = ephemeral.tokenferry_zscaler_token.used.token }
  }
}
"#;

/// The provider's archive as `cargo xtask dist` makes it, in a folder of its own.
struct Packed {
    folder: TempDir,
}

impl Packed {
    fn new() -> Self {
        let packed = Self { folder: tempfile::tempdir().unwrap() };
        let program = Member::program(RELEASE.executable(), &binaries::provider());
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let licence = Member::text(&workspace.join("LICENSE"));
        write_archive(&packed.archive(), vec![program, licence]).unwrap();
        packed
    }

    fn archive(&self) -> std::path::PathBuf {
        self.folder.path().join(RELEASE.archive(&Platform::here()))
    }

    fn mirror(&self) -> Mirror {
        Mirror::new(&self.folder.path().join("mirror"))
    }
}

#[tokio::test]
async fn case_59_the_packed_mirror_installs_offline_and_plans() {
    let packed = Packed::new();
    packed.mirror().add_packed(ADDRESS, &packed.archive()).unwrap();
    let installed = init_and_plan("case-59-packed", &packed.mirror()).await;
    // Terraform unpacks an archive into the working directory, with the rights that stand in it.
    assert!(!installed.join(RELEASE.version).join(Platform::here().to_string()).is_symlink());
}

#[tokio::test]
async fn case_59_the_unpacked_mirror_installs_offline_and_plans() {
    let packed = Packed::new();
    let (mirror, platform) = (packed.mirror(), Platform::here());
    mirror.add_unpacked(ADDRESS, RELEASE.version, &platform, &packed.archive()).unwrap();
    init_and_plan("case-59-unpacked", &mirror).await;
}

#[tokio::test]
async fn case_59_both_mirrors_give_the_same_lock_file() {
    let packed = Packed::new();
    packed.mirror().add_packed(ADDRESS, &packed.archive()).unwrap();
    let unpacked = Mirror::new(&packed.folder.path().join("unpacked"));
    unpacked.add_unpacked(ADDRESS, RELEASE.version, &Platform::here(), &packed.archive()).unwrap();

    let terraform = Terraform::uninstalled(&binaries::terraform(), ADDRESS, "");
    terraform.configure(&mirror_only(&packed.mirror(), &[ADDRESS.to_owned()]));
    terraform.init().await;
    let locked = terraform.read(".terraform.lock.hcl");
    fs::remove_dir_all(terraform.work().join(".terraform")).unwrap();
    terraform.configure(&mirror_only(&unpacked, &[ADDRESS.to_owned()]));
    terraform.run(&["init", "-lockfile=readonly"]).await.ok();
    assert_eq!(terraform.read(".terraform.lock.hcl"), locked);
}

/// Installs from this mirror and nowhere else, plans, and returns the folder of what was installed.
async fn init_and_plan(test: &str, mirror: &Mirror) -> std::path::PathBuf {
    let issuer = Issuer::start(test).await;
    let configuration = format!("{}{USE}", issuer.provider_block());
    let terraform = Terraform::uninstalled(&binaries::terraform(), ADDRESS, &configuration);
    terraform.configure(&mirror_only(mirror, &[ADDRESS.to_owned()]));
    terraform.init().await;
    let locked = String::from_utf8(terraform.read(".terraform.lock.hcl")).unwrap();
    assert!(locked.contains(ADDRESS) && locked.contains(RELEASE.version), "{locked}");
    terraform.run(&["plan"]).await.ok();
    assert_eq!(issuer.zettelstore_logins().attempted, 1);
    terraform.work().join(".terraform/providers").join(ADDRESS)
}

#[tokio::test]
async fn case_59_dev_overrides_plan_without_init() {
    let issuer = Issuer::start("case-59-overrides").await;
    let configuration = format!("{}{USE}", issuer.provider_block());
    let terraform = Terraform::uninstalled(&binaries::terraform(), ADDRESS, &configuration);
    let provider = binaries::provider();
    terraform.configure(&dev_overrides(&[(ADDRESS, provider.parent().unwrap())]));
    terraform.run(&["plan"]).await.ok();
    assert_eq!(issuer.zettelstore_logins().attempted, 1);
}

#[test]
fn case_59_the_program_in_the_archive_can_be_executed() {
    let mut archive = ZipArchive::new(File::open(Packed::new().archive()).unwrap()).unwrap();
    let program = archive.by_name(&RELEASE.executable()).unwrap();
    assert_eq!(program.unix_mode().unwrap() & 0o777, 0o755);
}

#[test]
fn case_59_registries_are_told_protocol_6() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let manifest = fs::read(workspace.join("terraform-registry-manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let expected = serde_json::json!({ "version": 1, "metadata": { "protocol_versions": ["6.0"] } });
    assert_eq!(manifest, expected);
}

#[test]
fn started_by_hand_it_says_what_it_is_and_how_it_is_used() {
    let started = |arguments: &[&str]| {
        let mut command = Command::new(binaries::provider());
        command.args(arguments).env_clear().output().unwrap()
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let by_hand = started(&[]);
    assert_eq!((by_hand.status.code(), by_hand.stdout.len()), (Some(1), 0));
    let said = text(&by_hand.stderr);
    assert!(
        said.starts_with("terraform-provider-tokenferry: Terraform provider for access tokens"),
        "{said}"
    );
    assert!(said.contains(r#"tokenferry = { source = "tokenferry/tokenferry" }"#), "{said}");

    let version = started(&["--version"]);
    let expected = format!("terraform-provider-tokenferry {}\n", RELEASE.version);
    assert_eq!((version.status.code(), text(&version.stdout)), (Some(0), expected));

    // Whoever pastes the second of its two ways has the provider, if the folder is the right one.
    let help = text(&started(&["--help"]).stdout);
    let folder = binaries::provider().parent().unwrap().canonicalize().unwrap();
    assert!(
        help.contains(&format!("\"tokenferry/tokenferry\" = {:?}\n", folder.display().to_string())),
        "{help}"
    );
}

/// Prints what it found, which `cargo test -- --nocapture` shows.
#[tokio::test]
async fn case_60_every_terraform_and_tofu_at_hand_plans_and_applies() {
    for program in binaries::every_terraform() {
        let issuer = Issuer::start("case-60").await;
        let terraform = Terraform::with(&program, &format!("{}{USE}", issuer.provider_block())).await;
        let version = terraform.run(&["version"]).await.ok().stdout;
        println!("case 60: {} ({})", version.lines().next().unwrap_or_default(), program.display());
        terraform.init().await;
        terraform.run(&["plan", "-out=saved.plan"]).await.ok();
        terraform.run(&["apply", "saved.plan"]).await.ok();
        let again = terraform.run(&["plan", "-detailed-exitcode"]).await;
        assert_eq!(again.status.code(), Some(0), "{version} wants to change: {}", again.words());
    }
}
