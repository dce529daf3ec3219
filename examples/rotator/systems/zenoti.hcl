# Zenoti. The app and its user are those of Configuration > Integrations > Apps.
source "zenoti" "spa" {
  account_name = "exampleaccount"
  username     = "tokenferry"
  password     = { file = "/run/secrets/zenoti-password" }
  app_id       = "b0f3a1c2-0000-4000-8000-000000000000"
  app_secret   = { file = "/run/secrets/zenoti-app-secret" }
}

rotation "zenoti-spa" {
  source   = "zenoti.spa"
  schedule = "17 */8 * * *" # tokens live a day
  destination {
    mount = "secret"
    path  = "tokens/zenoti/spa"
  }
}
