//! Strict reading of `application/x-www-form-urlencoded` text.

use percent_encoding::percent_decode;

/// All names and values, or nothing if any part of the text is malformed.
pub(crate) fn parse(text: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    text.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()).map(parse_pair).collect()
}

/// The first value of `name` in a raw query; nothing if it is absent or not UTF-8, or the query is malformed.
pub(crate) fn query_value(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = parse(query?.as_bytes())?;
    let (_, value) = pairs.into_iter().find(|(key, _)| key == name.as_bytes())?;
    String::from_utf8(value).ok()
}

fn parse_pair(pair: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    // Go and Java both refuse `;`, once a second separator.
    if pair.contains(&b';') {
        return None;
    }
    let mut sides = pair.splitn(2, |&byte| byte == b'=');
    let name = decode(sides.next().unwrap_or_default())?;
    let value = decode(sides.next().unwrap_or_default())?;
    Some((name, value))
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let spaced: Vec<u8> = text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    escapes_are_whole(&spaced).then(|| percent_decode(&spaced).collect())
}

/// `percent_decode` lets `%` and `%zz` through; servers do not.
fn escapes_are_whole(text: &[u8]) -> bool {
    text.iter().enumerate().filter(|&(_, &byte)| byte == b'%').all(|(at, _)| {
        text.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_once_and_malformed_text_is_refused() {
        let udid = |query| query_value(Some(query), "udid");
        assert_eq!(udid("a=1&udid=AB%3A501&_=7").as_deref(), Some("AB:501"));
        assert_eq!(udid("udid=a+b%20c").as_deref(), Some("a b c"));
        assert_eq!(udid("udid=%253A").as_deref(), Some("%3A"));
        for refused in ["udid=%3", "udid=%zz", "udid=a;b", "udid=%ff", "other=1", ""] {
            assert_eq!(udid(refused), None, "{refused}");
        }
    }
}
