//! Numbers and commands as text, the same in all languages. Pure.

use verbatim_text::ratio;

/// A number with separators of thousands: `12,345`.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().flat_map(std::str::from_utf8).collect();
    groups.join(",")
}

/// At most two decimals: `0.12`, `12.3`, `1234`.
pub(crate) fn short(value: f64) -> String {
    let text = match value.abs() {
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    // A value that rounds to zero has no sign.
    if text == "-0.00" { "0.00".to_owned() } else { text }
}

/// The same with a sign.
pub(crate) fn signed(value: f64) -> String {
    let text = short(value);
    if value > 0.0 && text != "0.00" { format!("+{text}") } else { text }
}

/// Memory in units of 10^6 bytes.
pub(crate) fn mb(value: f64) -> String {
    format!("{} MB", if value < 99.95 { format!("{value:.1}") } else { format!("{value:.0}") })
}

/// Seconds.
pub(crate) fn seconds(value: f64) -> String {
    format!("{} s", short(value))
}

/// A share in percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{}%", short(share * 100.0))
}

/// An optional value; a dash if it is missing.
pub(crate) fn or_dash<T>(value: Option<T>, format: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), format)
}

/// Quantiles of real-time factors: `0.019 / 0.021 / 0.030`.
pub(crate) fn rtf(quantiles: Option<[f64; 3]>) -> String {
    or_dash(quantiles, |quantiles| quantiles.map(ratio).join(" / "))
}

/// A command, quoted for a shell.
pub(crate) fn shell(command: &[String]) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./=:,@%+".contains(character);
    let quoted = command.iter().map(|argument| {
        if !argument.is_empty() && argument.chars().all(plain) {
            argument.clone()
        } else {
            format!("'{}'", argument.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(
            [thousands(0), thousands(999), thousands(1000), thousands(1_234_567)],
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [short(0.125), short(9.996), short(-123.4), short(-0.001)],
            ["0.12", "10.0", "-123", "0.00"]
        );
        assert_eq!(
            [signed(0.5), signed(-0.5), signed(0.0), signed(2000.0)],
            ["+0.50", "-0.50", "0.00", "+2000"]
        );
        assert_eq!([mb(12.34), mb(412.3)], ["12.3 MB", "412 MB"]);
        assert_eq!(or_dash(None, seconds), "–");
    }

    #[test]
    fn commands_are_quoted_for_a_shell() {
        let command = ["verbatim", "soak", "my calls/", "it's", "", "--inject=leak=20MB/file", "$HOME"];
        let quoted = r"verbatim soak 'my calls/' 'it'\''s' '' --inject=leak=20MB/file '$HOME'";
        assert_eq!(shell(&command.map(str::to_owned)), quoted);
    }
}
