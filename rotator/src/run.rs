//! What passes between scheduler, dispatch and runner: a due, an outcome, and what is known of an entry.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use ring::digest;
use tokenferry_sources::{FailureClass, Timestamp};

/// A rotation, by its place in the configuration.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RotationId(pub u32);

/// A run that should begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Due {
    /// What to rotate.
    pub rotation: RotationId,
    /// The planned time that this run is for. The same after a restart and in every process with the same
    /// configuration, however late the run is and however often it is tried.
    pub occurrence: Timestamp,
    /// Why.
    pub reason: Reason,
    /// 1 for the first; one more for each failure in a row, restarts included.
    pub attempt: u32,
    /// When it may begin.
    pub not_before: Timestamp,
    /// The end of the token that readers hold now; `None` if there is none or nobody knows.
    pub deadline: Option<Timestamp>,
}

impl Due {
    /// What comes first is smallest: readers without a token, then those whose token ends first, then those of which
    /// nobody knows; among equals, who waits longest. Behind all of them comes what is beyond saving.
    pub fn urgency(&self) -> Urgency {
        let end = match (self.reason, self.deadline) {
            (Reason::NoToken, _) => Timestamp::MIN_UTC,
            (_, Some(deadline)) => deadline,
            (_, None) => Timestamp::MAX_UTC,
        };
        (self.is_beyond_saving(), end, self.not_before)
    }

    /// Whether readers have no living token, and a run could not help it: another try comes after the runs for those
    /// who still have one to lose, or what fails would hold up what does not.
    pub fn is_beyond_saving(&self) -> bool {
        self.reason == Reason::NoToken && self.attempt > 1
    }
}

/// The order of runs: the smallest comes first.
pub type Urgency = (bool, Timestamp, Timestamp);

/// Why a run is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reason {
    /// The token nears its end.
    Expiry,
    /// Somebody asked for it.
    Forced,
    /// There is no token, or it is dead.
    NoToken,
    /// The schedule says so.
    Schedule,
}

impl Reason {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Expiry => "expiry",
            Reason::Forced => "forced",
            Reason::NoToken => "no_token",
            Reason::Schedule => "schedule",
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Somebody else rotated it; their token is good.
    AlreadyDone(Living),
    /// Trouble that may pass.
    Failed {
        /// What kind.
        class: Class,
        /// When to try again, if the other side said so.
        retry_at: Option<Timestamp>,
    },
    /// A new token stands in some destinations, and there is trouble with the others.
    Partly {
        /// The token that the readers of those find.
        living: Living,
        /// How many those others are.
        missed: u32,
        /// What kind of trouble.
        class: Class,
        /// When to try again, if the other side said so.
        retry_at: Option<Timestamp>,
    },
    /// Trouble that lasts until somebody changes something.
    Refused {
        /// What kind.
        class: Class,
        /// What is known of the refused logins of its credential, if it was refused.
        logins: Option<RefusedLogins>,
    },
    /// A new token stands in every destination.
    Rotated(Living),
}

/// What a run left behind, whatever its outcome.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Aftermath {
    /// How many logins it sent, or may have.
    pub logins: u32,
    /// Whether readers are left with a token that was ended for the sake of a new one, which they did not get.
    pub ended_token: bool,
    /// Whether there is a token that waits to be stored: another try to do so costs no login.
    pub keeps_token: bool,
}

impl Default for Aftermath {
    fn default() -> Self {
        Aftermath { logins: 1, ended_token: false, keeps_token: false }
    }
}

/// The refused logins of a credential in a row, whichever rotation sent them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefusedLogins {
    /// How many.
    pub times: u32,
    /// When the last one was sent.
    pub last: Timestamp,
}

/// The token that readers find.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Living {
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends, if anybody knows.
    pub expires_at: Option<Timestamp>,
    /// The version of the entry.
    pub version: u64,
}

/// What the destinations of a rotation tell about its past.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Standing {
    /// The token that readers find; the one that ends first, if there are several destinations.
    pub living: Option<Living>,
    /// The failures since the last success.
    pub failure: Option<PastFailure>,
    /// When logins before the last one were that may count towards the rate of the source. Times of Vault's clock.
    pub earlier_logins: Vec<Timestamp>,
}

/// The failures of a rotation in a row, as noted in its entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PastFailure {
    /// Of the last one.
    pub class: Class,
    /// When the last one was.
    pub at: Timestamp,
    /// How many in a row.
    pub count: u32,
    /// How many refused logins in a row, up to the last one; 0 if that was something else.
    pub refusals: u32,
    /// Whether it lasts until somebody changes something.
    pub lasting: bool,
    /// When to try again, if the other side said so.
    pub retry_at: Option<Timestamp>,
    /// Whether the login that failed has been changed since.
    pub login_changed: bool,
}

/// The kind of a failure: a stable name, safe to show anywhere.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Class(Cow<'static, str>);

impl Class {
    /// Readers hold a token that was ended for the sake of a new one, which they did not get.
    pub const ENDED_BY_REFRESH: Class = Class::new("ended_by_refresh");

    /// A kind that this program knows.
    pub const fn new(name: &'static str) -> Self {
        Class(Cow::Borrowed(name))
    }

    /// A kind as it was noted, perhaps by another version of this program. `None` if it cannot be one.
    pub fn noted(name: &str) -> Option<Self> {
        let is_name = !name.is_empty()
            && name.len() <= 40
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        is_name.then(|| Class(Cow::Owned(name.to_owned())))
    }

    /// Its stable name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Whether it is Vault that could not be asked.
    pub fn is_of_vault(&self) -> bool {
        self.0.starts_with("vault_")
    }

    /// Whether Vault itself was away, for everybody: as soon as one gets through to it, others will.
    pub fn is_vault_away(&self) -> bool {
        VAULT_IS_AWAY.contains(&self.name())
    }

    /// Whether nothing could be sent because the other side did not prove who it is.
    pub fn is_of_certificates(&self) -> bool {
        self.0 == FailureClass::Tls.name()
    }

    /// Whether the system refused the credential itself: doing that again may lock an account.
    pub fn is_refused_login(&self) -> bool {
        let refusals = [FailureClass::LoginRefused, FailureClass::PasswordExpired];
        refusals.iter().any(|class| class.name() == self.0)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Does what is due. It knows no schedule, and is never asked to run one credential twice at once.
#[async_trait]
pub trait Work: Send + Sync {
    /// What the run would log in with: two runs with the same key never overlap.
    fn credential(&self, rotation: RotationId) -> CredentialKey;

    /// One run. It tries once, and never fails for the caller: the outcome says it all.
    async fn run(&self, due: &Due) -> Outcome;

    /// What the last run of a rotation that ended left behind.
    fn aftermath(&self, rotation: RotationId) -> Aftermath {
        let _ = rotation;
        Aftermath::default()
    }

    /// What other processes call a rotation.
    fn name(&self, rotation: RotationId) -> Option<Arc<str>> {
        Some(rotation.0.to_string().into())
    }

    /// The rotation that other processes call so.
    fn find(&self, name: &str) -> Option<RotationId> {
        name.parse().ok().map(RotationId)
    }

    /// The token that makes this run needless, if another process has brought it by now. Nothing is run.
    async fn find_done(&self, due: &Due) -> Option<Living> {
        let _ = due;
        None
    }

    /// Told before a run that the login of another rotation with the same credential was refused in another process.
    async fn heed(&self, rotation: RotationId) {
        let _ = rotation;
    }

    /// Whether what all runs need can be reached from here; if not, why.
    async fn reach(&self) -> Result<(), Class> {
        Ok(())
    }

    /// Told before a run that another process may have begun the same one.
    async fn doubt(&self, rotation: RotationId) {
        let _ = rotation;
    }

    /// The same in all processes with the same configuration, and in no other.
    fn fingerprint(&self) -> String {
        String::new()
    }
}

/// Names a credential without being one. Small, because every rotation has one and all that is about a run carries it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CredentialKey([u8; 16]);

impl CredentialKey {
    /// The one for what says who logs in, and where: the beginning of its SHA-256. The same in every process.
    pub fn of(text: &str) -> Self {
        let hash = digest::digest(&digest::SHA256, text.as_bytes());
        CredentialKey(hash.as_ref().first_chunk().copied().unwrap_or_default())
    }
}

/// In hexadecimal.
impl fmt::Display for CredentialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

const VAULT_IS_AWAY: [&str; 8] = [
    "vault_broken_answer",
    "vault_sealed",
    "vault_server_error",
    "vault_standby",
    "vault_starting",
    "vault_timed_out",
    "vault_tls",
    "vault_unreachable",
];
