//! Parsers of numbers in options.

/// Longest time that an option takes, in seconds: a year. Anything longer is a slip, and would overflow a
/// clock.
const MAX_SECONDS: f64 = 31_536_000.0;

/// A finite number above 0.
pub(super) fn positive(text: &str) -> Result<f64, String> {
    parse(text, |number| number.is_finite() && number > 0.0, "expected a number above 0")
}

/// A number from 0 to 1.
pub(super) fn probability(text: &str) -> Result<f64, String> {
    parse(text, |number| (0.0..=1.0).contains(&number), "expected a number from 0 to 1")
}

/// A number of seconds, 0 or more.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    parse(text, |number| (0.0..=MAX_SECONDS).contains(&number), "expected a number of seconds, 0 or more")
}

fn parse(text: &str, is_valid: impl Fn(f64) -> bool, expected: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number| is_valid(*number)).ok_or_else(|| expected.to_owned())
}
