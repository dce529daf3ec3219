//! The browser that looks at the status page, with its driver.

use std::env;
use std::ffi::OsString;
use std::process::Command;

use crate::debian;
use crate::error::Result;
use crate::process;
use crate::terminal::Terminal;

/// The variable that names the driver in place of the one on PATH.
pub(crate) const VARIABLE: &str = "TOKENFERRY_CHROMEDRIVER";

/// The variable that names the browser in place of the one on PATH.
const BROWSER: &str = "TOKENFERRY_CHROMIUM";

/// Whether both are here, or can be brought here.
pub(crate) fn check() -> Result {
    debian::found_or_installable(&works(), is_chosen(), || match env::var_os(VARIABLE) {
        Some(chosen) => {
            format!("a browser with its driver ({VARIABLE}={} does not work)", chosen.display())
        }
        None => {
            "a browser with its driver (`chromium` and `chromedriver`), to look at the status page".into()
        }
    })
}

/// Installs both if need be, and says where the driver is.
pub(crate) fn get(terminal: &Terminal) -> Result<OsString> {
    if works().is_err() && !is_chosen() {
        terminal.step("Chromium and its driver installed (Debian packages)", || {
            debian::install(&["chromium", "chromium-driver", "fonts-dejavu-core"])
        })?;
    }
    works()?;
    Ok(driver())
}

fn driver() -> OsString {
    env::var_os(VARIABLE).unwrap_or_else(|| OsString::from("chromedriver"))
}

fn is_chosen() -> bool {
    env::var_os(VARIABLE).is_some() || env::var_os(BROWSER).is_some()
}

fn works() -> Result {
    process::stdout(Command::new(driver()).arg("--version"))?;
    match env::var_os(BROWSER) {
        Some(browser) => process::stdout(Command::new(browser).arg("--version")).map(drop),
        None => process::stdout(Command::new("chromium").arg("--version"))
            .or_else(|_| process::stdout(Command::new("google-chrome").arg("--version")))
            .map(drop),
    }
}
