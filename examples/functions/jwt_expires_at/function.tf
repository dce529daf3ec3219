variable "token" {
  description = "A token from elsewhere, for example from a file or from another provider."
  type        = string
  sensitive   = true
}

# Not in the variable's own `validation`: Terraform's message would show the token.
resource "terraform_data" "uses_token" {
  lifecycle {
    precondition {
      condition     = timecmp(provider::tokenferry::jwt_expires_at(var.token), plantimestamp()) > 0
      error_message = "The token has expired."
    }
  }
}
