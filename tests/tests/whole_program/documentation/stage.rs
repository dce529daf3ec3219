//! The systems that the documentation speaks of, played by the sandbox and a real OpenBao.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokenferry_sandbox::{
    Access, DeviceForm, ExampleKey, HttpOptions, OAuth2Client, Options, Sandbox, ZscalerDevice,
    ZscalerOptions, ZscalerProfile,
};
use tokenferry_tests::openbao::{AppRole, OpenBao};
use tokenferry_tests::terraform::Terraform;

use super::blocks::Block;
use crate::entries::in_seconds;

/// Everything that the blocks ask.
pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    openbao: OpenBao,
    role: AppRole,
    /// A JSON Web Token that nobody has signed.
    unsigned: String,
    folder: TempDir,
}

const UDID: &str = "1F2E3D4C-0000-1111-2222-333344445555:501";
const USERNAME: &str = "anna@example.com";
const SERVICE_PASSWORD: &str = "planted-password-of-the-service";
const CLIENT_SECRET: &str = "planted-secret-of-the-client";

impl Stage {
    pub(super) async fn set() -> Self {
        let sandbox = Sandbox::start(options()).await.unwrap();
        let openbao = OpenBao::in_memory().await;
        openbao.write_entry("secret", "tokens/zettelstore/notes", &entry(&sandbox)).await;
        let policy = "path \"secret/data/tokens/zettelstore/notes\" { capabilities = [\"read\"] }\n";
        openbao.write_policy("reader", policy).await;
        let role = openbao.create_approle("terraform", &json!({"token_policies": ["reader"]})).await;
        let role_id = json!({"role_id": "terraform"});
        openbao.write("auth/approle/role/terraform/role-id", &role_id).await;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("key.pem"), ExampleKey::new().pkcs8_pem()).unwrap();
        Self { sandbox, openbao, role, unsigned: unsigned(), folder }
    }

    /// Terraform with this configuration, and in its environment all that the documentation says belongs there.
    pub(super) async fn terraform(&self, configuration: &str) -> Terraform {
        let mut terraform = Terraform::new(configuration)
            .await
            .env("ACME_PASSWORD", SERVICE_PASSWORD)
            .env("API_CLIENT_SECRET", CLIENT_SECRET)
            .env("PATH", self.path_with_curl())
            .env("SEEN", self.folder.path().join("seen").display().to_string())
            .env("VAULT_ADDR", self.openbao.url())
            .env("VAULT_TOKEN", self.openbao.token());
        for (name, value) in self.sandbox.access().iter().flat_map(Access::environment) {
            terraform = terraform.env(name, value);
        }
        terraform
    }

    /// The text with the sandbox and OpenBao in place of made-up hosts.
    pub(super) fn play(&self, text: &str) -> String {
        let (sandbox, url) = (&self.sandbox, self.sandbox.url());
        let one_api = format!(
            "base_url = {:?}\ntoken_url = {:?}\nclient_id = \"sandbox-client\"\nclient_secret = \"sandbox-client-secret\"",
            sandbox.zscaler_one_api_base_url(),
            sandbox.zscaler_token_url(),
        );
        let key = self.folder.path().join("key.pem").display().to_string();
        [
            ("https://id.example.com", format!("{url}/http").as_str()),
            ("https://notes.example.com/", &sandbox.zettelstore_base_url()),
            ("https://mobile.zscalerthree.net/papi", &sandbox.zscaler_base_url()),
            ("https://vault.example.com:8200", &self.openbao.url()),
            ("vanity_domain = \"acme\"", &one_api),
            ("/run/secrets/inventory.pem", &key),
            ("\"./", "\"${path.module}/"),
        ]
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    /// What a variable of the documentation stands for.
    pub(super) fn variable(&self, name: &str) -> &str {
        match name {
            "token" => &self.unsigned,
            "release" => "1.0.0",
            "subsidiary_api_key" => "sandbox-key",
            "subsidiary_secret_key" => "sandbox-secret",
            "totp_secret" => "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
            "udid" => UDID,
            "username" => USERNAME,
            "vault_secret_id" => &self.role.secret_id,
            other => panic!("what is the variable {other} to be?"),
        }
    }

    /// How many scripts ran, `curl` included.
    pub(super) fn scripts_run(&self) -> usize {
        fs::read_to_string(self.folder.path().join("seen")).unwrap().lines().count()
    }

    /// Nobody is to be asked but the sandbox.
    fn path_with_curl(&self) -> String {
        let curl = self.folder.path().join("curl");
        fs::write(&curl, "#!/bin/sh\nset -eu\ntest -n \"$AUTHORIZATION\"\necho curl >> \"$SEEN\"\n").unwrap();
        make_executable(&curl);
        format!("{}:{}", self.folder.path().display(), std::env::var("PATH").unwrap())
    }
}

/// The scripts that a block starts: each notes that it ran, and fails if something it is handed is empty.
pub(super) fn write_scripts(terraform: &Terraform, place: &str, block: &Block) {
    let scripts = block.text.split("\"./").skip(1).filter_map(|rest| rest.split('"').next());
    for script in scripts {
        let handed_on = block.handed_on();
        assert!(!handed_on.is_empty(), "{}: what is {script} handed?", block.name);
        let checks =
            handed_on.iter().map(|name| format!("test -n \"${name}\"")).collect::<Vec<_>>().join("\n");
        let path = format!("{place}/{script}");
        terraform.write(&path, &format!("#!/bin/sh\nset -eu\n{checks}\necho {path} >> \"$SEEN\"\n"));
        make_executable(&terraform.work().join(path));
    }
}

fn unsigned() -> String {
    let parts = [r#"{"alg":"none"}"#, r#"{"sub":"anna","exp":4102444800}"#, "nobody"];
    parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}

fn make_executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn options() -> Options {
    let laptop = ZscalerDevice::new(UDID, DeviceForm::Live);
    let profile = |os_type| ZscalerProfile { username: USERNAME.to_owned(), os_type };
    let client = OAuth2Client {
        id: "inventory".to_owned(),
        secret: CLIENT_SECRET.to_owned(),
        scopes: vec!["devices:read".to_owned()],
        audiences: Vec::new(),
    };
    Options {
        http: HttpOptions {
            username: "anna".to_owned(),
            password: SERVICE_PASSWORD.to_owned(),
            clients: vec![client],
            ..HttpOptions::default()
        },
        zscaler: ZscalerOptions {
            devices: vec![ZscalerDevice { hostname: "anna-macbook".to_owned(), ..laptop }],
            profiles: vec![profile(3), profile(4)],
            ..ZscalerOptions::default()
        },
        ..Options::default()
    }
}

/// What the rotator would have left for the sandbox's user.
fn entry(sandbox: &Sandbox) -> Json {
    json!({
        "token": "planted-token-of-the-rotator",
        "token_type": "Bearer",
        "header_name": "Authorization",
        "header_value": "Bearer planted-token-of-the-rotator",
        "issued_at": in_seconds(-60),
        "expires_at": in_seconds(540),
        "refresh_after": in_seconds(360),
        "ttl": 600,
        "system": "zettelstore",
        "issuer": sandbox.zettelstore_base_url(),
        "subject": "sandbox",
        "source": "zettelstore.notes",
        "rotation": "notes",
        "occurrence": in_seconds(-60),
        "serial": 7,
        "writer": "somewhere/1",
        "schema": 1,
    })
}
