//! What all pages have in common: how they begin, and the pieces of a description.

/// What the registry reads at the top of a page.
pub(crate) fn front_matter(title: &str, subcategory: &str, description: &str) -> String {
    format!(
        "---\npage_title: \"{title}\"\nsubcategory: \"{subcategory}\"\ndescription: |-\n  {description}\n---\n\n\
         <!-- Made by `cargo xtask docs` from the provider's schemas and examples/. -->\n\n"
    )
}

/// An example, ready to copy.
pub(crate) fn example(text: &str) -> String {
    format!("## Example Usage\n\n```terraform\n{}\n```\n", text.trim_end())
}

/// The first paragraph, and the others.
pub(crate) fn paragraphs(description: &str) -> (&str, &str) {
    description.split_once("\n\n").unwrap_or((description, ""))
}

/// The first sentence of a paragraph.
pub(crate) fn first_sentence(text: &str) -> &str {
    let (paragraph, _) = paragraphs(text);
    paragraph
        .split_once(". ")
        .map_or(paragraph, |(sentence, _)| paragraph.get(..=sentence.len()).unwrap_or(sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_taken_apart() {
        let text = "The OTPs of a device. One `getOtp` call.\n\nMore.";
        assert_eq!(first_sentence(text), "The OTPs of a device.");
        assert_eq!(first_sentence("All of it."), "All of it.");
        assert_eq!(paragraphs(text), ("The OTPs of a device. One `getOtp` call.", "More."));
    }
}
