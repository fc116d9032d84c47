//! Parser of Prometheus's text format, as far as the operator needs it: sums of samples, by name and one
//! label.

use std::collections::BTreeMap;

/// Samples of a page: name, labels as written, and value.
#[derive(Clone, Debug, Default)]
pub struct Page<'a>(Vec<(&'a str, &'a str, f64)>);

impl<'a> Page<'a> {
    /// Parses a page. Invalid lines are skipped, since the page comes from another process.
    pub fn read(text: &'a str) -> Self {
        Self(text.lines().filter_map(line).collect())
    }

    /// Sum of a metric's samples; `None` if there are none.
    pub fn sum(&self, name: &str) -> Option<f64> {
        self.0
            .iter()
            .filter(|(of, ..)| *of == name)
            .map(|(.., value)| *value)
            .reduce(|sum, value| sum + value)
    }

    /// Sums of a metric's samples by the values of one label.
    pub fn by(&self, name: &str, label: &str) -> BTreeMap<&'a str, f64> {
        let mut sums = BTreeMap::new();
        for (of, labels, value) in &self.0 {
            if *of == name
                && let Some(label) = value_of(labels, label)
            {
                *sums.entry(label).or_default() += *value;
            }
        }
        sums
    }
}

/// Parses a line like `name{label="value"} 1.5 1712345678`.
fn line(line: &str) -> Option<(&str, &str, f64)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (name, labels, rest) = match line.find('{') {
        Some(open) => {
            let close = line.rfind('}').filter(|close| *close > open)?;
            (&line[..open], &line[open + 1..close], &line[close + 1..])
        }
        None => {
            let (name, rest) = line.split_once(char::is_whitespace)?;
            (name, "", rest)
        }
    };
    let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
    value.is_finite().then_some((name, labels, value))
}

/// Value of a label. The requested labels have values from closed lists, without quotes.
fn value_of<'a>(labels: &'a str, label: &str) -> Option<&'a str> {
    let mut rest = labels;
    loop {
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = after.split_once('"')?;
        if name.trim_start_matches(',').trim() == label {
            return Some(value);
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn samples_are_summed() {
        let page = Page::read(
            "# HELP a b\n# TYPE a counter\na{x=\"1\",reason=\"Crash\"} 2\na{reason=\"Growth\"} 3 1712\nb 4.5\nc NaN\nd{\n\n",
        );
        assert_eq!((page.sum("a"), page.sum("b"), page.sum("c")), (Some(5.0), Some(4.5), None));
        assert_eq!(page.by("a", "reason"), BTreeMap::from([("Crash", 2.0), ("Growth", 3.0)]));
    }

    proptest! {
        #[test]
        fn no_page_panics(text in "\\PC*", more in "[a-z{}=\",0-9 \n]*") {
            for text in [&text, &more] {
                let page = Page::read(text);
                page.sum("a");
                page.by("a", "b");
            }
        }
    }
}
