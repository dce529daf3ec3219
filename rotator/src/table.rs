//! Tables for people: columns as wide as they need to be, and fewer of them where a terminal is narrow.

use std::fmt;

use crate::terminal::{Look, Terminal};

/// A heading and rows of cells.
#[derive(Clone, Debug)]
pub struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
    spare: &'static [usize],
    terminal: Terminal,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// A table with this heading.
    pub fn new(heading: [&str; COLUMNS]) -> Self {
        Table { rows: vec![heading.map(str::to_owned)], spare: &[], terminal: Terminal::default() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells);
    }

    /// These columns may be left out where there is not enough room, the first of them first.
    pub fn spare(self, columns: &'static [usize]) -> Self {
        Table { spare: columns, ..self }
    }

    /// Makes the most of a terminal.
    pub fn on(self, terminal: Terminal) -> Self {
        Table { terminal, ..self }
    }

    /// The columns that fit, with their widths.
    fn columns(&self) -> Vec<(usize, usize)> {
        let width =
            |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let mut columns: Vec<(usize, usize)> = (0..COLUMNS).map(|column| (column, width(column))).collect();
        let room = self.terminal.width.unwrap_or(usize::MAX);
        for spare in self.spare {
            let needed =
                columns.iter().map(|(_, width)| width + GAP.len()).sum::<usize>().saturating_sub(GAP.len());
            if needed <= room {
                break;
            }
            columns.retain(|(column, _)| column != spare);
        }
        columns
    }

    /// A cell as wide as its column. Colours take no room, so it is painted last; names have no look of their own.
    fn cell(&self, column: usize, text: &str, width: usize) -> String {
        let blanks = " ".repeat(width.saturating_sub(text.chars().count()));
        let look = if column == 0 { None } else { Look::of(text) };
        self.terminal.paint(look, text) + &blanks
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.columns();
        for row in &self.rows {
            let cells = columns.iter().map(|(column, width)| self.cell(*column, &row[*column], *width));
            let line = cells.collect::<Vec<_>>().join(GAP);
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

const GAP: &str = "  ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_end_without_blanks() {
        let mut table = Table::new(["ROTATION", "X"]);
        table.row(["a".to_owned(), "ä".to_owned()]);
        table.row(["a-longer-name".to_owned(), String::new()]);
        assert_eq!(table.to_string(), "ROTATION       X\na              ä\na-longer-name\n");
    }

    fn three() -> Table<3> {
        let mut table = Table::new(["ROTATION", "STATE", "ISSUED"]).spare(&[2, 1]);
        table.row(["corp".to_owned(), "fine".to_owned(), "today".to_owned()]);
        table
    }

    #[test]
    fn a_narrow_terminal_gets_fewer_columns() {
        let on = |width| three().on(Terminal { width: Some(width), ..Terminal::default() }).to_string();
        assert_eq!(on(23), "ROTATION  STATE  ISSUED\ncorp      fine   today\n");
        assert_eq!(on(22), "ROTATION  STATE\ncorp      fine\n");
        assert_eq!(on(3), "ROTATION\ncorp\n");
    }

    #[test]
    fn colours_take_no_room() {
        let painted = three().on(Terminal { colours: true, ..Terminal::default() }).to_string();
        assert_eq!(painted, "ROTATION  STATE  ISSUED\ncorp      \x1b[32mfine\x1b[0m   today\n");
    }
}
