//! What users write and get when they call a function.

use tfplugin::{Parameter, Signature, Type};

use crate::schema::type_words;

/// The call in one line, its arguments, and its result.
pub(crate) fn reference(name: &str, signature: &Signature) -> String {
    let parameters: Vec<String> = signature.parameters.iter().map(typed).collect();
    let arguments: Vec<String> = signature.parameters.iter().enumerate().map(argument).collect();
    format!(
        "## Signature\n\n```text\nprovider::tokenferry::{name}({}) {}\n```\n\n\
         ### Arguments\n\n{}\n\n### Result\n\n{}\n",
        parameters.join(", "),
        result(&signature.returns).to_lowercase(),
        arguments.join("\n"),
        result(&signature.returns),
    )
}

/// What comes back. What has no fixed type is an object with other attributes each time: Terraform has no word for that.
fn result(ty: &Type) -> String {
    if *ty == Type::Dynamic { "Object".to_owned() } else { type_words(ty) }
}

fn typed(parameter: &Parameter) -> String {
    format!("{} {}", parameter.name, type_words(&parameter.ty).to_lowercase())
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
        let expected = "## Signature\n\n```text\nprovider::tokenferry::ends(token string) number\n```\n\n### Arguments\n\n\
                        1. `token` (String) The token.\n\n### Result\n\nNumber\n";
        assert_eq!(reference("ends", &signature), expected);
    }

    #[test]
    fn what_has_no_fixed_type_comes_as_an_object() {
        let signature = Signature {
            summary: "All of it",
            description: String::new(),
            parameters: Vec::new(),
            returns: Type::Dynamic,
        };
        let text = reference("all", &signature);
        assert!(text.contains("::all() object\n"), "{text}");
        assert!(text.ends_with("### Result\n\nObject\n"), "{text}");
    }
}
