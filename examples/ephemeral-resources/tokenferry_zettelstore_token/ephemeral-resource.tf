# A Zettelstore token lives ten minutes unless the server is told otherwise.
ephemeral "tokenferry_zettelstore_token" "writer" {
  enabled          = terraform.applying
  minimum_lifetime = "5m"
}

resource "terraform_data" "notes" {
  triggers_replace = [var.release]

  # header_value is complete: `Bearer`, a blank, the token.
  provisioner "local-exec" {
    command = "curl --fail --silent --header \"$AUTHORIZATION\" --data-binary @release-notes.md \"$URL\""

    environment = {
      AUTHORIZATION = "${ephemeral.tokenferry_zettelstore_token.writer.header_name}: ${ephemeral.tokenferry_zettelstore_token.writer.header_value}"
      URL           = "https://notes.example.com/z"
    }
  }
}

variable "release" {
  description = "The version whose notes are published."
  type        = string
}
