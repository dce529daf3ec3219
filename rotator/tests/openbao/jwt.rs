//! Logging in with a JWT.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use tokenferry_sources::{Clock, Reference, SystemClock};
use tokenferry_vault::{DEFAULT_JWT_MOUNT, VaultAuth, VaultSettings};

use crate::proxy::Proxy;
use crate::setting::{World, entry, settings};

/// Somebody whom OpenBao believes.
struct Signer(EcdsaKeyPair);

impl Signer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random);
        Signer(pair.unwrap())
    }

    /// The public key as OpenBao wants it: what X.509 writes before a point of P-256, and the point.
    fn public_key(&self) -> String {
        let head = STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE").unwrap();
        // The point begins with the byte that the head ends with.
        let point = self.0.public_key().as_ref()[1..].to_vec();
        let body = STANDARD.encode([head, point].concat());
        format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
    }

    fn sign(&self, audience: &str) -> String {
        let now = SystemClock.now().timestamp();
        let claims =
            json!({ "sub": "rotator", "aud": audience, "iat": now, "nbf": now - 10, "exp": now + 600 });
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let content = format!("{}.{}", part(&json!({ "alg": "ES256", "typ": "JWT" })), part(&claims));
        let signature = self.0.sign(&SystemRandom::new(), content.as_bytes()).unwrap();
        format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Settings to log in with the JWT of the variable, by the method at this mount.
async fn trusting(world: &World, signer: &Signer, mount: &str, address: &str) -> VaultSettings {
    let (bao, policy) = (&world.bao, r#"path "secret/*" { capabilities = ["create", "read", "update"] }"#);
    bao.root("PUT", "sys/policies/acl/tests", json!({ "policy": policy })).await;
    bao.root("POST", &format!("sys/auth/{mount}"), json!({ "type": "jwt" })).await;
    let keys = json!({ "jwt_validation_pubkeys": [signer.public_key()] });
    bao.root("POST", &format!("auth/{mount}/config"), keys).await;
    let role = json!({
        "role_type": "jwt", "bound_audiences": ["tests"], "user_claim": "sub", "token_policies": "tests",
    });
    bao.root("POST", &format!("auth/{mount}/role/rotator"), role).await;
    let jwt = Reference::Env("JWT".to_owned()).into();
    let auth = VaultAuth::Jwt { mount: mount.to_owned(), role: "rotator".to_owned(), jwt };
    VaultSettings { auth, ..settings(address) }
}

#[tokio::test]
async fn a_jwt_is_read_anew_for_each_login_and_one_login_serves_all_operations() {
    let (world, signer) = (World::new().await, Signer::new());
    let proxy = Proxy::start(&world.bao.address).await;
    let vault = world.vault_with(trusting(&world, &signer, DEFAULT_JWT_MOUNT, &proxy.address).await);
    world.variables.set("JWT", &signer.sign("tests"));
    vault.read_entry(&entry("home")).await.unwrap();
    vault.read_entry(&entry("home")).await.unwrap();
    let logins =
        |requests: &[String]| requests.iter().filter(|request| *request == "POST /v1/auth/jwt/login").count();
    assert_eq!(logins(&proxy.take()), 1);

    world.bao.root("PUT", "sys/leases/revoke-prefix/auth/jwt/login", json!({ "sync": true })).await;
    world.variables.set("JWT", &format!("{} \t", signer.sign("tests")));
    vault.read_entry(&entry("home")).await.unwrap();
    assert_eq!(logins(&proxy.take()), 1);
}

#[tokio::test]
async fn the_method_may_be_mounted_elsewhere() {
    let (world, signer) = (World::new().await, Signer::new());
    let vault = world.vault_with(trusting(&world, &signer, "ci/runners", &world.bao.address).await);
    world.variables.set("JWT", &signer.sign("tests"));
    vault.read_entry(&entry("home")).await.unwrap();
}

#[tokio::test]
async fn a_jwt_that_is_not_taken_is_a_refused_login_that_is_held() {
    let (world, signer) = (World::new().await, Signer::new());
    let proxy = Proxy::start(&world.bao.address).await;
    let settings = trusting(&world, &signer, DEFAULT_JWT_MOUNT, &proxy.address).await;
    for jwt in [Signer::new().sign("tests"), signer.sign("others"), "no-jwt".to_owned()] {
        world.variables.set("JWT", &jwt);
        let vault = world.vault_with(settings.clone());
        for _ in 0..2 {
            let error = vault.read_entry(&entry("home")).await.unwrap_err();
            assert_eq!(error.class(), "vault_login_refused");
            assert!(error.advice().contains("`role`"), "{}", error.advice());
            assert!(!format!("{error} {error:?}").contains(&jwt));
        }
        assert_eq!(proxy.take(), ["POST /v1/auth/jwt/login"]);
    }
}
