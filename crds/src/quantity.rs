//! Quantities that people write as text, parsed into numbers: `80%`, `200Mi`, `5%`.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::text_rule::{self, TextRule};

/// Suffixes, largest first, so that a number is formatted with the largest one that divides it.
/// The digits allowed with each keep the product below 2^63, Kubernetes' limit.
const SUFFIXES: [(&str, u64, usize); 8] = [
    ("Ti", 1 << 40, 6),
    ("T", 1_000_000_000_000, 6),
    ("Gi", 1 << 30, 9),
    ("G", 1_000_000_000, 9),
    ("Mi", 1 << 20, 9),
    ("M", 1_000_000, 9),
    ("Ki", 1 << 10, 9),
    ("k", 1000, 9),
];

/// Digits of a number without suffix: it stays below 2^53, so that a schema's bound, which is a float, is
/// exact.
const PLAIN_DIGITS: usize = 15;

/// Largest number without suffix: [`PLAIN_DIGITS`] nines.
const PLAIN_MAX: u64 = 999_999_999_999_999;

/// Text that is no quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a quantity: write {hint}")]
pub struct QuantityError {
    /// The text.
    pub text: String,
    /// The expected form.
    pub hint: &'static str,
}

/// A number of bytes: `200Mi`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// Memory: a percentage of the total, or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Memory {
    /// Percent of the total, 1 to 100.
    Percent(u8),
    /// Bytes.
    Bytes(u64),
}

impl Memory {
    /// The quantity in bytes, given the total.
    pub fn of(self, total: u64) -> u64 {
        match self {
            // Division first: the product with 100 may overflow.
            Self::Percent(percent) => {
                total / 100 * u64::from(percent) + total % 100 * u64::from(percent) / 100
            }
            Self::Bytes(bytes) => bytes,
        }
    }

    /// Whether the quantity is 0, which disables a limit.
    pub fn is_zero(self) -> bool {
        matches!(self, Self::Bytes(0))
    }
}

/// Files: a percentage of all, or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Files {
    /// Percent of all files of the job, 0 to 100.
    Percent(u8),
    /// A number of files.
    Count(u64),
}

impl Files {
    /// The largest whole number of files within the quantity, given the total.
    pub fn of(self, total: u64) -> u64 {
        match self {
            Self::Percent(percent) => {
                total / 100 * u64::from(percent) + total % 100 * u64::from(percent) / 100
            }
            Self::Count(count) => count,
        }
    }
}

fn digits(text: &str, most: usize) -> Option<u64> {
    let plain = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn bytes(text: &str) -> Option<u64> {
    SUFFIXES
        .iter()
        .find_map(|(suffix, unit, most)| {
            text.strip_suffix(suffix).and_then(|number| digits(number, *most)).map(|n| n * unit)
        })
        .or_else(|| digits(text, PLAIN_DIGITS))
}

/// Parses a percentage. (For memory, 0 % and leading zeros are errors.)
fn percent(text: &str) -> Option<u8> {
    let number = text.strip_suffix('%')?;
    if number == "100" { Some(100) } else { digits(number, 2).and_then(|n| u8::try_from(n).ok()) }
}

fn write_bytes(bytes: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let unit = SUFFIXES.iter().find(|(_, unit, most)| {
        bytes != 0 && bytes.is_multiple_of(*unit) && bytes / unit < 10_u64.pow(*most as u32)
    });
    match unit {
        Some((suffix, unit, _)) => write!(f, "{}{suffix}", bytes / unit),
        None => write!(f, "{bytes}"),
    }
}

impl FromStr for Bytes {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        bytes(text).map(Self).ok_or_else(|| error(text, text_rule::BYTES))
    }
}

impl FromStr for Memory {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let share = percent(text).filter(|_| !text.starts_with('0')).map(Self::Percent);
        share.or_else(|| bytes(text).map(Self::Bytes)).ok_or_else(|| error(text, text_rule::MEMORY))
    }
}

impl FromStr for Files {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let share = percent(text).map(Self::Percent);
        share
            .or_else(|| digits(text, PLAIN_DIGITS).map(Self::Count))
            .ok_or_else(|| error(text, text_rule::FILES))
    }
}

fn error(text: &str, rule: TextRule) -> QuantityError {
    QuantityError { text: text.to_owned(), hint: rule.hint }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_bytes(self.0, f)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Bytes(bytes) => write_bytes(*bytes, f),
        }
    }
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Count(count) => write!(f, "{count}"),
        }
    }
}

/// JSON form of Kubernetes quantities: text; plain numbers are accepted too.
macro_rules! as_text {
    ($name:ident, $rule:expr) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[derive(Deserialize)]
                #[serde(untagged)]
                enum Written {
                    Number(u64),
                    Text(String),
                }
                let text = match Written::deserialize(deserializer)? {
                    Written::Number(number) => number.to_string(),
                    Written::Text(text) => text,
                };
                text.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "x-kubernetes-int-or-string": true,
                    // Explicit, since kube makes such a field nullable otherwise: null would pass the API
                    // server and not the parser.
                    "nullable": false,
                    "minimum": 0,
                    "maximum": PLAIN_MAX,
                    // Longer text is never valid, and a bound lets the API server estimate the cost of CEL
                    // rules.
                    "maxLength": PLAIN_DIGITS + 1,
                    "pattern": $rule.pattern,
                })
            }
        }
    };
}

as_text!(Bytes, text_rule::BYTES);
as_text!(Memory, text_rule::MEMORY);
as_text!(Files, text_rule::FILES);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex_lite::Regex;

    use super::*;

    #[test]
    fn text_is_parsed() {
        assert_eq!("80%".parse(), Ok(Memory::Percent(80)));
        assert_eq!("6Gi".parse(), Ok(Memory::Bytes(6 << 30)));
        assert_eq!("200M".parse(), Ok(Bytes(200_000_000)));
        assert_eq!("0".parse(), Ok(Bytes(0)));
        assert_eq!("0%".parse(), Ok(Files::Percent(0)));
        assert_eq!("17".parse(), Ok(Files::Count(17)));
        for wrong in ["", "%", "0%", "101%", "-1", "1.5Gi", "6gi", "6 Gi", "Gi", "9999999Ti", "08%"] {
            assert!(wrong.parse::<Memory>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn percentages_are_exact_and_never_overflow() {
        assert_eq!(Memory::Percent(80).of(1000), 800);
        assert_eq!(Memory::Percent(100).of(u64::MAX), u64::MAX);
        assert_eq!(Files::Percent(5).of(39), 1);
        assert_eq!(Files::Percent(5).of(19), 0);
        assert_eq!(Files::Count(3).of(1), 3);
    }

    fn agrees<T: FromStr>(rule: TextRule, text: &str) -> bool {
        text.parse::<T>().is_ok() == Regex::new(rule.pattern).unwrap().is_match(text)
    }

    proptest! {
        #[test]
        fn parser_and_pattern_agree(text in "[0-9]{0,20}(%|k|M|G|T|Ki|Mi|Gi|Ti|m|)") {
            prop_assert!(agrees::<Bytes>(text_rule::BYTES, &text), "{}", text);
            prop_assert!(agrees::<Memory>(text_rule::MEMORY, &text), "{}", text);
            prop_assert!(agrees::<Files>(text_rule::FILES, &text), "{}", text);
        }

        #[test]
        fn formatted_quantities_parse(number in 0..=PLAIN_MAX, percent in 1..=100_u8) {
            prop_assert_eq!(Bytes(number).to_string().parse(), Ok(Bytes(number)));
            prop_assert_eq!(Memory::Bytes(number).to_string().parse(), Ok(Memory::Bytes(number)));
            prop_assert_eq!(Memory::Percent(percent).to_string().parse(), Ok(Memory::Percent(percent)));
            prop_assert_eq!(Files::Percent(percent).to_string().parse(), Ok(Files::Percent(percent)));
        }
    }
}
