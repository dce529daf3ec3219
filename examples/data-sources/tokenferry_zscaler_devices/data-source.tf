# All enrolled Windows devices, in one call for each 5000 of them.
data "tokenferry_zscaler_devices" "windows" {
  os_type = "windows"
}

output "outdated" {
  value = [
    for device in data.tokenferry_zscaler_devices.windows.devices : device.hostname
    if device.agent_version != "4.5.0.33"
  ]
}
