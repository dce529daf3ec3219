variable "token" {
  description = "A token from elsewhere, for example from a file or from another provider."
  type        = string
  sensitive   = true
}

locals {
  ends_at = provider::tokenferry::jwt_expires_at(var.token) # null if the token does not say when it ends
}

# Not in the variable's own `validation`: Terraform's message would show the token.
resource "terraform_data" "uses_token" {
  lifecycle {
    precondition {
      # A token without an end is let through here. `timecmp` takes no null, so it has to be asked for first.
      condition     = local.ends_at == null ? true : timecmp(local.ends_at, plantimestamp()) > 0
      error_message = "The token has expired."
    }
  }
}
