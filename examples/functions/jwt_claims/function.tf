# Whose token it is, as the token itself says. What comes of an ephemeral token is ephemeral, too.
ephemeral "tokenferry_zscaler_token" "this" {}

locals {
  claims = provider::tokenferry::jwt_claims(ephemeral.tokenferry_zscaler_token.this.token)

  # Not every token says who may use it.
  audience = try(local.claims.aud, null)
}
