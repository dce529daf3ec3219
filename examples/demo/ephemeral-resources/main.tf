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

variable "udid" {
  description = "The device whose one-time password is read."
  type        = string
}

variable "totp_secret" {
  description = "What an authenticator app is given, in base32."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "handover" {
  description = "A file that stands in for whoever needs the secrets, so that the demo can look for them afterwards."
  type        = string
}

# Everything comes from the environment: where the issuers are, and how to log in.
provider "tokenferry" {}

ephemeral "tokenferry_zscaler_otp" "laptop" {
  udid    = var.udid
  purpose = "uninstall"
}

ephemeral "tokenferry_zscaler_token" "deploy" {
  minimum_lifetime = "10m"
}

ephemeral "tokenferry_zenoti_token" "deploy" {}

ephemeral "tokenferry_zetasafe_token" "deploy" {}

ephemeral "tokenferry_zettelstore_token" "deploy" {}

# Reckoned from the secret behind a QR code: nobody is asked.
ephemeral "tokenferry_totp" "admin" {
  secret = var.totp_secret
}

locals {
  tokens = {
    "zscaler"     = { counted = "zscaler", token = ephemeral.tokenferry_zscaler_token.deploy }
    "zenoti"      = { counted = "zenoti", token = ephemeral.tokenferry_zenoti_token.deploy }
    "zetasafe"    = { counted = "zetasafe", token = ephemeral.tokenferry_zetasafe_token.deploy }
    "zettelstore" = { counted = "zettelstore", token = ephemeral.tokenferry_zettelstore_token.deploy }
  }
  codes = {
    "zscaler" = { counted = "zscaler", what = "OTP", value = ephemeral.tokenferry_zscaler_otp.laptop.otp }
    "totp" = {
      what       = "code"
      value      = ephemeral.tokenferry_totp.admin.code
      issued_at  = timeadd(ephemeral.tokenferry_totp.admin.expires_at, "-30s")
      expires_at = ephemeral.tokenferry_totp.admin.expires_at
    }
  }
  came = concat(
    [for system, came in local.tokens : {
      system     = system
      counted    = came.counted
      what       = "token"
      value      = came.token.token
      sent_as    = "${came.token.header_name}: ${trimsuffix(came.token.header_value, came.token.token)}"
      issued_at  = came.token.issued_at
      expires_at = came.token.expires_at
    }],
    [for system, came in local.codes : merge(came, { system = system })],
  )
}

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
      os.write(handover, given["CAME"].encode())
    EOT

    environment = {
      HEADER_NAME  = ephemeral.tokenferry_zettelstore_token.deploy.header_name
      HEADER_VALUE = ephemeral.tokenferry_zettelstore_token.deploy.header_value
      URL          = "${ephemeral.tokenferry_zettelstore_token.deploy.issuer}x?cmd=authenticated"
      HANDOVER     = var.handover
      CAME         = jsonencode(local.came)
    }
  }
}
