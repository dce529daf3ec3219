# Replicas that share the work through PostgreSQL. The same in each of them, beside the same `vault`, sources and rotations.
cluster {
  # postgres://tokenferry:PASSWORD@db.example:5432/tokenferry?sslmode=verify-full
  database_url = { file = "/run/secrets/database-url" }
  ca_cert_file = "/etc/tokenferry/postgresql-ca.pem" # default: the certificates of the system

  # How often each replica says that it lives, and after how much silence the others take over what it had begun. The
  # limit has to be longer than the longest run: the `timeout` of a source, twice that of Vault, and 5 s.
  heartbeat_interval = "5s"
  heartbeat_limit    = "60s"

  # name = "west"               # tells it from other clusters in the same database; default: "tokenferry"
  # replica = "rotator-a"       # what this one is called; default: its host and something random
  # allow_plaintext = true      # no TLS to a database on another machine
}
