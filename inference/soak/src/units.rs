//! Units of the recorded files.

/// Current time as RFC 3339 in UTC, to the millisecond.
pub(crate) fn timestamp() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Bytes in units of 10^6, rounded to three decimals.
pub(crate) fn megabytes(bytes: u64) -> f64 {
    three_decimals(bytes as f64 / 1e6)
}

/// The value rounded to three decimals: more are of no use to a reader.
pub(crate) fn three_decimals(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
