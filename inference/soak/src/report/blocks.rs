//! A document apart from its format: it takes blocks of plain text and gives Markdown.

use std::fmt::Write;

/// How a verdict is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// Something is wrong.
    Bad,
    /// It is not known.
    Unsure,
}

/// One part of a document. All text is plain: formats escape it.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// The document's title.
    Title(String),
    /// A section's title.
    Heading(String),
    /// A verdict: a few words, and then more.
    Verdict(Tone, String, String),
    /// Running text.
    Paragraph(String),
    /// Names and values.
    Facts(Vec<(String, String)>),
    /// A table with a caption. The first column is text, the others are figures.
    Table {
        /// Above it; may be empty.
        caption: String,
        /// Names of the columns.
        header: Vec<String>,
        /// The rows, each as wide as the header.
        rows: Vec<Vec<String>>,
        /// Columns of text, from the left; figures follow, aligned to the right.
        text_columns: usize,
    },
    /// A plot: its file, and what it shows.
    Plot(&'static str, String),
    /// A command.
    Code(String),
}

/// The blocks as Markdown.
pub fn markdown(blocks: &[Block]) -> String {
    let mut text = String::new();
    for block in blocks {
        // Writing to a string does not fail.
        let _ = match block {
            Block::Title(title) => writeln!(text, "# {}\n", escaped(title)),
            Block::Heading(title) => writeln!(text, "## {}\n", escaped(title)),
            Block::Verdict(_, short, long) => writeln!(text, "**{}**\n\n{}\n", escaped(short), escaped(long)),
            Block::Paragraph(words) => writeln!(text, "{}\n", escaped(words)),
            Block::Facts(facts) => {
                let rows: Vec<_> =
                    facts.iter().map(|(name, value)| vec![name.clone(), value.clone()]).collect();
                table(&mut text, &[String::new(), String::new()], &rows, 2)
            }
            Block::Table { caption, header, rows, text_columns } => {
                if !caption.is_empty() {
                    let _ = writeln!(text, "**{}**\n", escaped(caption));
                }
                table(&mut text, header, rows, *text_columns)
            }
            Block::Plot(file, caption) => writeln!(text, "![{}]({file})\n", escaped(caption)),
            Block::Code(command) => {
                // The fence must be longer than any within.
                let fence = "`".repeat(3 + command.matches('`').count());
                writeln!(text, "{fence}sh\n{command}\n{fence}\n")
            }
        };
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn table(
    text: &mut String,
    header: &[String],
    rows: &[Vec<String>],
    text_columns: usize,
) -> std::fmt::Result {
    let mut line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
        writeln!(text, "| {} |", cells.join(" | "))
    };
    line(header)?;
    let rules = (0..header.len()).map(|column| if column < text_columns { "---" } else { "---:" });
    // Rules hold nothing that is escaped.
    line(&rules.map(str::to_owned).collect::<Vec<_>>())?;
    rows.iter().try_for_each(|row| line(row))?;
    writeln!(text)
}

/// Text that Markdown takes as it is, on one line.
fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&' | '~' => {
                plain.push('\\');
                plain.push(character);
            }
            _ if character.is_control() => plain.push(' '),
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
        let row = vec!["a|b_c*<img src=x>\n.wav".to_owned(), "1".to_owned()];
        let header = vec!["File".to_owned(), "Files".to_owned()];
        let table = Block::Table { caption: String::new(), header, rows: vec![row], text_columns: 1 };
        let expected = "| File | Files |\n| --- | ---: |\n| a\\|b\\_c\\*\\<img src=x\\> .wav | 1 |\n";
        assert_eq!(markdown(&[table]), expected);
        assert_eq!(markdown(&[Block::Code("a ``` b".to_owned())]), "``````sh\na ``` b\n``````\n");
    }
}
