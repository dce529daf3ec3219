terraform {
  required_providers {
    tokenferry = {
      source = "tokenferry/tokenferry"
    }
  }
}

# Every attribute is optional: what a read needs and finds neither here nor in the environment is an error of that
# read alone. Credentials belong into the environment: ZCC_CLIENT_ID and ZCC_CLIENT_SECRET for Zscaler, and ZENOTI_…,
# ZETASAFE_… and ZETTELSTORE_… for the others.
provider "tokenferry" {
  zscaler = {
    cloud = "zscalertwo"
    ttl   = "1h" # the key's session validity, if its tokens do not tell when they end
  }

  zettelstore = {
    base_url = "https://notes.example.com/"
  }

  # Where the rotator keeps its tokens. VAULT_ADDR, VAULT_NAMESPACE and VAULT_TOKEN hold where nothing is set.
  vault = {
    address = "https://vault.example.com:8200"

    approle = {
      role_id   = "terraform"
      secret_id = var.vault_secret_id
    }
  }

  timeout  = "30s" # for one exchange with a system, retries included
  max_wait = "60s" # at most, when a system asks to come back later
}

# One provider block for each tenant; aliases never share tokens.
provider "tokenferry" {
  alias = "subsidiary"

  zscaler = {
    base_url   = "https://mobile.zscalerthree.net/papi"
    api_key    = var.subsidiary_api_key
    secret_key = var.subsidiary_secret_key
  }

  ca_cert_file = "/etc/ssl/certs/company.pem"
}

# An API client of ZIdentity instead of an API key. Its variables are ZSCALER_CLIENT_ID, ZSCALER_CLIENT_SECRET (or
# ZSCALER_PRIVATE_KEY), ZSCALER_VANITY_DOMAIN and ZSCALER_CLOUD.
provider "tokenferry" {
  alias = "one_api"

  zscaler = {
    method        = "oneapi"
    vanity_domain = "acme"
  }
}

variable "vault_secret_id" {
  type      = string
  ephemeral = true
  sensitive = true
}

variable "subsidiary_api_key" {
  type      = string
  ephemeral = true
  sensitive = true
}

variable "subsidiary_secret_key" {
  type      = string
  ephemeral = true
  sensitive = true
}
