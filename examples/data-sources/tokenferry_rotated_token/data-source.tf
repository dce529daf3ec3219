# The token is stored in the state: prefer the ephemeral resource of the same name.
data "tokenferry_rotated_token" "notes" {
  mount            = "secret"
  path             = "tokens/zettelstore/notes"
  minimum_lifetime = "5m"
}

output "notes_token_ends_at" {
  value = data.tokenferry_rotated_token.notes.expires_at
}
