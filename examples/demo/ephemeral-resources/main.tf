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

variable "username" {
  description = "The user whose app profile is read."
  type        = string
}

variable "oneapi" {
  description = "An API client of ZIdentity, and where it logs in."
  type        = object({ base_url = string, token_url = string, client_id = string, client_secret = string })
  ephemeral   = true
  sensitive   = true
}

variable "service_url" {
  description = "Where the service is that has no system of its own."
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

# The second way into Zscaler; aliases never share tokens.
provider "tokenferry" {
  alias = "oneapi"

  zscaler = {
    method        = "oneapi"
    base_url      = var.oneapi.base_url
    token_url     = var.oneapi.token_url
    client_id     = var.oneapi.client_id
    client_secret = var.oneapi.client_secret
  }
}

ephemeral "tokenferry_zscaler_otp" "laptop" {
  udid    = var.udid
  purpose = "uninstall"
}

ephemeral "tokenferry_zscaler_profile_passwords" "logout" {
  username = var.username
  os_type  = "macos"
  purpose  = "logout"
}

ephemeral "tokenferry_zscaler_token" "deploy" {
  minimum_lifetime = "10m"
}

ephemeral "tokenferry_zscaler_token" "oneapi" {
  provider = tokenferry.oneapi
}

ephemeral "tokenferry_zenoti_token" "deploy" {}

ephemeral "tokenferry_zetasafe_token" "deploy" {}

ephemeral "tokenferry_zettelstore_token" "deploy" {}

# Any HTTP service: what to send, and what to take from the answers.
ephemeral "tokenferry_http_token" "deploy" {
  account = "sandbox"

  secrets = {
    password = { env = "SERVICE_PASSWORD" }
  }

  request {
    url  = "${var.service_url}/v1/tenants/acme/login"
    json = jsonencode({ user = "sandbox", password = "{{secrets.password}}" })

    values = {
      session = { json_pointer = "/session/id" }
      csrf    = { header = "X-CSRF" }
    }
  }

  request {
    url     = "${var.service_url}/v1/token/{{values.session}}"
    headers = { "X-CSRF" = "{{values.csrf}}" }
    form    = { grant_type = "session" }

    values = {
      token      = { json_pointer = "/access_token" }
      expires_in = { json_pointer = "/expires_in" }
    }
  }
}

# Reckoned from the secret behind a QR code: nobody is asked.
ephemeral "tokenferry_totp" "admin" {
  secret = var.totp_secret
}

locals {
  tokens = [
    { system = "http", what = "token", token = ephemeral.tokenferry_http_token.deploy },
    { system = "zenoti", what = "token", token = ephemeral.tokenferry_zenoti_token.deploy },
    { system = "zetasafe", what = "token", token = ephemeral.tokenferry_zetasafe_token.deploy },
    { system = "zettelstore", what = "token", token = ephemeral.tokenferry_zettelstore_token.deploy },
    { system = "zscaler", what = "token", token = ephemeral.tokenferry_zscaler_token.deploy },
    { system = "zscaler", what = "token, oneapi", token = ephemeral.tokenferry_zscaler_token.oneapi },
  ]
  passwords = [
    { system = "zscaler", what = "OTP", value = ephemeral.tokenferry_zscaler_otp.laptop.otp },
    {
      system = "zscaler"
      what   = "password"
      value  = ephemeral.tokenferry_zscaler_profile_passwords.logout.password
    },
  ]
  code = {
    system     = "totp"
    what       = "code"
    value      = ephemeral.tokenferry_totp.admin.code
    issued_at  = timeadd(ephemeral.tokenferry_totp.admin.expires_at, "-30s")
    expires_at = ephemeral.tokenferry_totp.admin.expires_at
  }
  came = concat(
    [for came in local.tokens : {
      system     = came.system
      counted    = came.system
      what       = came.what
      value      = came.token.token
      sent_as    = "${came.token.header_name}: ${trimsuffix(came.token.header_value, came.token.token)}"
      issued_at  = came.token.issued_at
      expires_at = came.token.expires_at
    }],
    [for came in local.passwords : merge(came, { counted = came.system })],
    [local.code],
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
