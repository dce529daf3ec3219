//! Texts that users write: what namespaces, roles and files can be called.

/// Whether a text says something, and nothing that ends or bends a line.
pub fn is_word(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.contains(char::is_control)
}

/// Whether a text can be the path of a file.
pub fn is_path(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(char::is_control)
}

/// What is wrong with a text that is no path of a file.
pub const NO_PATH: &str = "a path is not empty and has no control characters";
/// What is wrong with a text that says nothing; its name goes before.
pub const NO_WORD: &str = "is empty, begins or ends with white space, or contains a control character";
