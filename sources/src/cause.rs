//! What is behind an error of an HTTP client, for all parts of this program that have one.

use std::error::Error;
use std::io;

/// The text of the innermost cause, which is the one that says something.
pub fn deepest_cause(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(|cause| one_line(&cause.to_string())).unwrap_or_default()
}

/// An error with all its causes, on one line.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let texts: Vec<String> = chain(error).map(ToString::to_string).collect();
    texts.join(": ")
}

/// An error and all its causes, outermost first.
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// What rustls said, if it did: it hides its errors inside of I/O errors, sometimes twice, and those skip what they
/// hold in their own chain of causes.
pub fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match held {
        Some(held) => tls_error(held),
        None => error.downcast_ref::<rustls::Error>(),
    }
}

/// A foreign text, fit to be shown within one line.
pub fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
