# One device with its details, to look its `udid` up. A host name is looked up in the list of all devices.
data "tokenferry_zscaler_device" "laptop" {
  hostname = "anna-macbook"
}

# The one-time passwords of that device.
data "tokenferry_zscaler_otp" "laptop" {
  udid = data.tokenferry_zscaler_device.laptop.udid
}

output "last_seen" {
  value = data.tokenferry_zscaler_device.laptop.last_seen_at
}
