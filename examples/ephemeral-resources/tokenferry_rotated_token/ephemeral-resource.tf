# What the rotator keeps in Vault, for as long as the run needs it.
ephemeral "tokenferry_rotated_token" "notes" {
  mount            = "secret"
  path             = "tokens/zettelstore/notes"
  minimum_lifetime = "5m"
}

# A login of one's own, unless the rotator has a token of the same user.
ephemeral "tokenferry_zettelstore_token" "notes" {
  minimum_lifetime = "5m"

  prefer_rotated = {
    mount   = "secret"
    path    = "tokens/zettelstore/notes"
    on_miss = "login"
  }
}
