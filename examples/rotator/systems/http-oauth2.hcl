# Any service that issues tokens by OAuth 2 client credentials.
source "http" "billing" {
  secrets = {
    client_secret = { vault = { mount = "kv", path = "billing/client", field = "secret" } }
  }
  oauth2_client_credentials = {
    token_url = "https://id.example/oauth2/token"
    client_id = "tokenferry"
    scope     = "invoices.read invoices.write"
  }
  ttl = "1h" # for the proof; what the service says goes before it
}

rotation "billing" {
  source   = "http.billing"
  schedule = "*/20 * * * *"
  destination {
    mount = "secret"
    path  = "tokens/billing"
  }
}
