# As an AppRole whose secret_id lies in a file. It is read again at every login.
vault {
  auth "approle" {
    role_id   = "3c4a7d1e-rotator"
    secret_id = { file = "/run/secrets/vault-secret-id" }
  }
}
