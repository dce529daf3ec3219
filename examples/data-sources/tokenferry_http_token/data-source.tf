# OAuth 2 client credentials. The token stands in the state in clear text; the ephemeral resource of the same name
# leaves no trace. The secret itself never gets there: `secrets` only say where it is kept.
data "tokenferry_http_token" "api" {
  secrets = {
    client_secret = { env = "API_CLIENT_SECRET" }
  }

  oauth2_client_credentials = {
    token_url = "https://id.example.com/oauth/token"
    client_id = "inventory"
    scope     = "devices:read"
  }
}

output "request_headers" {
  value = {
    (data.tokenferry_http_token.api.header_name) = data.tokenferry_http_token.api.header_value
  }
  sensitive = true
}
