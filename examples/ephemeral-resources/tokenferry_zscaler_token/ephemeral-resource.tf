# Opened in plan and again in apply, each time with a login of its own. `enabled = terraform.applying` (Terraform
# 1.10 or newer) leaves plans without one; all values are null then.
ephemeral "tokenferry_zscaler_token" "deploy" {
  enabled          = terraform.applying
  minimum_lifetime = "10m"
}

# Write-only arguments, provider blocks, provisioners and ephemeral variables of modules take ephemeral values.
resource "vault_kv_secret_v2" "zscaler" {
  mount = "secret"
  name  = "zscaler/token"

  data_json_wo_version = 1
  data_json_wo = jsonencode({
    token      = ephemeral.tokenferry_zscaler_token.deploy.token
    expires_at = ephemeral.tokenferry_zscaler_token.deploy.expires_at
  })
}
