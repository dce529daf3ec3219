variable "udid" {
  description = "The device that Zscaler Client Connector is removed from."
  type        = string
}

ephemeral "tokenferry_zscaler_otp" "laptop" {
  udid    = var.udid
  purpose = "uninstall"
  enabled = terraform.applying
}

resource "terraform_data" "uninstall" {
  triggers_replace = [var.udid]

  provisioner "local-exec" {
    command = "./uninstall-client-connector.sh"

    environment = {
      UNINSTALL_PASSWORD = ephemeral.tokenferry_zscaler_otp.laptop.otp
    }
  }
}
