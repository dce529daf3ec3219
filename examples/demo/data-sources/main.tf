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

data "tokenferry_zscaler_otp" "laptop" {
  udid    = var.udid
  purpose = "uninstall"
}

# Never with their passwords.
data "tokenferry_zscaler_devices" "all" {}

data "tokenferry_zscaler_token" "audit" {}

data "tokenferry_zscaler_token" "oneapi" {
  provider = tokenferry.oneapi
}

data "tokenferry_zenoti_token" "audit" {}

data "tokenferry_zetasafe_token" "audit" {}

data "tokenferry_zettelstore_token" "audit" {}

# Any HTTP service: what to send, and what to take from the answers. The secret itself stands in neither file nor state.
data "tokenferry_http_token" "audit" {
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
