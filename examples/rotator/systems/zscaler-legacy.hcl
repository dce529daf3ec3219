# Zscaler Client Connector with an API key of its portal. The secret is kept in Vault: the rotator's token needs `read` on
# kv/data/zscaler/corp.
vault {
  address = "https://vault.example:8200"
  auth "jwt" {
    role = "tokenferry"
    jwt  = { file = "/var/run/secrets/kubernetes.io/serviceaccount/token" } # read again at every login
  }
}

source "zscaler" "corp" {
  cloud      = "zscalertwo"
  api_key    = { vault = { mount = "kv", path = "zscaler/corp", field = "api_key" } }
  secret_key = { vault = { mount = "kv", path = "zscaler/corp", field = "secret_key" } }
  ttl        = "1h" # the session validity interval of the API key
}

rotation "zscaler-corp" {
  source   = "zscaler.corp"
  schedule = "*/30 * * * *"
  destination {
    mount = "secret"
    path  = "tokens/zscaler/corp"
  }
}
