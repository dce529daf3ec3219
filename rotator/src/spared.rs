//! What serves for one login is left to the rotator: commands that only look do not log in with it.

use tokenferry_vault::VaultAuth;

/// Whether a login would use up what the rotator needs.
pub fn is_spared(auth: &VaultAuth) -> bool {
    matches!(auth, VaultAuth::WrappedAppRole { .. })
}

/// Why a try that writes nothing is refused.
pub const NO_TRY: &str =
    "a try (`--dry-run`) would use up the wrapping token, which the rotator needs: nothing was done";
/// Why there is no login.
pub const WHY: &str =
    "Vault is not asked, since that would use up the wrapping token, which the rotator needs";
/// What to do instead.
pub const ADVICE: &str = "Ask the running rotator by its page and /metrics (`listen`), or look with `--config` at a \
                          configuration whose `vault` block logs in another way.";
