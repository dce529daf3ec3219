//! The S-expression that `/a` answers: `("Bearer" "token" 600)`.

use secrecy::SecretString;
use zeroize::Zeroizing;

/// The three elements of the answer.
#[derive(Debug)]
pub(super) struct Triple {
    pub(super) token_type: String,
    pub(super) token: SecretString,
    pub(super) seconds: u64,
}

/// Reads the answer as the server writes it, with white space as anybody may add it. Everything else is refused,
/// with the reason.
pub(super) fn parse(text: &str) -> Result<Triple, &'static str> {
    let mut reader = Reader { rest: text };
    reader.skip_white();
    reader.expect('(', "it does not begin with `(`")?;
    reader.skip_white();
    let token_type = reader.string("its first element is not a text")?.to_string();
    reader.white()?;
    let token = SecretString::from(reader.string("its second element is not a text")?.as_str());
    reader.white()?;
    let seconds = reader.integer()?;
    reader.skip_white();
    reader.expect(')', "it has more than three elements, or no `)`")?;
    reader.skip_white();
    if reader.rest.is_empty() {
        Ok(Triple { token_type, token, seconds })
    } else {
        Err("it goes on after the `)`")
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    fn expect(&mut self, wanted: char, otherwise: &'static str) -> Result<(), &'static str> {
        if self.next() == Some(wanted) { Ok(()) } else { Err(otherwise) }
    }

    fn skip_white(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn white(&mut self) -> Result<(), &'static str> {
        let before = self.rest.len();
        self.skip_white();
        if self.rest.len() < before {
            Ok(())
        } else {
            Err("it has fewer than three elements, or no blank between them")
        }
    }

    fn string(&mut self, otherwise: &'static str) -> Result<Zeroizing<String>, &'static str> {
        self.expect('"', otherwise)?;
        // As large as it can get: growing would leave copies behind.
        let mut text = Zeroizing::new(String::with_capacity(self.rest.len()));
        loop {
            match self.next().ok_or(UNFINISHED)? {
                '"' => return Ok(text),
                '\\' => text.push(self.escape()?),
                other => text.push(other),
            }
        }
    }

    fn escape(&mut self) -> Result<char, &'static str> {
        match self.next().ok_or(UNFINISHED)? {
            literal @ ('"' | '\\') => Ok(literal),
            't' => Ok('\t'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            'x' => self.code_point(2),
            'u' => self.code_point(4),
            'U' => self.code_point(6),
            _ => Err("it contains an escape that does not exist"),
        }
    }

    fn code_point(&mut self, digits: usize) -> Result<char, &'static str> {
        let mut value = 0;
        for _ in 0..digits {
            let digit = self.next().and_then(|c| c.to_digit(16)).ok_or("it contains a broken escape")?;
            value = value * 16 + digit;
        }
        char::from_u32(value).ok_or("it contains an escape for a character that does not exist")
    }

    fn integer(&mut self) -> Result<u64, &'static str> {
        const PROBLEM: &str = "its third element is not a number of seconds";
        let (digits, rest) =
            self.rest.split_at(self.rest.find(|c: char| !c.is_ascii_digit()).ok_or(PROBLEM)?);
        self.rest = rest;
        // The server's integers have 64 bits with a sign.
        digits.parse::<i64>().ok().and_then(|seconds| u64::try_from(seconds).ok()).ok_or(PROBLEM)
    }
}

const UNFINISHED: &str = "it ends within a text";

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn accepted(text: &str) -> (String, String, u64) {
        let triple = parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
        (triple.token_type, triple.token.expose_secret().to_owned(), triple.seconds)
    }

    #[test]
    fn the_answer_of_the_server_is_read() {
        assert_eq!(accepted(r#"("Bearer" "abc.def" 600)"#), ("Bearer".into(), "abc.def".into(), 600));
    }

    #[test]
    fn white_space_may_stand_anywhere_between() {
        assert_eq!(accepted(" \n( \"bearer\"\t\r\n\"abc\"\n 0007 )\n\n").2, 7);
    }

    #[test]
    fn escapes_are_those_of_the_servers_printer() {
        let text = r#"("Bearer" "a\"b\\c\td\ne\rf\x41\xe9\u20AC\U01F600ü" 1)"#;
        assert_eq!(accepted(text).1, "a\"b\\c\td\ne\rfAé€😀ü");
    }

    #[test]
    fn zero_and_the_largest_integer_are_numbers() {
        assert_eq!(accepted(r#"("Bearer" "abc" 0)"#).2, 0);
        assert_eq!(accepted(r#"("Bearer" "abc" 9223372036854775807)"#).2, 9_223_372_036_854_775_807);
    }

    #[test]
    fn everything_else_is_refused() {
        let cases = [
            "",
            "(",
            "()",
            r#"("Bearer")"#,
            r#"("Bearer" "abc")"#,
            r#"("Bearer" "abc" 600"#,
            r#"("Bearer" "abc" 600) x"#,
            r#"("Bearer" "abc" 600))"#,
            r#"("Bearer" "abc" 600 1)"#,
            r#"("Bearer" "abc" "600")"#,
            r#"("Bearer" "abc" -1)"#,
            r#"("Bearer" "abc" +1)"#,
            r#"("Bearer" "abc" 1.5)"#,
            r#"("Bearer" "abc" 600s)"#,
            r#"("Bearer" "abc" 9223372036854775808)"#,
            r#"("Bearer" "abc" 99999999999999999999999)"#,
            r#"("Bearer" abc 600)"#,
            r#"(Bearer "abc" 600)"#,
            r#"("Bearer" ("abc") 600)"#,
            r#"("Bearer" nil 600)"#,
            r#"("Bearer" "abc" 600) ; comment"#,
            r#"("Bearer" "a\qc" 600)"#,
            r#"("Bearer" "a\x4" 600)"#,
            r#"("Bearer" "a\u00g0" 600)"#,
            r#"("Bearer" "a\uD800" 600)"#,
            r#"("Bearer" "a\U110000" 600)"#,
            r#"("Bearer" "abc"#,
            r#"("Bearer" "abc\"#,
            r#"("Bearer""abc"600)"#,
            r#"["Bearer" "abc" 600]"#,
        ];
        for text in cases {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
