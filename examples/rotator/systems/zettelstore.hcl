# A Zettelstore. Where Vault is and how to log in there comes from VAULT_ADDR and VAULT_TOKEN.
source "zettelstore" "notes" {
  base_url = "https://zettel.example/notes/"
  username = "tokenferry"
  password = { env = "ZETTELSTORE_PASSWORD" }
}

rotation "zettelstore-notes" {
  source       = "zettelstore.notes"
  schedule     = "*/3 * * * *" # tokens live ten minutes
  renew_before = "5m"
  reader_lag   = "1m"
  destination {
    mount = "secret"
    path  = "tokens/zettelstore/notes"
  }
}
