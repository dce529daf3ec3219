# The token stands in the state in clear text; the ephemeral resource of the same name leaves no trace.
data "tokenferry_zenoti_token" "bookings" {
  minimum_lifetime = "1h"
}

# header_value is complete: `bearer`, a blank, the token. With an API key it is `apikey`, a blank, the key.
output "request_headers" {
  value = {
    (data.tokenferry_zenoti_token.bookings.header_name) = data.tokenferry_zenoti_token.bookings.header_value
  }
  sensitive = true
}

output "valid_until" {
  value = data.tokenferry_zenoti_token.bookings.expires_at
}
