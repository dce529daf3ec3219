# The passwords of the app profile that a user has on an operating system. They stand in the state in clear text; the
# ephemeral resource of the same name leaves no trace.
data "tokenferry_zscaler_profile_passwords" "anna" {
  username = "anna@example.com"
  os_type  = "windows"
}

# With `purpose`, that one is also `password`; a profile that has none for it is an error.
data "tokenferry_zscaler_profile_passwords" "uninstall" {
  username = "anna@example.com"
  os_type  = "windows"
  purpose  = "uninstall"
}

output "exit_password" {
  value     = data.tokenferry_zscaler_profile_passwords.anna.passwords["exit"]
  sensitive = true
}
