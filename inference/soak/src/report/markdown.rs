//! A document as Markdown. Pure.

use std::fmt::Write;

use crate::report::blocks::{Block, Table};

/// Renders the blocks.
pub(crate) fn markdown(blocks: &[Block]) -> String {
    let mut text = String::new();
    for block in blocks {
        // Writing to a string does not fail.
        let _ = match block {
            Block::Title(title) => writeln!(text, "# {}\n", escape(title)),
            Block::Heading(title) => writeln!(text, "## {}\n", escape(title)),
            Block::Verdict(_, title, explanation) => {
                writeln!(text, "**{}**\n\n{}\n", escape(title), escape(explanation))
            }
            Block::Paragraph(paragraph) => writeln!(text, "{}\n", escape(paragraph)),
            Block::Facts(facts) => {
                let rows = facts.iter().map(|(name, value)| vec![name.clone(), value.clone()]).collect();
                table(&mut text, &Table::new("|", 2, rows))
            }
            Block::Table(content) => table(&mut text, content),
            Block::Plot(file, caption) => writeln!(text, "![{}]({file})\n", escape(caption)),
            Block::Command(command) => {
                // The fence has to be longer than any run of backticks in the command.
                let fence = "`".repeat(3 + command.matches('`').count());
                writeln!(text, "{fence}sh\n{command}\n{fence}\n")
            }
        };
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn table(text: &mut String, table: &Table) -> std::fmt::Result {
    if !table.caption.is_empty() {
        writeln!(text, "**{}**\n", escape(&table.caption))?;
    }
    let row = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| escape(cell)).collect();
        format!("| {} |", cells.join(" | "))
    };
    writeln!(text, "{}", row(&table.header))?;
    let alignment = |column| if column < table.text_columns { "---" } else { "---:" };
    let rule: Vec<&str> = (0..table.header.len()).map(alignment).collect();
    writeln!(text, "| {} |", rule.join(" | "))?;
    table.rows.iter().try_for_each(|cells| writeln!(text, "{}", row(cells)))?;
    writeln!(text)
}

/// Escapes the text, on one line.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&' | '~' => {
                escaped.extend(['\\', character]);
            }
            _ if character.is_control() => escaped.push(' '),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_become_markup() {
        let row = vec!["a|b_c*<img src=x>\n.wav".to_owned(), "1".to_owned()];
        let table = Block::Table(Table::new("File|Files", 1, vec![row]));
        let expected = "| File | Files |\n| --- | ---: |\n| a\\|b\\_c\\*\\<img src=x\\> .wav | 1 |\n";
        assert_eq!(markdown(&[table]), expected);
        assert_eq!(markdown(&[Block::Command("a ``` b".to_owned())]), "``````sh\na ``` b\n``````\n");
    }
}
