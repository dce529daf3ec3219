# The token stands in the state in clear text; the ephemeral resource of the same name leaves no trace.
data "tokenferry_zettelstore_token" "reader" {}

# header_value is complete: `Bearer`, a blank, the token.
data "http" "zettel" {
  url = "https://notes.example.com/z/00000000000100"

  request_headers = {
    (data.tokenferry_zettelstore_token.reader.header_name) = data.tokenferry_zettelstore_token.reader.header_value
  }
}
