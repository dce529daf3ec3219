# A login in two steps: the first answer gives a session and the proof that belongs to it, the second the token.
ephemeral "tokenferry_http_token" "acme" {
  enabled = terraform.applying
  account = "anna"

  secrets = {
    password = { env = "ACME_PASSWORD" }
  }

  request {
    method = "POST"
    url    = "https://id.example.com/v1/tenants/acme/login"
    json   = jsonencode({ user = "anna", password = "{{secrets.password}}" })

    values = {
      session = { json_pointer = "/session/id" }
      csrf    = { header = "X-CSRF" }
    }
  }

  # What is filled into a path stays one segment of it, whatever characters it has.
  request {
    method  = "POST"
    url     = "https://id.example.com/v1/token/{{values.session}}"
    headers = { "X-CSRF" = "{{values.csrf}}" }
    form    = { grant_type = "session" }

    values = {
      token      = { json_pointer = "/access_token" }
      expires_in = { json_pointer = "/expires_in" }
    }
  }
}

# The client proves who it is by a signed assertion instead of a secret.
ephemeral "tokenferry_http_token" "signed" {
  enabled          = terraform.applying
  minimum_lifetime = "5m"

  secrets = {
    private_key = { file = "/run/secrets/inventory.pem" }
  }

  oauth2_client_credentials = {
    token_url      = "https://id.example.com/oauth/token"
    client_id      = "inventory"
    authentication = "private_key_jwt"
    key_id         = "2026-11"
  }
}

resource "terraform_data" "sync" {
  provisioner "local-exec" {
    command = "./sync.sh"

    environment = {
      ACME_HEADER      = ephemeral.tokenferry_http_token.acme.header_value
      INVENTORY_HEADER = ephemeral.tokenferry_http_token.signed.header_value
    }
  }
}
