# How many runs may be under way at once, and how long a stop may take to store what was issued.
concurrency  = 8
grace_period = "25s"

# Metrics, health and a status page. The address is the default; `"off"` switches all of it off.
listen        = "127.0.0.1:9321"
allowed_hosts = ["rotator.example"] # beside localhost and IP addresses
page          = true                # default: only where `listen` is a loopback address

# Where tokens are written. What is left out here comes from VAULT_ADDR, VAULT_NAMESPACE and VAULT_CACERT.
vault {
  address      = "https://vault.example:8200"
  addresses    = ["https://vault-1.example:8200", "https://vault-2.example:8200"] # nodes that a standby may name
  namespace    = "platform"
  ca_cert_file = "/etc/tokenferry/vault-ca.pem"

  # Without this block: VAULT_TOKEN, else the token file of Vault's own command line. Other ways to log in (a wrapped
  # secret_id, Kubernetes, JWT, TLS certificate, user name and password) are in logins/.
  auth "approle" {
    role_id   = { file = "/run/secrets/vault-role-id" }
    secret_id = { file = "/run/secrets/vault-secret-id" } # read again at every login
  }
}

# Secrets are never written down here: `env` names an environment variable, `file` a file, `vault` a field of an entry in
# Vault, read through the login above.
source "zscaler" "corp" {
  cloud      = "zscalertwo"
  api_key    = { env = "ZCC_CLIENT_ID" }
  secret_key = { file = "/run/secrets/zcc-client-secret" }
  ttl        = "1h"    # the session validity interval of the API key
  rate       = "100/h" # at most so many logins for all rotations of this source; units: s, m, h, d
}

source "zettelstore" "notes" {
  base_url = "https://zettel.example/notes/"
  username = "tokenferry"
  password = { file = "/run/secrets/zettelstore-password" }
  timeout  = "10s"
}

rotation "zscaler-corp" {
  source       = "zscaler.corp"
  schedule     = "*/30 * * * *"  # crontab(5): minute, hour, day of the month, month, day of the week
  time_zone    = "Europe/Berlin" # default: UTC
  renew_before = "15m"           # before the token ends, whatever the schedule says; default: "30%" of its life
  reader_lag   = "5m"            # the slowest reader looks this often
  spread       = "2m"            # so that many rotations do not all run at the full hour

  destination {
    mount = "secret"
    path  = "tokens/zscaler/corp"
  }
}

rotation "zettelstore-notes" {
  enabled    = true # false: never run, and its entries are left alone
  source     = "zettelstore.notes"
  schedule   = "*/4 * * * *"
  reader_lag = "1m"
  verify     = true # try a token out before it is published; the default for this system

  destination {
    mount = "secret"
    path  = "tokens/zettelstore/notes"
  }
  destination {
    mount = "team-a"
    path  = "zettelstore"
    adopt = true # take over an entry that somebody else made

    namespace = "team-a"                                        # default: that of the vault block
    fields    = { token = "access_token", expires_at = "exp" } # other names for fields of this entry
  }
}
