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
  description = "A file that stands in for whoever needs the secrets, so that the demo can look for them afterwards."
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
  # Asks Zettelstore whether the token is good: 204 if so, 401 if not. The values travel in the environment, since
  # everybody on a machine can read arguments.
  provisioner "local-exec" {
    interpreter = ["python3", "-c"]

    command = <<-EOT
      import os, urllib.request

      given = os.environ
      header = {given["HEADER_NAME"]: given["HEADER_VALUE"]}
      direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
      direct.open(urllib.request.Request(given["URL"], method="POST", headers=header), timeout=10)
      handover = os.open(given["HANDOVER"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
      for name in ["OTP", "ZSCALER_TOKEN", "ZETTELSTORE_TOKEN"]:
          os.write(handover, (given[name] + "\n").encode())
    EOT

    environment = {
      HEADER_NAME       = ephemeral.tokenferry_zettelstore_token.deploy.header_name
      HEADER_VALUE      = ephemeral.tokenferry_zettelstore_token.deploy.header_value
      URL               = "${ephemeral.tokenferry_zettelstore_token.deploy.issuer}x?cmd=authenticated"
      HANDOVER          = var.handover
      OTP               = ephemeral.tokenferry_zscaler_otp.laptop.otp
      ZSCALER_TOKEN     = ephemeral.tokenferry_zscaler_token.deploy.token
      ZETTELSTORE_TOKEN = ephemeral.tokenferry_zettelstore_token.deploy.token
    }
  }
}
