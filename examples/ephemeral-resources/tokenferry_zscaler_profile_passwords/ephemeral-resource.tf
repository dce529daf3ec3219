variable "username" {
  description = "Whose devices are logged out of Zscaler Client Connector."
  type        = string
}

ephemeral "tokenferry_zscaler_profile_passwords" "logout" {
  username = var.username
  os_type  = "macos"
  purpose  = "logout"
  enabled  = terraform.applying
}

resource "terraform_data" "logout" {
  triggers_replace = [var.username]

  provisioner "local-exec" {
    command = "./log-out-of-client-connector.sh"

    environment = {
      LOGOUT_PASSWORD = ephemeral.tokenferry_zscaler_profile_passwords.logout.password
    }
  }
}
