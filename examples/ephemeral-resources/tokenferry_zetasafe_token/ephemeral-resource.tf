# Good for the one client that the provider block names; for another client take another provider block with an alias.
ephemeral "tokenferry_zetasafe_token" "import" {
  enabled = terraform.applying
}

resource "terraform_data" "import" {
  provisioner "local-exec" {
    command = "./import-employees.sh"

    # The header is `x-auth-token`, and the token stands in it alone.
    environment = {
      HEADER_NAME  = ephemeral.tokenferry_zetasafe_token.import.header_name
      HEADER_VALUE = ephemeral.tokenferry_zetasafe_token.import.header_value
    }
  }
}
