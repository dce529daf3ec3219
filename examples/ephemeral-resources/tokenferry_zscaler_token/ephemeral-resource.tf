# Opened in plan and again in apply, each time with a login of its own. `enabled = terraform.applying` leaves plans
# without one; all values are null then.
ephemeral "tokenferry_zscaler_token" "deploy" {
  enabled          = terraform.applying
  minimum_lifetime = "10m"
}

# Provisioners take ephemeral values, as do provider blocks, write-only arguments (`data_json_wo` of Vault's
# vault_kv_secret_v2, for one) and ephemeral variables of modules.
resource "terraform_data" "rollout" {
  provisioner "local-exec" {
    command = "./rollout.sh"

    environment = {
      API_URL      = ephemeral.tokenferry_zscaler_token.deploy.issuer
      HEADER_NAME  = ephemeral.tokenferry_zscaler_token.deploy.header_name
      HEADER_VALUE = ephemeral.tokenferry_zscaler_token.deploy.header_value
    }
  }
}
