variable "leaver" {
  type    = string
  default = "anna@example.com"
}

# The devices of somebody who left: at most three, or none is removed. To be invoked with
#   terraform apply -invoke=action.tokenferry_zscaler_remove_devices.leaver
action "tokenferry_zscaler_remove_devices" "leaver" {
  config {
    username    = var.leaver
    max_devices = 3
  }
}

# Two devices that will never connect again, by force, as soon as their replacements are there.
action "tokenferry_zscaler_remove_devices" "lost" {
  config {
    udids = [
      "1F2E3D4C-0000-1111-2222-333344445555:501",
      "1F2E3D4C-0000-1111-2222-333344445555:502",
    ]
    force = true
  }
}

resource "terraform_data" "replacement" {
  input = "two new devices"

  lifecycle {
    action_trigger {
      events  = [after_create]
      actions = [action.tokenferry_zscaler_remove_devices.lost]
    }
  }
}
