# With a JWT, such as one of a CI system or of SPIFFE. It is read again at every login.
vault {
  auth "jwt" {
    role = "rotator"
    jwt  = { file = "/run/secrets/jwt" }
  }
}
