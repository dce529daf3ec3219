# With a TLS certificate. A renewed one is followed without a restart; nobody but owner and group may read the key.
vault {
  address = "https://vault.example:8200"

  auth "cert" {
    name      = "rotator" # the role; without it, any that the certificate fits
    cert_file = "/etc/tokenferry/client.pem"
    key_file  = "/etc/tokenferry/client-key.pem"
  }
}
