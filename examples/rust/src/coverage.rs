//! Which columns look as if they were written in another way than those of training.

use crate::schema::Column;

const MIN_ROWS: usize = 5; // fewer may be odd by chance

/// Counts of cells, over as many batches of rows as are added.
pub struct Coverage {
    pub(crate) n_rows: usize,
    columns: Vec<Count>, // those that are read
}

struct Count {
    name: String,
    is_used: bool,
    may_miss: bool,
    has_value: bool,
    n_unseen: usize,
    examples: Vec<String>,
}

impl Coverage {
    pub(crate) fn new(columns: &[Column]) -> Coverage {
        let count = |column: &Column| Count {
            name: column.name.clone(),
            is_used: column.used,
            may_miss: column.missing_in_training,
            has_value: false,
            n_unseen: 0,
            examples: Vec::new(),
        };
        Coverage { n_rows: 0, columns: columns.iter().filter(|column| column.rule.is_some()).map(count).collect() }
    }

    pub(crate) fn add_number(&mut self, c: usize, value: f64) {
        self.columns[c].has_value |= !value.is_nan();
    }

    pub(crate) fn add_text(&mut self, c: usize, column: &Column, text: &str) {
        if text.is_empty() {
            return;
        }
        let count = &mut self.columns[c];
        count.has_value = true;
        if !column.categories.contains_key(text) {
            count.n_unseen += 1;
            if count.examples.len() < 3 && !count.examples.iter().any(|example| example == text) {
                count.examples.push(text.to_string());
            }
        }
    }

    /// What looks wrong, for a person; none if nothing does.
    pub fn complaint(&self) -> Option<String> {
        let mut complaints = Vec::new();
        for count in self.columns.iter().filter(|count| count.is_used) {
            if !count.may_miss && !count.has_value {
                complaints.push(format!("in column {:?} all cells are missing, as none was in training", count.name));
            } else if 2 * count.n_unseen > self.n_rows {
                complaints.push(format!(
                    "{} of {} cells of column {:?} are categories that the model does not know, such as {}",
                    count.n_unseen,
                    self.n_rows,
                    count.name,
                    count.examples.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ")
                ));
            }
        }
        complaints.truncate(5);
        (self.n_rows >= MIN_ROWS && !complaints.is_empty())
            .then(|| format!("{}. Check that the rows are written as in training.", complaints.join("; ")))
    }
}
