# Zenoti with an API key: nobody logs in, the key itself is what readers get.
source "zenoti" "reports" {
  api_key = { file = "/run/secrets/zenoti-api-key" } # read again at every run
}

rotation "zenoti-reports" {
  source   = "zenoti.reports"
  schedule = "@hourly" # a key that was exchanged in the file is in Vault within an hour
  destination {
    mount = "secret"
    path  = "tokens/zenoti/reports"
  }
}
