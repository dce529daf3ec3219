# All one-time passwords of a device, by purpose. They stand in the state in clear text; the ephemeral resource of
# the same name leaves no trace.
data "tokenferry_zscaler_otp" "laptop" {
  udid = "1F2E3D4C-0000-1111-2222-333344445555:501"
}

# With `purpose`, that one is also `otp`; a device that has none for it is an error.
data "tokenferry_zscaler_otp" "uninstall" {
  udid    = "1F2E3D4C-0000-1111-2222-333344445555:501"
  purpose = "uninstall"
}

output "exit_password" {
  value     = data.tokenferry_zscaler_otp.laptop.otps["exit"]
  sensitive = true
}
