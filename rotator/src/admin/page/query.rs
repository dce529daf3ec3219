//! What of the page is asked for.

use url::form_urlencoded;

use crate::observe::{Row, State};

/// What of the page is asked for. Whatever cannot be understood is left aside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Query {
    pub(super) filter: Filter,
    /// A part of the name.
    pub(super) name: String,
    /// From 1.
    pub(super) page: usize,
    pub(super) refreshes: bool,
}

/// Which rotations.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Filter {
    All,
    AtRisk,
    Failing,
    Held,
    Unread,
    Fine,
    Disabled,
}

impl Filter {
    pub(super) const ALL: [Filter; 7] = [
        Filter::All,
        Filter::AtRisk,
        Filter::Failing,
        Filter::Held,
        Filter::Unread,
        Filter::Fine,
        Filter::Disabled,
    ];

    fn name(self) -> &'static str {
        match self {
            Filter::All => "all",
            Filter::AtRisk => "risk",
            Filter::Disabled => "disabled",
            Filter::Failing => "failing",
            Filter::Fine => "fine",
            Filter::Held => "held",
            Filter::Unread => "unread",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Filter::All => "All",
            Filter::AtRisk => "Readers at risk",
            Filter::Disabled => "Disabled",
            Filter::Failing => "Failing",
            Filter::Fine => "Fine",
            Filter::Held => "Held back",
            Filter::Unread => "Not read yet",
        }
    }

    pub(super) fn lets_through(self, row: &Row, state: State) -> bool {
        match self {
            Filter::All => true,
            Filter::AtRisk => matches!(state, State::Dead | State::AtRisk),
            Filter::Disabled => state == State::Disabled,
            Filter::Failing => row.failing.is_some(),
            Filter::Fine => state == State::Fine,
            Filter::Held => row.failing.as_ref().is_some_and(|failing| failing.held_until.is_some()),
            Filter::Unread => state == State::Unread,
        }
    }
}

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let mut query = Query { filter: Filter::All, name: String::new(), page: 1, refreshes: true };
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            match &*name {
                "page" => query.page = value.parse().unwrap_or(1).max(1),
                "q" => query.name = value.trim().chars().take(LONGEST_NAME).collect(),
                "refresh" => query.refreshes = value != OFF,
                "state" => {
                    let named = Filter::ALL.into_iter().find(|filter| filter.name() == value);
                    query.filter = named.unwrap_or(Filter::All);
                }
                _ => {}
            }
        }
        query
    }

    pub(super) fn wants(&self, row: &Row, state: State) -> bool {
        self.filter.lets_through(row, state) && (self.name.is_empty() || self.is_named(row))
    }

    /// By the rotation's name or that of its source, whatever the case of letters.
    fn is_named(&self, row: &Row) -> bool {
        let wanted = self.name.to_ascii_lowercase();
        [&row.rotation.name, &row.rotation.source.name]
            .iter()
            .any(|name| name.to_ascii_lowercase().contains(&wanted))
    }

    /// The link to the same with another filter.
    pub(super) fn filtered(&self, filter: Filter) -> String {
        Query { filter, page: 1, ..self.clone() }.link()
    }

    /// The link to another page of the same.
    pub(super) fn at_page(&self, page: usize) -> String {
        Query { page, ..self.clone() }.link()
    }

    /// The link to the same, refreshed by itself or not.
    pub(super) fn refreshing(&self, refreshes: bool) -> String {
        Query { refreshes, ..self.clone() }.link()
    }

    /// What the search form has to carry on.
    pub(super) fn hidden(&self) -> String {
        let field = |name, value| format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">\n");
        let filter = (self.filter != Filter::All).then(|| field("state", self.filter.name()));
        let refresh = (!self.refreshes).then(|| field("refresh", OFF));
        [filter, refresh].into_iter().flatten().collect()
    }

    fn link(&self) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        if self.filter != Filter::All {
            text.append_pair("state", self.filter.name());
        }
        if !self.name.is_empty() {
            text.append_pair("q", &self.name);
        }
        if self.page > 1 {
            text.append_pair("page", &self.page.to_string());
        }
        if !self.refreshes {
            text.append_pair("refresh", OFF);
        }
        // `&` is written out in an attribute; what else could do harm is encoded.
        format!("/?{}", text.finish().replace('&', "&amp;")).trim_end_matches('?').to_owned()
    }
}

/// As many rotations are on one page.
pub(super) const PAGE: usize = 100;
const LONGEST_NAME: usize = 100;
const OFF: &str = "off";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_survives_its_own_link() {
        for text in
            ["", "state=failing", "q=a%26b%22&state=risk", "page=3&q=x", "refresh=off&state=held&page=2"]
        {
            let query = Query::parse(text);
            let link = query.link().replace("&amp;", "&");
            assert_eq!(Query::parse(link.trim_start_matches(['/', '?'])), query, "{text}");
        }
        assert_eq!(Query::parse("").link(), "/");
    }

    #[test]
    fn what_cannot_be_understood_is_left_aside() {
        let plain = Query::parse("");
        for text in
            ["page=-1", "page=0", "page=x", "state=<b>", "nonsense=1", "%ff=%00", "&&&", "refresh=yes"]
        {
            assert_eq!(Query::parse(text), plain, "{text}");
        }
        assert_eq!(Query::parse(&format!("q={}", "x".repeat(5_000))).name.len(), LONGEST_NAME);
    }
}
