# Any service that wants more than one request: here a session first, and then the token of that session.
source "http" "inventory" {
  secrets = {
    password = { env = "INVENTORY_PASSWORD" }
  }

  request {
    url  = "https://inventory.example/api/session"
    json = { user = "tokenferry", password = "{{secrets.password}}", options = { remember = false } }
    values = {
      session = { json_pointer = "/session/id" }
    }
  }
  request {
    method  = "POST"
    url     = "https://inventory.example/api/tokens"
    headers = { "X-Session" = "{{values.session}}" }
    values = {
      token      = { json_pointer = "/token" }
      expires_in = { json_pointer = "/lifetime" }
    }
  }

  account = "tokenferry" # what readers see as the subject
  header  = "X-Auth-Token"
  scheme  = "none"
  ttl     = "30m"
}

rotation "inventory" {
  source     = "http.inventory"
  schedule   = "*/10 * * * *"
  reader_lag = "2m"
  destination {
    mount = "secret"
    path  = "tokens/inventory"
  }
}
