//! Takes known secrets out of a text.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// The forms in which secrets could come back.
pub(crate) struct Mask(Vec<Zeroizing<String>>);

impl Mask {
    pub(crate) fn new(secrets: &[SecretString]) -> Self {
        let mut forms: Vec<Zeroizing<String>> =
            secrets.iter().flat_map(|secret| forms(secret.expose_secret())).collect();
        // The longest first: where one secret is part of another, no rest of the longer one stays.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        Mask(forms)
    }

    pub(crate) fn apply(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, form| text.replace(form.as_str(), "***"))
    }
}

fn forms(secret: &str) -> Vec<Zeroizing<String>> {
    if secret.is_empty() {
        return Vec::new();
    }
    [
        secret.to_owned(),
        STANDARD.encode(secret),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
    ]
    .map(Zeroizing::new)
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_usual_form() {
        let secret = "p@ss w/rd+ü";
        let mask = Mask::new(&[secret.into(), "p@ss".into(), "".into()]);
        for form in forms(secret) {
            assert_eq!(mask.apply(&format!("<{}>", form.as_str())), "<***>");
        }
        assert_eq!(mask.apply("nothing here"), "nothing here");
    }
}
