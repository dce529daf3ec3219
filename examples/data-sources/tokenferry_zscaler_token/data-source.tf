# The token stands in the state in clear text; the ephemeral resource of the same name leaves no trace.
data "tokenferry_zscaler_token" "audit" {
  minimum_lifetime = "10m"
}

# This API takes the token in a header of its own, `auth-token`, not as a bearer token: use header_name and
# header_value, and the request is right for every system.
output "request_headers" {
  value = {
    (data.tokenferry_zscaler_token.audit.header_name) = data.tokenferry_zscaler_token.audit.header_value
  }
  sensitive = true
}
