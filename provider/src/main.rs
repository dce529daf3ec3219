//! The provider's binary. What it does is in the library of the same name.

use std::process::ExitCode;

fn main() -> ExitCode {
    terraform_provider_tokenferry::serve()
}
