# With a user name and a password.
vault {
  auth "userpass" {
    username = "rotator"
    password = { file = "/run/secrets/vault-password" }
  }
}
