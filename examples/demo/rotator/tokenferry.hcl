# Third act of `cargo xtask demo`: two tokens, kept fresh in OpenBao. The demo makes the files that are named here.

vault {
  # The address comes from VAULT_ADDR.
  auth "approle" {
    role_id   = { file = "role-id" }
    secret_id = { file = "secret-id" }
  }
}

source "zscaler" "corp" {
  base_url   = { env = "ZCC_OVERRIDE_URL" }
  api_key    = { env = "ZCC_CLIENT_ID" }
  secret_key = { env = "ZCC_CLIENT_SECRET" }
  ttl        = "1h"
}

source "zettelstore" "notes" {
  base_url = { env = "ZETTELSTORE_BASE_URL" }
  username = { env = "ZETTELSTORE_USERNAME" }
  password = { file = "zettelstore-password" }
  timeout  = "5s"
}

rotation "zscaler-corp" {
  source    = "zscaler.corp"
  schedule  = "*/30 * * * *"
  time_zone = "Europe/Berlin"

  destination {
    mount = "secret"
    path  = "tokens/zscaler/corp"
  }
}

# Tokens of the demo's Zettelstore live 30 s. Renewed 25 s before their end, which no one would do to tokens that live
# longer, they leave time for a login that fails (5 s), the wait after it (10 s), one more try (5 s), and the readers.
rotation "zettelstore-notes" {
  source       = "zettelstore.notes"
  schedule     = "@daily"
  renew_before = "25s"
  reader_lag   = "1s"

  destination {
    mount = "secret"
    path  = "tokens/zettelstore/notes"
  }
}
