//! A document independent of its format: blocks of plain text, which the formats escape.

/// Meaning of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Undecided,
}

/// Part of a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Block {
    /// Title of the document.
    Title(String),
    /// Title of a section.
    Heading(String),
    /// Verdict in a few words, and its explanation.
    Verdict(Tone, String, String),
    Paragraph(String),
    /// Names and values.
    Facts(Vec<(String, String)>),
    Table(Table),
    /// File and caption of a plot.
    Plot(&'static str, String),
    /// Shell command.
    Command(String),
}

/// A table with a header.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Table {
    /// Caption above the table; may be empty.
    pub(crate) caption: String,
    pub(crate) header: Vec<String>,
    /// Rows, each as wide as the header.
    pub(crate) rows: Vec<Vec<String>>,
    /// Number of text columns, from the left; numbers follow, aligned to the right.
    pub(crate) text_columns: usize,
}

impl Table {
    /// A table without a caption. `columns` are the cells of the header, separated by `|`.
    pub(crate) fn new(columns: &str, text_columns: usize, rows: Vec<Vec<String>>) -> Self {
        let header = columns.split('|').map(str::to_owned).collect();
        Self { caption: String::new(), header, rows, text_columns }
    }
}
