//! The little of an answer that may be shown.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::json::Fields;
use crate::mask::Mask;

/// What a system said about its refusal: the named fields of a JSON answer, short, on one line, secrets masked.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Said(Option<String>);

impl Said {
    /// Takes the fields that may be shown; of a body that is no JSON object nothing is.
    pub(crate) fn from_body(body: &[u8], secrets: &[SecretString]) -> Self {
        Fields::parse(body).map_or_else(|_| Said::default(), |fields| Said::from_fields(&fields, secrets))
    }

    pub(crate) fn from_fields(fields: &Fields, secrets: &[SecretString]) -> Self {
        Said::of(SHOWN.iter().filter_map(|name| fields.text(name)).map(ExposeSecret::expose_secret), secrets)
    }

    /// Takes texts that may be shown because of where they stood.
    pub(crate) fn of<T: AsRef<str>>(texts: impl IntoIterator<Item = T>, secrets: &[SecretString]) -> Self {
        let mask = Mask::new(secrets);
        let texts = texts.into_iter().map(|text| one_line(&mask, text.as_ref()));
        let mut texts: Vec<String> = texts.filter(|text| !text.is_empty()).take(MOST + 1).collect();
        if let Some(one_too_many) = texts.get_mut(MOST) {
            "…".clone_into(one_too_many);
        }
        Said((!texts.is_empty()).then(|| texts.join("; ")))
    }

    /// The same after a word for what it is.
    pub(crate) fn labelled(self, label: &str) -> Self {
        Said(self.0.map(|text| format!("{label}: {text}")))
    }

    /// Both, one after the other.
    pub(crate) fn and(self, other: Said) -> Self {
        match (self.0, other.0) {
            (Some(first), Some(second)) => Said(Some(format!("{first}; {second}"))),
            (first, second) => Said(first.or(second)),
        }
    }

    /// The text, if there is one.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |text| write!(f, ", saying \"{text}\""))
    }
}

/// Control characters go first, so that a secret broken up by them is still found; it is cut last, so that no
/// half of a secret stays.
fn one_line(mask: &Mask, text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let text = mask.apply(&text);
    let text = text.trim();
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

const SHOWN: [&str; 6] = ["message", "error", "error_description", "errorMessage", "errorMsg", "reason"];
const LONGEST: usize = 200;
/// More texts than this are not shown.
const MOST: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str, secrets: &[&str]) -> String {
        let secrets: Vec<SecretString> = secrets.iter().map(|text| SecretString::from(*text)).collect();
        Said::from_body(body.as_bytes(), &secrets).to_string()
    }

    #[test]
    fn only_named_fields_of_a_json_object_are_shown() {
        assert_eq!(said(r#"{"message":"wrong","stack":"at x"}"#, &[]), ", saying \"wrong\"");
        assert_eq!(said(r#"{"error":"a","error_description":"b"}"#, &[]), ", saying \"a; b\"");
        for body in
            ["wrong", "", r#""message""#, r#"[{"message":"x"}]"#, r#"{"message":null}"#, r#"{"error":{}}"#]
        {
            assert_eq!(said(body, &[]), "", "{body}");
        }
    }

    #[test]
    fn what_is_shown_is_short_and_on_one_line() {
        let long = format!(r#"{{"message":"{}"}}"#, "ä".repeat(500));
        assert_eq!(Said::from_body(long.as_bytes(), &[]).text().unwrap().chars().count(), 200);
        assert_eq!(said(r#"{"message":"a\r\n\u001b[31mb\u0085c"}"#, &[]), ", saying \"a[31mbc\"");
    }

    #[test]
    fn lists_end_somewhere_and_may_have_a_name() {
        let long = Said::of((0..30).map(|n| n.to_string()), &[]);
        assert!(long.text().unwrap().ends_with("; 18; 19; …"));
        let named = Said::of(["anna", "", "be\nrta"], &["berta".into()]).labelled("admins");
        assert_eq!(named.text(), Some("admins: anna; ***"));
        assert_eq!(Said::default().and(named.clone()), named);
        assert_eq!(Said::of(["x"], &[]).and(named).text(), Some("x; admins: anna; ***"));
        assert_eq!(Said::default().labelled("admins"), Said::default());
    }

    #[test]
    fn known_secrets_are_masked_even_when_broken_up_or_cut() {
        assert_eq!(
            said(r#"{"message":"key hun\nter2 is wrong"}"#, &["hunter2"]),
            ", saying \"key *** is wrong\""
        );
        assert_eq!(said(r#"{"message":"hunter2 "}"#, &["hunter2 "]), ", saying \"***\"");
        assert_eq!(said(r#"{"message":"a\nb\nc-d"}"#, &["a\nb\nc-d\n"]), ", saying \"***\"");
        let cut = format!(r#"{{"message":"{}hunter2"}}"#, "x".repeat(195));
        assert!(!said(&cut, &["hunter2"]).contains("hunt"));
    }
}
