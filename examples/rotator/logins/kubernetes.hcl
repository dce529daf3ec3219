# As the service account of the pod. Its token lies where Kubernetes puts it, or where a projected volume does.
vault {
  auth "kubernetes" {
    role = "rotator"
    # jwt = { file = "/var/run/secrets/tokens/vault" }
  }
}
