# Keeps a file with the current token up to date: `bao agent -config=agent.hcl`, or `vault agent -config=agent.hcl`.

vault {
  address = "https://vault.example:8200"
}

auto_auth {
  method "approle" {
    config = {
      role_id_file_path                   = "/etc/reader/role_id"
      secret_id_file_path                 = "/etc/reader/secret_id"
      remove_secret_id_file_after_reading = false
    }
  }
}

# How often an entry is looked at. Left out it is 5 minutes; `reader_lag` of the rotation must not be less.
template_config {
  static_secret_render_interval = "1m"
}

template {
  source               = "/etc/reader/header.tpl"
  destination          = "/run/reader/header"
  perms                = "0600"
  error_on_missing_key = true

  # A service that reads the file once only: exec { command = ["systemctl", "reload", "reader.service"] }
}
