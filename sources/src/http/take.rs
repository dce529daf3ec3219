//! Values taken from an answer.

use std::sync::Arc;

use regex_lite::Regex;
use reqwest::header::HeaderName;
use secrecy::{ExposeSecret, SecretString};

use super::notes::{Notes, Spot};
use super::pointer::{Found, Pointer};
use super::reading::text;
use crate::transport::Answer;
use crate::{Attempt, GivenFields, SourceError};

/// Where a value is, and which part of it is meant.
pub(super) struct Take {
    name: Arc<str>,
    from: Source,
    part: Option<Regex>,
    /// For messages.
    place: Arc<str>,
}

enum Source {
    Body,
    Header(HeaderName),
    Pointer(Pointer),
}

impl Take {
    pub(super) fn read(name: &str, given: &GivenFields, spot: &Spot, notes: &mut Notes) -> Option<Self> {
        let known = notes.count();
        let pointer = text(given, "json_pointer", spot, notes);
        let header = text(given, "header", spot, notes);
        let regex = text(given, "regex", spot, notes);
        if notes.count() != known {
            return None;
        }
        let part = regex.map(|text| expression(text, &spot.name("regex"), notes));
        let (from, place) = match (pointer, header) {
            (Some(_), Some(_)) => {
                notes.wrong(
                    &spot.name("header"),
                    "a value comes from a header or from the body, not from both",
                );
                return None;
            }
            (Some(text), None) => {
                let pointer =
                    Pointer::parse(text).map_err(|wrong| notes.wrong(&spot.name("json_pointer"), wrong));
                (Source::Pointer(pointer.ok()?), format!("the JSON pointer \"{text}\""))
            }
            (None, Some(text)) => {
                let name = text.parse().map_err(|_| notes.wrong(&spot.name("header"), NO_HEADER));
                (Source::Header(name.ok()?), format!("the header {text}"))
            }
            (None, None) if regex.is_some() => (Source::Body, "the body".to_owned()),
            (None, None) => {
                notes.wrong(spot, "it needs `json_pointer`, `header` or `regex`, to say where the value is");
                return None;
            }
        };
        let part = part.map_or(Some(None), |part| part.map(Some))?;
        Some(Take { name: name.into(), from, part, place: place.into() })
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The value, or which one is not there. Nothing of the answer is repeated.
    pub(super) fn take(&self, answer: &Answer, attempt: &Attempt) -> Result<SecretString, SourceError> {
        let missing = |problem| SourceError::MissingValue {
            attempt: attempt.clone(),
            status: answer.status.as_u16(),
            value: Arc::clone(&self.name),
            place: Arc::clone(&self.place),
            problem,
        };
        let nothing =
            || missing(if self.part.is_some() { "nothing fits the expression in" } else { "nothing is at" });
        match &self.from {
            Source::Body => {
                let body = std::str::from_utf8(&answer.body).map_err(|_| missing("no text is in"))?;
                self.part(body).ok_or_else(nothing)
            }
            Source::Header(name) => {
                let mut values = answer.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
                values.find_map(|value| self.part(value)).ok_or_else(nothing)
            }
            Source::Pointer(pointer) => match pointer.find(&answer.body) {
                None => Err(answer.malformed(attempt, "it is not JSON")),
                Some(Found::Nothing) => Err(nothing()),
                Some(Found::NoText) => Err(missing("an object, a list or null is at")),
                Some(Found::Text(text)) => self.part(text.expose_secret()).ok_or_else(nothing),
            },
        }
    }

    fn part(&self, text: &str) -> Option<SecretString> {
        match &self.part {
            None => Some(text.into()),
            Some(regex) => Some(regex.captures(text)?.get(1)?.as_str().into()),
        }
    }
}

fn expression(text: &str, spot: &Spot, notes: &mut Notes) -> Option<Regex> {
    let Ok(regex) = Regex::new(text) else {
        notes.wrong(spot, "it is not a regular expression, or too large a one");
        return None;
    };
    if regex.captures_len() != 2 {
        notes.wrong(
            spot,
            "it needs exactly one group, which is the value, as in \"sid=([^;]+)\"; other groups are `(?:…)`",
        );
        return None;
    }
    Some(regex)
}

pub(super) const NO_HEADER: &str = "it is not the name of a header";
