# ZetaSafe. Its tokens do not say when they end: `ttl` does.
source "zetasafe" "site" {
  username        = "tokenferry"
  password        = { file = "/run/secrets/zetasafe-password" }
  admin_client_id = "4711"
  ttl             = "1h" # rather too short than too long
}

rotation "zetasafe-site" {
  source   = "zetasafe.site"
  schedule = "*/20 * * * *"
  destination {
    mount = "secret"
    path  = "tokens/zetasafe/site"
  }
}
