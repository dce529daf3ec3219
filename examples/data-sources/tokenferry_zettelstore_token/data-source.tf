# The token stands in the state in clear text; the ephemeral resource of the same name leaves no trace.
data "tokenferry_zettelstore_token" "reader" {}

# header_value is complete: `Bearer`, a blank, the token.
output "request_headers" {
  value = {
    (data.tokenferry_zettelstore_token.reader.header_name) = data.tokenferry_zettelstore_token.reader.header_value
  }
  sensitive = true
}

output "valid_until" {
  value = data.tokenferry_zettelstore_token.reader.expires_at
}
