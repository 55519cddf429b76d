//! Columns that line up.

/// Lines of cells, padded to the widest of their column; the last column is not. Numbers are set to the right.
pub(crate) fn lines(rows: &[Vec<String>], right: &[usize]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    rows.iter()
        .map(|row| {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let padding = " ".repeat(widths[column] - cell.chars().count());
                let last = column + 1 == row.len();
                match (right.contains(&column), last) {
                    (true, _) => line += &(padding + cell),
                    (false, true) => line += cell,
                    (false, false) => line += &(cell.clone() + &padding),
                }
                if !last {
                    line += "  ";
                }
            }
            line
        })
        .collect()
}
