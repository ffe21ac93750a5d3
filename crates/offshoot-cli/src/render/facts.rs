//! Lists of facts: a word, and what it is.

use super::text::plain_line;
use crate::output::Style;
use offshoot::manifest::Note;

/// Width of the words.
const WORD: usize = 12;

/// Facts under each other, in sections.
#[derive(Debug, Default)]
pub struct Facts {
    text: String,
}

impl Facts {
    /// Adds a fact.
    pub fn add(&mut self, word: &str, value: impl AsRef<str>) -> &mut Self {
        let line = format!("{word:<WORD$} {}", plain_line(value.as_ref()));
        self.text.push_str(line.trim_end());
        self.text.push('\n');
        self
    }

    /// Adds a fact that is a list, one to a line.
    pub fn add_list(&mut self, word: &str, values: impl IntoIterator<Item = String>) -> &mut Self {
        for (at, value) in values.into_iter().enumerate() {
            self.add(if at == 0 { word } else { "" }, value);
        }
        self
    }

    /// Begins a section.
    pub fn section(&mut self, head: &str, style: Style) -> &mut Self {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        self.text.push_str(&format!("{gap}{}\n", style.bold(head)));
        self
    }

    /// Adds lines as they are.
    pub fn block(&mut self, lines: &str) -> &mut Self {
        self.text.push_str(lines);
        self
    }

    /// Adds a section of notes, if there are any.
    pub fn notes(&mut self, head: &str, notes: &[Note], style: Style) -> &mut Self {
        if notes.is_empty() {
            return self;
        }
        self.section(head, style);
        for note in notes {
            self.text.push_str(&format!("{}: {}\n", plain_line(&note.object), plain_line(&note.reason)));
        }
        self
    }

    /// The text.
    pub fn finish(self) -> String {
        self.text
    }
}
