//! Keeps what is in memory out of files.

/// No core file: tokens are in this memory. Best effort; failing is no reason not to serve.
///
/// Where a person wants to attach a debugger, only the limit is set: an undumpable process cannot be traced.
pub(super) fn forbid_core_files(debuggable: bool) {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        if let Err(error) = setrlimit(Resource::Core, none) {
            tracing::debug!(%error, "core files cannot be switched off");
        }
    }
    // The limit does not hold for a handler that cores are piped to; this does.
    #[cfg(target_os = "linux")]
    if !debuggable {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            tracing::debug!(%error, "the process cannot be made undumpable");
        }
    }
}
