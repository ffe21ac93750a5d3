//! Tables with aligned columns, whatever the width of their letters.

use super::text::plain_line;
use crate::output::Style;
use unicode_width::UnicodeWidthStr;

/// How a column is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table that is filled row by row.
#[derive(Debug)]
pub struct Table {
    heads: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(heads: &[(&'static str, Align)]) -> Self {
        Self { heads: heads.to_vec(), rows: Vec::new() }
    }

    /// A table of words without a line of heads.
    pub fn bare(columns: usize) -> Self {
        Self { heads: vec![("", Align::Left); columns], rows: Vec::new() }
    }

    /// Adds a row.
    pub fn push<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.iter().map(|cell| plain_line(cell)).collect());
    }

    /// The lines.
    pub fn render(&self, style: Style) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
            cells.chain([self.heads[column].0.width()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.heads.len()).map(width).collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut line = String::new();
            for ((cell, (_, align)), width) in cells.zip(&self.heads).zip(&widths) {
                let gap = " ".repeat(width.saturating_sub(cell.width()));
                match align {
                    Align::Left => line.extend([cell, &gap, "  "]),
                    Align::Right => line.extend([&gap, cell, "  "]),
                }
            }
            line.trim_end().to_owned()
        };
        let mut out = String::new();
        if self.heads.iter().any(|(head, _)| !head.is_empty()) {
            out = style.bold(&line(&mut self.heads.iter().map(|(head, _)| *head)));
            out.push('\n');
        }
        for row in &self.rows {
            out.push_str(&line(&mut row.iter().map(String::as_str)));
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_what_is_seen() {
        let mut table = Table::new(&[("TABLE", Align::Left), ("ROWS", Align::Right), ("NOTE", Align::Left)]);
        table.push(["東京".into(), "5".into(), String::new()]);
        table.push(["e\u{301}te\u{301}".into(), "12,000".into(), "x\ny".into()]);
        let wanted = "TABLE    ROWS  NOTE\n東京        5\ne\u{301}te\u{301}    12,000  x\\ny\n";
        assert_eq!(table.render(Style::PLAIN), wanted);
    }
}
