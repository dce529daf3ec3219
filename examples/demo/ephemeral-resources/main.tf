# Second act of `cargo xtask demo`: the same as ephemeral resources. Their values exist while Terraform runs, and
# nowhere afterwards.

terraform {
  required_version = ">= 1.10"

  required_providers {
    tokenferry = {
      source = "tokenferry/tokenferry"
    }
  }
}

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
  description = "The device whose one-time password is read."
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

ephemeral "tokenferry_zscaler_otp" "laptop" {
  udid    = var.udid
  purpose = "uninstall"
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
      OTP               = ephemeral.tokenferry_zscaler_otp.laptop.otp
      ZSCALER_TOKEN     = ephemeral.tokenferry_zscaler_token.deploy.token
      ZETTELSTORE_TOKEN = ephemeral.tokenferry_zettelstore_token.deploy.token
    }
  }
}
