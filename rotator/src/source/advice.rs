//! What systems advise, as it holds for the rotator: of their variables it reads none that the configuration does not name.

use tokenferry_sources::SourceError;

/// What to do about it.
pub(crate) fn advice(error: &SourceError) -> String {
    without_variables(&error.advice())
}

/// Variables are named in brackets, by themselves or beside a default.
fn without_variables(advice: &str) -> String {
    let (mut told, mut rest) = (String::with_capacity(advice.len()), advice);
    while let Some((before, bracket)) = rest.split_once(" (") {
        let Some((inner, after)) = bracket.split_once(')') else { break };
        let kept: Vec<&str> = inner.split(", ").filter(|part| !is_variable(part)).collect();
        told.push_str(before);
        if !kept.is_empty() {
            told.extend([" (", &kept.join(", "), ")"]);
        }
        rest = after;
    }
    told + rest
}

fn is_variable(part: &str) -> bool {
    let name = part.strip_prefix("environment variable ").unwrap_or(part);
    name.contains('_')
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_only_the_provider_reads_are_left_out() {
        for (advice, told) in [
            ("Check `base_url` (ZETTELSTORE_BASE_URL): this.", "Check `base_url`: this."),
            (
                "Check `base_url` (environment variable A_URL, default http://a/), then `x` (SHARED_X).",
                "Check `base_url` (default http://a/), then `x`.",
            ),
            ("See (a) and (IP) (left open", "See (a) and (IP) (left open"),
        ] {
            assert_eq!(without_variables(advice), told);
        }
    }
}
