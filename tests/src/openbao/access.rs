//! Who may do what: policies, tokens, AppRoles, namespaces.

use serde_json::{Value, json};
use tokenferry_leaks::note_secret;

use super::api::Api;

/// How a program logs in by AppRole.
#[derive(Clone, Debug)]
pub struct AppRole {
    /// Its name.
    pub name: String,
    /// Not a secret.
    pub role_id: String,
    /// A secret.
    pub secret_id: String,
}

/// What a rotator needs for one entry, and no more.
///
/// On a path that does not exist yet, `custom_metadata` needs `create` too; the first write of data makes it exist.
pub fn rotator_policy(mount: &str, path: &str) -> String {
    format!(
        "path \"{mount}/data/{path}\" {{ capabilities = [\"create\", \"read\", \"update\"] }}\n\
         path \"{mount}/metadata/{path}\" {{ capabilities = [\"create\", \"read\", \"update\"] }}\n"
    )
}

impl Api {
    /// Writes a policy.
    pub async fn write_policy(&self, name: &str, text: &str) {
        self.write(&format!("sys/policies/acl/{name}"), &json!({"policy": text})).await;
    }

    /// Makes a token. The settings are those of the API: `policies`, `ttl`, `explicit_max_ttl`, `period`, `type`,
    /// `renewable`, `num_uses`, …
    pub async fn create_token(&self, settings: &Value) -> String {
        secret(&self.write("auth/token/create", settings).await, "/auth/client_token")
    }

    /// Ends a token before its time.
    pub async fn revoke_token(&self, token: &str) {
        self.write("auth/token/revoke", &json!({"token": token})).await;
    }

    /// Makes an AppRole at `auth/approle`, which it enables if need be. The settings are those of the API:
    /// `token_policies`, `token_ttl`, `token_max_ttl`, `token_period`, `token_type`, `secret_id_num_uses`, …
    pub async fn create_approle(&self, name: &str, settings: &Value) -> AppRole {
        if self.read("sys/auth").await["data"].get("approle/").is_none() {
            self.write("sys/auth/approle", &json!({"type": "approle"})).await;
        }
        self.write(&format!("auth/approle/role/{name}"), settings).await;
        let role_id = self.read(&format!("auth/approle/role/{name}/role-id")).await;
        AppRole {
            name: name.to_owned(),
            role_id: text(&role_id, "/data/role_id"),
            secret_id: self.create_secret_id(name).await,
        }
    }

    /// Makes one more secret id for an AppRole.
    pub async fn create_secret_id(&self, name: &str) -> String {
        let answer = self.write(&format!("auth/approle/role/{name}/secret-id"), &json!({})).await;
        secret(&answer, "/data/secret_id")
    }

    /// The same, handed over in a wrapping token.
    pub async fn wrap_secret_id(&self, name: &str) -> String {
        let answer = self.wrapped(&format!("auth/approle/role/{name}/secret-id"), &json!({})).await;
        secret(&answer, "/wrap_info/token")
    }

    /// Enables an auth method where it is by default.
    pub async fn enable_auth(&self, method: &str) {
        self.write(&format!("sys/auth/{method}"), &json!({"type": method})).await;
    }

    /// Destroys a secret id, as somebody does who rotates it.
    pub async fn destroy_secret_id(&self, role: &AppRole) {
        let path = format!("auth/approle/role/{}/secret-id/destroy", role.name);
        self.write(&path, &json!({"secret_id": role.secret_id})).await;
    }

    /// Logs in by AppRole, and returns the token.
    pub async fn login(&self, role: &AppRole) -> String {
        let login = json!({"role_id": role.role_id, "secret_id": role.secret_id});
        secret(&self.write("auth/approle/login", &login).await, "/auth/client_token")
    }

    /// Makes a namespace, and asks in it from then on.
    pub async fn create_namespace(&self, name: &str) -> Self {
        self.write(&format!("sys/namespaces/{name}"), &json!({})).await;
        self.in_namespace(name)
    }
}

/// A text that must not stand in any log.
fn secret(answer: &Value, pointer: &str) -> String {
    let secret = text(answer, pointer);
    note_secret("secret of OpenBao", &secret).unwrap();
    secret
}

fn text(answer: &Value, pointer: &str) -> String {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no {pointer} in {answer}")).to_owned()
}
