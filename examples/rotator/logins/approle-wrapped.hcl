# As an AppRole whose secret_id is handed over in a wrapping token, which serves once: whoever starts the rotator puts a
# fresh one there before each start, as by `bao write -wrap-ttl=5m -field=wrapping_token -f auth/approle/role/rotator/secret-id`. Each `once`
# needs a fresh one, too. All other commands leave it alone, and do without Vault.
vault {
  auth "approle" {
    role_id   = "3c4a7d1e-rotator"
    secret_id = { file = "/run/secrets/wrapping-token", wrapped = true }
  }
}
