variable "totp_secret" {
  type      = string
  sensitive = true
  ephemeral = true
}

# No code in plans: many systems take each one only once.
ephemeral "tokenferry_totp" "admin" {
  secret          = var.totp_secret
  minimum_seconds = 10
  enabled         = terraform.applying
}
