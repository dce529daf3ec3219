# A login outside of the namespace that the entries are in; "root" is outside of all.
vault {
  namespace = "team/platform"

  auth "kubernetes" {
    namespace = "root"
    role      = "rotator"
  }
}
