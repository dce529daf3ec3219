# What `cargo xtask demo` applies: the same three secrets, once as data sources, once as ephemeral resources.

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

variable "support_laptop" {
  description = "The device (UDID) whose one-time passwords are read as a data source."
  type        = string
}

variable "sales_laptop" {
  description = "The device (UDID) whose one-time password is read as an ephemeral resource."
  type        = string
}

variable "handover" {
  description = "The file that stands in for whoever needs the secrets."
  type        = string
}

provider "tokenferry" {
  zscaler     = var.zscaler
  zettelstore = var.zettelstore
}

# Data sources: simple, and their values stand in the state in clear text.

data "tokenferry_zscaler_otp" "support_laptop" {
  udid    = var.support_laptop
  purpose = "uninstall"
}

data "tokenferry_zscaler_token" "audit" {}

data "tokenferry_zettelstore_token" "audit" {}

# Ephemeral resources: the values exist while Terraform runs, and nowhere afterwards.

ephemeral "tokenferry_zscaler_otp" "sales_laptop" {
  udid    = var.sales_laptop
  purpose = "generic"
}

ephemeral "tokenferry_zscaler_token" "deploy" {
  minimum_lifetime = "10m"
}

ephemeral "tokenferry_zettelstore_token" "deploy" {}

resource "terraform_data" "handover" {
  provisioner "local-exec" {
    command = "umask 077 && printf '%s\\n' \"$OTP\" \"$ZSCALER_TOKEN\" \"$ZETTELSTORE_TOKEN\" > \"$HANDOVER\""

    environment = {
      HANDOVER          = var.handover
      OTP               = ephemeral.tokenferry_zscaler_otp.sales_laptop.otp
      ZSCALER_TOKEN     = ephemeral.tokenferry_zscaler_token.deploy.token
      ZETTELSTORE_TOKEN = ephemeral.tokenferry_zettelstore_token.deploy.token
    }
  }
}

output "zscaler" {
  description = "How the Zscaler token is sent, and who issued it."
  value       = "${data.tokenferry_zscaler_token.audit.header_name}: … from ${data.tokenferry_zscaler_token.audit.issuer}"
}

output "zettelstore" {
  description = "How the Zettelstore token is sent, and who issued it."
  value       = "${data.tokenferry_zettelstore_token.audit.header_name}: … from ${data.tokenferry_zettelstore_token.audit.issuer}"
}
