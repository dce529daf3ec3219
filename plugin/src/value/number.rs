//! Numbers without loss: Terraform's have 512 bits, so each keeps the form in which it came.

use thiserror::Error;

/// A number as it stood on the wire, sent back in the same form.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Number {
    /// Decimal text: what fits neither an integer nor a binary fraction exactly.
    Decimal(String),
    /// A binary fraction.
    Float(f64),
    /// A whole number.
    Integer(i64),
    /// A whole number above the range of `Integer`.
    Unsigned(u64),
}

/// Why a number cannot be used where it stands.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NumberError {
    /// It has a fractional part.
    #[error("a whole number is required")]
    Fraction,
    /// It is beyond 64 bits.
    #[error("the number is too large")]
    OutOfRange,
}

impl Number {
    /// The number that a decimal text denotes, or nothing if it denotes none.
    pub fn from_decimal(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
        (plain && text.parse::<f64>().is_ok()).then(|| Self::Decimal(text.to_owned()))
    }

    /// The value as a 64-bit integer.
    ///
    /// # Errors
    /// When it has a fraction or is too large.
    pub fn to_i64(&self) -> Result<i64, NumberError> {
        match self {
            Self::Integer(value) => Ok(*value),
            Self::Unsigned(value) => i64::try_from(*value).map_err(|_| NumberError::OutOfRange),
            Self::Float(value) => whole(*value),
            Self::Decimal(text) => match text.parse::<i64>() {
                Ok(value) => Ok(value),
                Err(_) => whole(text.parse().map_err(|_| NumberError::OutOfRange)?),
            },
        }
    }
}

/// Beyond 2^53 a binary fraction no longer tells neighbouring integers apart.
fn whole(value: f64) -> Result<i64, NumberError> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !(-EXACT..=EXACT).contains(&value) {
        return Err(NumberError::OutOfRange);
    }
    if value.fract() != 0.0 {
        return Err(NumberError::Fraction);
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 53 bits, as checked above")]
    Ok(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_float_and_decimal_mean_the_same() {
        for number in [
            Number::Integer(5),
            Number::Unsigned(5),
            Number::Float(5.0),
            Number::Decimal("5".into()),
            Number::Decimal("0.5e1".into()),
        ] {
            assert_eq!(number.to_i64(), Ok(5), "{number:?}");
        }
    }

    #[test]
    fn fractions_and_overflow_are_told_apart() {
        assert_eq!(Number::Float(5.5).to_i64(), Err(NumberError::Fraction));
        assert_eq!(Number::Decimal("0.1".into()).to_i64(), Err(NumberError::Fraction));
        assert_eq!(Number::Unsigned(u64::MAX).to_i64(), Err(NumberError::OutOfRange));
        assert_eq!(Number::Decimal("1e400".into()).to_i64(), Err(NumberError::OutOfRange));
    }

    #[test]
    fn only_decimal_text_is_a_number() {
        for text in ["7.25", "1e3", "-0", "18446744073709551615"] {
            assert!(Number::from_decimal(text).is_some(), "{text}");
        }
        for text in ["", "abc", "inf", "NaN", "0x10", "1_000"] {
            assert!(Number::from_decimal(text).is_none(), "{text}");
        }
    }
}
