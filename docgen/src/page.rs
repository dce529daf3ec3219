//! The page of one data source, ephemeral resource, function or action.

use tfplugin::Schema;
use tokenferry_sources::{Home, SYSTEMS};

use crate::links::{Kind, Links};
use crate::schema;
use crate::text::{example, first_sentence, front_matter, paragraphs};

/// What a page is about.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    /// What it is.
    pub(crate) kind: Kind,
    /// Its full name.
    pub(crate) name: &'a str,
    /// Markdown, in paragraphs.
    pub(crate) description: &'a str,
    /// What users write and get, as Markdown.
    pub(crate) reference: String,
}

impl<'a> Subject<'a> {
    /// What has a schema.
    pub(crate) fn of_schema(kind: Kind, name: &'a str, schema: &'a Schema) -> Self {
        let reference = format!("## Schema\n\n{}", schema::sections(schema));
        Self { kind, name, description: &schema.description, reference }
    }

    /// Where its page is, below `docs/`.
    pub(crate) fn page(&self) -> String {
        format!("{}/{}.md", self.kind.folder(), short(self.name))
    }

    /// Where its example is, below `examples/`.
    pub(crate) fn example(&self) -> String {
        format!("{}/{}/{}", self.kind.folder(), self.name, self.kind.example())
    }

    /// What the registry groups it under: its system.
    pub(crate) fn subcategory(&self) -> &'static str {
        if self.kind == Kind::Function {
            return "";
        }
        let name = short(self.name);
        let is_system = |system: &str| name.strip_prefix(system).is_some_and(|rest| rest.starts_with('_'));
        let in_block = SYSTEMS.iter().filter(|system| system.home == Home::ProviderBlock);
        let title = in_block.map(|system| (system.name, system.title)).find(|(system, _)| is_system(system));
        match title {
            Some((_, title)) => title,
            None if is_system("http") => "HTTP",
            None if is_system("rotated") => "Rotator",
            None => "TOTP",
        }
    }

    /// The page, with this example.
    pub(crate) fn text(&self, example_text: &str, links: &Links) -> String {
        let (page, title) = (self.page(), self.kind.title());
        let (first, rest) = paragraphs(self.description);
        let link = |text: &str| links.link(text, &page, Some(self.kind));
        let notes =
            if rest.is_empty() { String::new() } else { format!("## Good to Know\n\n{}\n\n", link(rest)) };
        let head = front_matter(
            &format!("{} {title} - tokenferry", self.name),
            self.subcategory(),
            first_sentence(first),
        );
        format!(
            "{head}# {} ({title})\n\n{}\n\n{}\n{notes}{}",
            self.name,
            link(first),
            example(example_text),
            link(&self.reference),
        )
    }
}

/// A name without the provider's prefix.
pub(crate) fn short(name: &str) -> &str {
    name.strip_prefix("tokenferry_").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfplugin::Attribute;

    #[test]
    fn a_page_has_all_that_the_registry_and_its_readers_want() {
        let schema = Schema::new("The OTPs of a device. They are stored in the state.\n\nEach works once.")
            .with(Attribute::string("udid").required().describe("The id."));
        let subject = Subject::of_schema(Kind::DataSource, "tokenferry_zscaler_otp", &schema);
        assert_eq!(subject.page(), "data-sources/zscaler_otp.md");
        assert_eq!(subject.example(), "data-sources/tokenferry_zscaler_otp/data-source.tf");
        let text = subject.text("data \"x\" \"y\" {}\n", &Links::default());
        let expected = "---\npage_title: \"tokenferry_zscaler_otp Data Source - tokenferry\"\nsubcategory: \"Zscaler\"\n\
                        description: |-\n  The OTPs of a device.\n---\n";
        assert!(text.starts_with(expected), "{text}");
        for expected in [
            "\n# tokenferry_zscaler_otp (Data Source)\n\nThe OTPs of a device. They are stored in the state.\n",
            "\n## Example Usage\n\n```terraform\ndata \"x\" \"y\" {}\n```\n\n## Good to Know\n\nEach works once.\n",
            "\n## Schema\n\n### Required\n\n- `udid` (String) The id.\n",
        ] {
            assert!(text.contains(expected), "{expected}\nis not in\n{text}");
        }
    }
}
