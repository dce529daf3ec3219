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
