# Last act of `cargo xtask demo`: what the rotator keeps fresh in OpenBao, read by Terraform. No issuer is asked.

terraform {
  required_version = ">= 1.10"

  required_providers {
    tokenferry = {
      source = "tokenferry/tokenferry"
    }
  }
}

variable "handover" {
  description = "A file that stands in for whoever needs the tokens, so that the demo can look for them afterwards."
  type        = string
}

# Address and token of a reader come from VAULT_ADDR and VAULT_TOKEN.
provider "tokenferry" {}

ephemeral "tokenferry_rotated_token" "corp" {
  mount            = "secret"
  path             = "tokens/zscaler/corp"
  minimum_lifetime = "10m"
}

ephemeral "tokenferry_rotated_token" "notes" {
  mount = "secret"
  path  = "tokens/zettelstore/notes"
}

locals {
  tokens = {
    "zscaler"     = ephemeral.tokenferry_rotated_token.corp
    "zettelstore" = ephemeral.tokenferry_rotated_token.notes
  }
  came = [
    for system, token in local.tokens : {
      system     = system
      counted    = token.system
      what       = "token, ${trimprefix(token.rotation, "${system}-")}"
      value      = token.token
      sent_as    = "${token.header_name}: ${trimsuffix(token.header_value, token.token)}"
      issued_at  = token.issued_at
      expires_at = token.expires_at
    }
  ]
}

resource "terraform_data" "handover" {
  # The values travel in the environment, since everybody on a machine can read arguments.
  provisioner "local-exec" {
    interpreter = ["python3", "-c"]

    command = <<-EOT
      import os

      handover = os.open(os.environ["HANDOVER"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
      os.write(handover, os.environ["CAME"].encode())
    EOT

    environment = {
      HANDOVER = var.handover
      CAME     = jsonencode(local.came)
    }
  }
}
