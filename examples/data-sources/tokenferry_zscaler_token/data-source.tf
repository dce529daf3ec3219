# The token stands in the state in clear text; the ephemeral resource of the same name leaves no trace.
data "tokenferry_zscaler_token" "audit" {
  minimum_lifetime = "10m"
}

# header_name is `auth-token`: this API does not take a bearer token.
data "http" "cloud_check" {
  url = "${data.tokenferry_zscaler_token.audit.issuer}/public/v1/getDevices?pageSize=1"

  request_headers = {
    (data.tokenferry_zscaler_token.audit.header_name) = data.tokenferry_zscaler_token.audit.header_value
  }
}
