# With a token that somebody else renews or replaces. It is read again when it is over.
vault {
  auth "token" {
    token = { file = "/run/secrets/vault-token" }
  }
}
