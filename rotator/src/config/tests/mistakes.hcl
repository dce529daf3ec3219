concurrency = "four-planted"
concurency = 4
vault {
  address = "https://proxy.example/planted"
  tiemout = "5s"
  auth = "planted"
}
source "zscaler" "corp" {
  cloud      = planted.cloud
  cloud      = "planted"
  api_key    = "${planted}"
  secret_key = "planted-secret"
  ttl        = 3600
  allow_http = "planted"
}
source "zscalar" "other" {
}
source "zettelstore" "bad name" {
  password = { env = "$PLANTED" }
}
source "zettelstore" "notes" {
  password = { vault = "planted" }
  timeout  = "5 planted"
  base_url = "planted"
}
rotation "corp" {
  source       = "zscaler.crop"
  schedule     = "planted * * *"
  time_zone    = "Planted/Planted"
  renew_before = "100%"
  reader_lag   = lower("planted")
  verify       = yes
  destination {
    mount = "secret"
    path  = "planted//path"
  }
}
rotation "corp" {
  source   = "zscaler.corp"
  verify   = true
  schedule {
  }
}
