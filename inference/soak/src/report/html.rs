//! A document as one self-contained HTML page, with its plots. Pure.

use crate::report::blocks::{Block, Table, Tone};
use crate::report::plots::Plots;

/// Style sheet for light and dark mode, wide and narrow screens, and print.
const STYLE: &str = include_str!("style.css");

/// Renders the page. `chinese` are the verdicts shown below the English ones.
pub(crate) fn html(blocks: &[Block], chinese: &[Block], plots: &Plots) -> String {
    let title = blocks.iter().find_map(|block| match block {
        Block::Title(title) => Some(escape(title)),
        _ => None,
    });
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n\
         </head>\n<body>\n",
        title.unwrap_or_default()
    );
    let last_verdict = blocks.iter().rposition(|block| matches!(block, Block::Verdict(..)));
    for (index, block) in blocks.iter().enumerate() {
        page.push_str(&part(block, plots));
        if Some(index) == last_verdict {
            page.push_str(&chinese_verdicts(chinese));
        }
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn part(block: &Block, plots: &Plots) -> String {
    match block {
        Block::Title(title) => format!("<h1>{}</h1>\n", escape(title)),
        Block::Heading(title) => format!("<h2>{}</h2>\n", escape(title)),
        Block::Paragraph(paragraph) => format!("<p>{}</p>\n", escape(paragraph)),
        Block::Command(command) => format!("<pre><code>{}</code></pre>\n", escape(command)),
        Block::Verdict(tone, title, explanation) => {
            let class = match tone {
                Tone::Good => "good",
                Tone::Bad => "bad",
                Tone::Undecided => "undecided",
            };
            let (title, explanation) = (escape(title), escape(explanation));
            format!("<div class=\"verdict {class}\"><b>{title}</b><p>{explanation}</p></div>\n")
        }
        Block::Facts(facts) => {
            let fact = |(name, value): &(String, String)| {
                format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(name), escape(value))
            };
            format!("<dl>\n{}</dl>\n", facts.iter().map(fact).collect::<String>())
        }
        Block::Plot(file, caption) => {
            let (plot, caption) = (plots.svg(file), escape(caption));
            format!(
                "<figure>\n<div class=\"wide\">{plot}</div>\n<figcaption>{caption}</figcaption>\n</figure>\n"
            )
        }
        Block::Table(content) => table(content),
    }
}

fn table(table: &Table) -> String {
    let row = |tag: &str, cells: &[String]| -> String {
        let cell = |(column, cell): (usize, &String)| {
            let class = if column < table.text_columns { " class=\"text\"" } else { "" };
            format!("<{tag}{class}>{}</{tag}>", escape(cell))
        };
        format!("<tr>{}</tr>", cells.iter().enumerate().map(cell).collect::<String>())
    };
    let caption = if table.caption.is_empty() {
        String::new()
    } else {
        format!("<caption>{}</caption>\n", escape(&table.caption))
    };
    let rows: String = table.rows.iter().map(|cells| row("td", cells) + "\n").collect();
    let header = row("th", &table.header);
    format!(
        "<div class=\"wide\"><table>\n{caption}<thead>{header}</thead>\n<tbody>\n{rows}</tbody>\n\
         </table></div>\n"
    )
}

fn chinese_verdicts(blocks: &[Block]) -> String {
    let verdict = |block: &Block| match block {
        Block::Verdict(_, title, explanation) => {
            format!("<p><b>{}</b>：{}</p>\n", escape(title), escape(explanation))
        }
        _ => String::new(),
    };
    let verdicts: String = blocks.iter().map(verdict).collect();
    format!("<div class=\"other\" lang=\"zh-CN\">\n{verdicts}</div>\n")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
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
