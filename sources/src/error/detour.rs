//! Redirects that are not followed.

use std::fmt;

/// Why a redirect is not followed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Detour {
    /// It would send a change a second time.
    Change,
    /// It leads to another scheme, host or port, or brings a credential of its own.
    Elsewhere,
    /// It is one too many at the same place.
    Loop,
    /// It asks to go on with a read, where something was to be sent.
    NotRepeatable,
}

impl Detour {
    /// What to do about it, before the system's own advice on its address.
    pub(super) fn advice(self, target: &str, setting: &str) -> String {
        match self {
            Detour::Change => {
                "The server, or a proxy in between, sends the call on to another path: this is hardly the address of \
                 the API."
                    .to_owned()
            }
            Detour::Elsewhere => format!(
                "A token or credential is never carried to another place. If {target} is the right one, set \
                 `{setting}` to it."
            ),
            Detour::Loop => {
                "The server sends every request on to itself: its redirects, or those of a proxy in \
                             between, have to be put right there, unless the path is wrong."
                    .to_owned()
            }
            Detour::NotRepeatable => {
                "The server wants the credential to be dropped and a page to be read instead, \
                                      as a web login does it: this is hardly the address of the API."
                    .to_owned()
            }
        }
    }
}

/// The end of a sentence; going elsewhere needs no further reason.
impl fmt::Display for Detour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Detour::Change => f.write_str(" because a change is never sent twice"),
            Detour::Elsewhere => Ok(()),
            Detour::Loop => f.write_str(" after so many others to the same place"),
            Detour::NotRepeatable => f.write_str(" because it asks for a read instead of what was sent"),
        }
    }
}
