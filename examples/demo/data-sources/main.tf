# First act of `cargo xtask demo`: data sources. Simple, and their values stand in the state in clear text.

terraform {
  required_version = ">= 1.10"

  required_providers {
    tokenferry = {
      source = "tokenferry/tokenferry"
    }
  }
}

# Ephemeral variables reach the provider, but neither the state nor the plan file.
variable "zscaler" {
  description = "Where the Zscaler Client Connector API is, and the key pair for it."
  type        = object({ base_url = string, api_key = string, secret_key = string })
  ephemeral   = true
  sensitive   = true
}

variable "zettelstore" {
  description = "Where the Zettelstore is, and a user of it."
  type        = object({ base_url = string, username = string, password = string })
  ephemeral   = true
  sensitive   = true
}

variable "udid" {
  description = "The device whose one-time passwords are read."
  type        = string
}

provider "tokenferry" {
  zscaler     = var.zscaler
  zettelstore = var.zettelstore
}

data "tokenferry_zscaler_otp" "laptop" {
  udid    = var.udid
  purpose = "uninstall"
}

data "tokenferry_zscaler_token" "audit" {}

data "tokenferry_zettelstore_token" "audit" {}

# The tokens themselves would be sensitive; how they are sent is not, and does not differ from plan to plan.
output "zscaler_token_is_sent_as" {
  description = "The header that takes the Zscaler token, and to whom."
  value       = "${data.tokenferry_zscaler_token.audit.header_name}: …, to ${data.tokenferry_zscaler_token.audit.issuer}"
}

output "zettelstore_token_is_sent_as" {
  description = "The header that takes the Zettelstore token, and to whom."
  value       = "${data.tokenferry_zettelstore_token.audit.header_name}: ${data.tokenferry_zettelstore_token.audit.token_type} …, to ${data.tokenferry_zettelstore_token.audit.issuer}"
}
