# The token stands in the state in clear text; the ephemeral resource of the same name leaves no trace.
data "tokenferry_zetasafe_token" "reports" {}

# ZetaSafe takes the token in a header of its own, `x-auth-token`, not as a bearer token: use header_name and
# header_value, and the request is right for every system.
output "request_headers" {
  value = {
    (data.tokenferry_zetasafe_token.reports.header_name) = data.tokenferry_zetasafe_token.reports.header_value
  }
  sensitive = true
}

# Null unless the provider block says by `ttl` how long tokens live: ZetaSafe itself does not.
output "assumed_until" {
  value = data.tokenferry_zetasafe_token.reports.expires_at
}
