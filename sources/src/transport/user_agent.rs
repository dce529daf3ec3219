//! Who asks, as servers see it in the header `User-Agent`.

/// This program, the program that started it, and what somebody wants to have added. Of a version that could not
/// stand in a header, nothing is said.
pub fn user_agent(host: Option<&str>, more: Option<&str>) -> String {
    let host = host.filter(|version| is_version(version)).map(|version| format!(" (terraform {version})"));
    let more = more.map(|more| format!(" {more}"));
    format!("{OURS}{}{}", host.unwrap_or_default(), more.unwrap_or_default())
}

fn is_version(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
    (1..=64).contains(&text.len()) && text.chars().all(allowed)
}

const OURS: &str = concat!("tokenferry/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_and_what_is_added_follow_our_own_name() {
        let cases = [
            (None, None, ""),
            (Some("1.11.4"), None, " (terraform 1.11.4)"),
            (Some("1.15.0-rc2+a"), Some("team/7"), " (terraform 1.15.0-rc2+a) team/7"),
            (Some(""), None, ""),
            (Some("1\r\nX: y"), None, ""),
        ];
        for (host, more, expected) in cases {
            assert_eq!(user_agent(host, more), format!("{OURS}{expected}"));
        }
    }
}
