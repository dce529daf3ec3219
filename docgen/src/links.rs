//! Links between pages: where a text names something that has a page.

use std::collections::BTreeMap;

/// What has a page: the kinds of things that go by a name, and where the page of each is, below `docs/`.
#[derive(Debug, Default)]
pub(crate) struct Links {
    pages: BTreeMap<String, Vec<(Kind, String)>>,
}

/// A kind of thing that has pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Action,
    DataSource,
    EphemeralResource,
    Function,
}

impl Kind {
    /// All of them, in the order in which users meet them.
    pub(crate) const ALL: [Self; 4] =
        [Self::EphemeralResource, Self::DataSource, Self::Function, Self::Action];

    /// Its folder below `docs/` and `examples/`.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Action => "actions",
            Self::DataSource => "data-sources",
            Self::EphemeralResource => "ephemeral-resources",
            Self::Function => "functions",
        }
    }

    /// Its name in prose.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::DataSource => "data source",
            Self::EphemeralResource => "ephemeral resource",
            Self::Function => "function",
        }
    }

    /// Its name in a headline.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Action => "Action",
            Self::DataSource => "Data Source",
            Self::EphemeralResource => "Ephemeral Resource",
            Self::Function => "Function",
        }
    }

    /// The example of each.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Action => "action.tf",
            Self::DataSource => "data-source.tf",
            Self::EphemeralResource => "ephemeral-resource.tf",
            Self::Function => "function.tf",
        }
    }
}

impl Links {
    /// Takes a page in.
    pub(crate) fn add(&mut self, kind: Kind, name: &str, page: &str) {
        self.pages.entry(name.to_owned()).or_default().push((kind, page.to_owned()));
    }

    /// What goes by this name.
    pub(crate) fn pages(&self, name: &str) -> &[(Kind, String)] {
        self.pages.get(name).map_or(&[], Vec::as_slice)
    }

    /// The text with each name in backticks linked to its page, seen from `page`, which is of `kind`. Where a name has
    /// several pages, the kind that is named before it decides, then the one of the page itself.
    pub(crate) fn link(&self, text: &str, page: &str, kind: Option<Kind>) -> String {
        let parts: Vec<&str> = text.split('`').collect();
        let linked = |(index, part): (usize, &&str)| match index % 2 {
            0 => (*part).to_owned(),
            _ => match self.target(part, parts.get(index - 1).unwrap_or(&""), page, kind) {
                Some(target) => format!("[`{part}`]({})", relative(page, target)),
                None => format!("`{part}`"),
            },
        };
        parts.iter().enumerate().map(linked).collect()
    }

    fn target(&self, name: &str, before: &str, page: &str, kind: Option<Kind>) -> Option<&str> {
        let pages = self.pages(name);
        let of_kind =
            |wanted: Option<Kind>| pages.iter().find(|(found, _)| Some(*found) == wanted).map(|(_, at)| at);
        let named = Kind::ALL.into_iter().find(|kind| before.trim_end().ends_with(kind.words()));
        let found = of_kind(named).or_else(|| of_kind(kind)).or_else(|| pages.first().map(|(_, at)| at))?;
        (found != page).then_some(found.as_str())
    }
}

/// A page as another one links to it.
pub(crate) fn relative(from: &str, to: &str) -> String {
    match (from.split_once('/'), to.split_once('/')) {
        (Some((here, _)), Some((there, file))) if here == there => file.to_owned(),
        (Some(_), _) => format!("../{to}"),
        (None, _) => to.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links() -> Links {
        let mut links = Links::default();
        links.add(Kind::DataSource, "x_otp", "data-sources/otp.md");
        links.add(Kind::EphemeralResource, "x_otp", "ephemeral-resources/otp.md");
        links.add(Kind::DataSource, "x_devices", "data-sources/devices.md");
        links
    }

    #[test]
    fn a_name_is_linked_to_the_kind_that_is_said_or_else_to_its_own() {
        let link = |text| links().link(text, "data-sources/devices.md", Some(Kind::DataSource));
        assert_eq!(link("See `x_otp`."), "See [`x_otp`](otp.md).");
        let twin = link("use the ephemeral resource `x_otp`, `y` too");
        assert_eq!(twin, "use the ephemeral resource [`x_otp`](../ephemeral-resources/otp.md), `y` too");
    }

    #[test]
    fn a_page_has_no_link_to_itself() {
        let text = "`x_devices` and `x_otp`";
        let linked = links().link(text, "data-sources/devices.md", Some(Kind::DataSource));
        assert_eq!(linked, "`x_devices` and [`x_otp`](otp.md)");
        assert_eq!(links().link("`x_devices`", "index.md", None), "[`x_devices`](data-sources/devices.md)");
    }
}
