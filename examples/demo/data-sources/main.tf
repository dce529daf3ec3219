# First act of `cargo xtask demo`: data sources. Simple, and their values stand in the state in clear text.

terraform {
  required_version = ">= 1.10"

  required_providers {
    tokenferry = {
      source = "tokenferry/tokenferry"
    }
  }
}

variable "udid" {
  description = "The device whose one-time passwords are read."
  type        = string
}

# Everything comes from the environment: where the issuers are, and how to log in.
provider "tokenferry" {}

data "tokenferry_zscaler_otp" "laptop" {
  udid    = var.udid
  purpose = "uninstall"
}

data "tokenferry_zscaler_token" "audit" {}

data "tokenferry_zenoti_token" "audit" {}

data "tokenferry_zetasafe_token" "audit" {}

data "tokenferry_zettelstore_token" "audit" {}

locals {
  tokens = {
    "Zscaler"     = { counted = "zscaler", token = data.tokenferry_zscaler_token.audit }
    "Zenoti"      = { counted = "zenoti", token = data.tokenferry_zenoti_token.audit }
    "ZetaSafe"    = { counted = "zetasafe", token = data.tokenferry_zetasafe_token.audit }
    "Zettelstore" = { counted = "zettelstore", token = data.tokenferry_zettelstore_token.audit }
  }
}

# The tokens themselves are sensitive; how they are sent and when they end is not, nor are two characters.
output "tokens" {
  description = "What came, from which system."
  value = [
    for system, came in local.tokens : {
      system     = system
      counted    = came.counted
      what       = "token"
      value      = nonsensitive(substr(came.token.token, 0, 2))
      sent_as    = "${came.token.header_name}: ${nonsensitive(trimsuffix(came.token.header_value, came.token.token))}"
      issued_at  = came.token.issued_at
      expires_at = came.token.expires_at
    }
  ]
}
