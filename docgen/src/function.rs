//! What users write and get when they call a function.

use tfplugin::{Parameter, Signature};

use crate::schema::type_words;

/// The call in one line, its arguments, and its result.
pub(crate) fn reference(name: &str, signature: &Signature) -> String {
    let parameters: Vec<&str> = signature.parameters.iter().map(|parameter| parameter.name).collect();
    let arguments: Vec<String> = signature.parameters.iter().enumerate().map(argument).collect();
    format!(
        "## Signature\n\n```text\nprovider::tokenferry::{name}({})\n```\n\n\
         ### Arguments\n\n{}\n\n### Result\n\n{}\n",
        parameters.join(", "),
        arguments.join("\n"),
        type_words(&signature.returns),
    )
}

fn argument((index, parameter): (usize, &Parameter)) -> String {
    format!("{}. `{}` ({}) {}", index + 1, parameter.name, type_words(&parameter.ty), parameter.description)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfplugin::Type;

    #[test]
    fn a_call_is_shown_as_users_write_it() {
        let token = Parameter { name: "token", description: "The token.".to_owned(), ty: Type::String };
        let signature = Signature {
            summary: "When it ends",
            description: String::new(),
            parameters: vec![token],
            returns: Type::Number,
        };
        let expected = "## Signature\n\n```text\nprovider::tokenferry::ends(token)\n```\n\n### Arguments\n\n\
                        1. `token` (String) The token.\n\n### Result\n\nNumber\n";
        assert_eq!(reference("ends", &signature), expected);
    }
}
