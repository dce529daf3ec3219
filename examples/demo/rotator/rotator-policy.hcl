# What the rotator needs: to read and write its entries and the notes beside them. It cannot delete anything.
path "secret/data/tokens/*" {
  capabilities = ["create", "read", "update"]
}
path "secret/metadata/tokens/*" {
  capabilities = ["create", "read", "update"]
}
