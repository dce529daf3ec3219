# Zscaler Client Connector with an API client of ZIdentity (OneAPI), which proves itself by its private key.
source "zscaler" "acme" {
  method        = "oneapi" # can be left out: `client_id` says as much
  vanity_domain = "acme"   # where people log in at acme.zslogin.net
  client_id     = "4f2k8d1exampleclient"
  private_key   = { file = "/run/secrets/zscaler-private-key.pem" } # or client_secret
}

rotation "zscaler-acme" {
  source   = "zscaler.acme"
  schedule = "*/20 * * * *"
  destination {
    mount = "secret"
    path  = "tokens/zscaler/acme"
  }
}
