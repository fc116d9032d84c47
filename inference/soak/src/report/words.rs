//! Figures in words, in both languages. Pure.

use crate::report::verdict::{LIMIT_MB, Memory, Verdict};
use verbatim_supervisor::stats::Slope;
use verbatim_text::ratio;

/// The language of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

impl Lang {
    /// The words in this language.
    pub fn say<T>(self, english: T, chinese: T) -> T {
        match self {
            Self::En => english,
            Self::Zh => chinese,
        }
    }

    /// A list of words.
    pub fn list(self, words: impl IntoIterator<Item = String>) -> String {
        words.into_iter().collect::<Vec<_>>().join(self.say(", ", "、"))
    }

    /// A slope with its interval and unit, as `+0.12 MB per hour (95 % interval -0.05 to 0.31)`.
    pub fn slope(self, slope: Option<Slope>, unit: &str) -> String {
        let Some(Slope { estimate, low, high }) = slope else {
            return self.say("not known: too few files", "未知：文件数不足").to_owned();
        };
        let (estimate, low, high) = (signed(estimate), signed(low), signed(high));
        self.say(
            format!("{estimate} MB {unit} (95 % interval {low} to {high})"),
            format!("{unit} {estimate} MB（95% 置信区间 {low} 至 {high}）"),
        )
    }

    /// `for 100 files` and its like.
    pub fn per_100_files(self) -> &'static str {
        self.say("per 100 files", "每 100 个文件")
    }

    /// `an hour` and its like.
    pub fn per_hour(self) -> &'static str {
        self.say("per hour", "每小时")
    }

    /// The verdict on memory, in two or three words.
    pub fn verdict(self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Flat => self.say("Memory is flat", "内存平稳"),
            Verdict::Leaks => self.say("Memory leaks", "内存泄漏"),
            Verdict::TooFew | Verdict::TooNoisy => self.say("Memory: undecided", "内存：尚无定论"),
        }
    }

    /// The verdict on memory in full: the figure, the rule, and what to do where it is undecided.
    pub fn memory(self, memory: &Memory) -> String {
        let slope = self.slope(memory.per_100_files, self.per_100_files());
        let hour = self.slope(memory.per_hour, self.per_hour());
        let grows = self.say(
            format!(
                "After warm-up, resident memory of the engine changes by {slope}; over time, by {hour}. "
            ),
            format!("预热之后，引擎的常驻内存变化为{slope}；按时间计为{hour}。"),
        );
        let limit = format!("{LIMIT_MB} MB");
        let rule = match memory.verdict {
            Verdict::Flat => self.say(
                format!("The whole interval is below {limit} per 100 files, so memory is flat."),
                format!("整个区间低于每 100 个文件 {limit}，因此判定为平稳。"),
            ),
            Verdict::Leaks => self.say(
                format!("The whole interval is at or above {limit} per 100 files, so memory leaks."),
                format!("整个区间不低于每 100 个文件 {limit}，因此判定为泄漏。"),
            ),
            Verdict::TooFew => {
                return self.say(
                    format!(
                        "Too few files are left after warm-up ({}) to say whether memory grows. Run more rounds.",
                        memory.files
                    ),
                    format!(
                        "预热之后剩余的文件过少（{} 个），无法判断内存是否增长。请增加轮数。",
                        memory.files
                    ),
                );
            }
            Verdict::TooNoisy => self.say(
                format!(
                    "The interval reaches to both sides of {limit} per 100 files, so nothing is decided. {}",
                    self.more(memory)
                ),
                format!("区间跨越每 100 个文件 {limit} 的界限，因此尚无定论。{}", self.more(memory)),
            ),
        };
        grows + &rule
    }

    fn more(self, memory: &Memory) -> String {
        match memory.more_files {
            Some(times) => self.say(
                format!("About {times:.1} times as many rounds should decide it."),
                format!("轮数增至约 {times:.1} 倍应可得出结论。"),
            ),
            None => self.say(
                "The growth is so near to the limit, or so noisy, that rounds alone will not decide it soon; look at the plot.".to_owned(),
                "增长过于接近界限或噪声过大，仅靠增加轮数短期内难以得出结论，请查看曲线图。".to_owned(),
            ),
        }
    }
}

/// With thousands apart: `12,345`.
pub fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Two digits behind the point or fewer: `0.12`, `12.3`, `1234`.
pub fn short(value: f64) -> String {
    let text = match value.abs() {
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    // What rounds to nothing has no sign.
    if text.trim_start_matches('-').bytes().all(|digit| matches!(digit, b'0' | b'.')) {
        text.trim_start_matches('-').to_owned()
    } else {
        text
    }
}

/// The same with its sign.
pub fn signed(value: f64) -> String {
    let text = short(value);
    if value > 0.0 && text != "0.00" { format!("+{text}") } else { text }
}

/// Memory in units of 10^6 bytes.
pub fn mb(value: f64) -> String {
    format!("{} MB", if value < 99.95 { format!("{value:.1}") } else { format!("{value:.0}") })
}

/// Seconds.
pub fn seconds(value: f64) -> String {
    format!("{} s", short(value))
}

/// A share in percent.
pub fn percent(share: f64) -> String {
    format!("{} %", short(share * 100.0))
}

/// What may be missing, as a dash.
pub fn maybe<T>(value: Option<T>, words: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), words)
}

/// Quantiles of real-time factors: `0.019 / 0.021 / 0.030`.
pub fn rtf(quantiles: Option<[f64; 3]>) -> String {
    maybe(quantiles, |quantiles| quantiles.map(ratio).join(" / "))
}

/// A command as it can be pasted into a shell.
pub fn shell(command: &[String]) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./=:,@%+".contains(character);
    let quoted = command.iter().map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!([count(0), count(999), count(1000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [short(0.125), short(9.996), short(-123.4), short(-0.001)],
            ["0.12", "10.0", "-123", "0.00"]
        );
        assert_eq!(
            [signed(0.5), signed(-0.5), signed(0.0), signed(2000.0)],
            ["+0.50", "-0.50", "0.00", "+2000"]
        );
        assert_eq!([mb(12.34), mb(412.3)], ["12.3 MB", "412 MB"]);
        assert_eq!(maybe(None, seconds), "–");
    }

    #[test]
    fn commands_can_be_pasted() {
        let words = ["verbatim", "soak", "my calls/", "it's", "", "--inject=leak=20MB/file", "$HOME"];
        let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        assert_eq!(shell(&words), r"verbatim soak 'my calls/' 'it'\''s' '' --inject=leak=20MB/file '$HOME'");
    }
}
