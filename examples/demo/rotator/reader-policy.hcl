# What a reader needs.
path "secret/data/tokens/*" {
  capabilities = ["read"]
}
