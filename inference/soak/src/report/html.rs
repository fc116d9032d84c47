//! A document as one HTML file that needs nothing else: it takes blocks and plots, and gives the page.

use std::fmt::Write;

use crate::report::blocks::{Block, Tone};
use crate::report::plots::Plots;

/// Light and dark, wide and narrow.
const STYLE: &str = include_str!("style.css");

/// The page. `chinese` is shown below the English verdicts.
pub fn html(blocks: &[Block], chinese: &[Block], plots: &Plots) -> String {
    let title = blocks.iter().find_map(|block| match block {
        Block::Title(title) => Some(escaped(title)),
        _ => None,
    });
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n",
        title.unwrap_or_default()
    );
    let last_verdict = blocks.iter().rposition(|block| matches!(block, Block::Verdict(..)));
    for (index, block) in blocks.iter().enumerate() {
        page.push_str(&part(block, plots));
        if Some(index) == last_verdict {
            page.push_str(&other_language(chinese));
        }
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn part(block: &Block, plots: &Plots) -> String {
    match block {
        Block::Title(title) => format!("<h1>{}</h1>\n", escaped(title)),
        Block::Heading(title) => format!("<h2>{}</h2>\n", escaped(title)),
        Block::Paragraph(words) => format!("<p>{}</p>\n", escaped(words)),
        Block::Code(command) => format!("<pre><code>{}</code></pre>\n", escaped(command)),
        Block::Verdict(tone, short, long) => {
            let class = match tone {
                Tone::Good => "good",
                Tone::Bad => "bad",
                Tone::Unsure => "unsure",
            };
            let (short, long) = (escaped(short), escaped(long));
            format!("<div class=\"verdict {class}\"><b>{short}</b><p>{long}</p></div>\n")
        }
        Block::Facts(facts) => {
            let fact = |(name, value): &(String, String)| {
                format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escaped(name), escaped(value))
            };
            format!("<dl>\n{}</dl>\n", facts.iter().map(fact).collect::<String>())
        }
        Block::Plot(file, caption) => {
            let (plot, caption) = (plots.get(file), escaped(caption));
            format!(
                "<figure>\n<div class=\"wide\">{plot}</div>\n<figcaption>{caption}</figcaption>\n</figure>\n"
            )
        }
        Block::Table { caption, header, rows, text_columns } => table(caption, header, rows, *text_columns),
    }
}

fn table(caption: &str, header: &[String], rows: &[Vec<String>], text_columns: usize) -> String {
    let mut text = String::from("<div class=\"wide\"><table>\n");
    // Writing to a string does not fail.
    let mut write = |words: std::fmt::Arguments<'_>| {
        let _ = text.write_fmt(words);
    };
    if !caption.is_empty() {
        write(format_args!("<caption>{}</caption>\n", escaped(caption)));
    }
    let cells = |tag: &str, cells: &[String]| -> String {
        let cell = |(column, cell): (usize, &String)| {
            let class = if column < text_columns { " class=\"text\"" } else { "" };
            format!("<{tag}{class}>{}</{tag}>", escaped(cell))
        };
        cells.iter().enumerate().map(cell).collect()
    };
    write(format_args!("<thead><tr>{}</tr></thead>\n<tbody>\n", cells("th", header)));
    for row in rows {
        write(format_args!("<tr>{}</tr>\n", cells("td", row)));
    }
    text.push_str("</tbody>\n</table></div>\n");
    text
}

/// The verdicts once more.
fn other_language(blocks: &[Block]) -> String {
    let verdict = |block: &Block| match block {
        Block::Verdict(_, short, long) => format!("<p><b>{}</b>：{}</p>\n", escaped(short), escaped(long)),
        _ => String::new(),
    };
    let verdicts: String = blocks.iter().map(verdict).collect();
    format!("<div class=\"other\" lang=\"zh-CN\">\n{verdicts}</div>\n")
}

/// Text that HTML takes as it is.
pub fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '"' => plain.push_str("&quot;"),
            _ => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_become_markup() {
        let blocks = [
            Block::Title("</title><script>".to_owned()),
            Block::Paragraph("<img src=x onerror=\"alert(1)\"> & more".to_owned()),
        ];
        let page = html(&blocks, &[], &Plots::default());
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert!(page.contains("&lt;img src=x onerror=&quot;alert(1)&quot;&gt; &amp; more"));
    }
}
