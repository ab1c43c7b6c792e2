//! Predicts with a MotherNet .onnx file: raw rows in, typed labels and probabilities out.
//!
//! ```no_run
//! use mothernet::{open_runtime, Cell, Model};
//!
//! let runtime = open_runtime("libonnxruntime.so")?; // once per process
//! let mut model = Model::load(&runtime, "parcels.onnx")?;
//! let row = [("depot", "Liège".into()), ("weight_kg", 2.5.into()), ("pieces", Cell::Missing)];
//! for answer in model.predict(&[row.into()])? {
//!     println!("{} {:?}", answer.label, answer.probabilities);
//! }
//! # Ok::<(), mothernet::Error>(())
//! ```

pub mod cells;
pub mod container;
mod coverage;
pub mod csv_reader;
pub mod dates;
pub mod json;
#[cfg(feature = "onnxruntime")]
mod onnxruntime;
pub mod schema;
#[cfg(feature = "tract")]
mod tract;

use cells::{trimmed, Rule};
use coverage::Coverage;
use schema::{Column, Form, ModelFile};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;

pub use cells::Cell;
#[cfg(feature = "onnxruntime")]
pub use onnxruntime::{open_runtime, Environment};
pub use schema::Label;

const ROWS_PER_CALL: usize = 1000;
const TOLERANCE: f64 = 1e-5; // of a probability
const CLEAR_GAP: f64 = 1e-3; // between the two largest probabilities of a row whose label no rounding changes

/// Why a model cannot be loaded, or rows cannot be predicted.
#[derive(Debug, Clone, PartialEq)]
pub enum Error {
    Runtime(String),
    Model(String),
    Rows(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Error::Runtime(message) | Error::Model(message) | Error::Rows(message) => write!(f, "{message}"),
        }
    }
}

impl std::error::Error for Error {}

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub label: Label,
    pub probabilities: Vec<f32>, // in the order of the classes
}

/// A loaded model; a session is opened once and used for every call.
pub struct Model {
    pub ignore_extra: bool, // rows may have columns that the model does not know
    file: ModelFile,
    engine: Engine,
    class_of: HashMap<String, usize>,
}

/// What runs the graph.
enum Engine {
    #[cfg(feature = "onnxruntime")]
    Onnxruntime(onnxruntime::Engine),
    #[cfg(feature = "tract")]
    Tract(tract::Engine),
}

impl Model {
    /// Opens a file in onnxruntime, checks it against its format, and runs its self-test.
    #[cfg(feature = "onnxruntime")]
    pub fn load(runtime: &Environment, path: impl AsRef<Path>) -> Result<Model, Error> {
        Model::open(path.as_ref(), |bytes, _| Ok(Engine::Onnxruntime(onnxruntime::Engine::new(runtime, bytes)?)))
    }

    /// The same in tract, a library of Rust, for files of the form "core".
    #[cfg(feature = "tract")]
    pub fn load_in_tract(path: impl AsRef<Path>) -> Result<Model, Error> {
        Model::open(path.as_ref(), |bytes, file| Ok(Engine::Tract(tract::Engine::new(bytes, file)?)))
    }

    fn open(path: &Path, engine: impl FnOnce(&[u8], &ModelFile) -> Result<Engine, String>) -> Result<Model, Error> {
        let fail = |error: String| Error::Model(format!("{}: {error}", path.display()));
        let bytes = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
        let file = schema::read_model(&bytes).map_err(fail)?;
        let engine = engine(&bytes, &file).map_err(fail)?;
        let class_of = file.classes.iter().enumerate().map(|(i, class)| (class.to_string(), i)).collect();
        let mut model = Model { ignore_extra: false, file, engine, class_of };
        model.self_test().map_err(fail)?;
        Ok(model)
    }

    /// Columns in the order of the training table.
    pub fn columns(&self) -> &[Column] {
        &self.file.columns
    }

    /// Classes in the order of the probabilities.
    pub fn classes(&self) -> &[Label] {
        &self.file.classes
    }

    /// An empty count of cells that the model knows, for rows that come in parts.
    pub fn coverage(&self) -> Coverage {
        Coverage::new(&self.file.columns)
    }

    /// Predicts rows given as cells by the names of their columns; ignored columns may be left out.
    pub fn predict(&mut self, rows: &[HashMap<&str, Cell>]) -> Result<Vec<Answer>, Error> {
        let read = self.file.columns.iter().filter(|column| column.rule.is_some());
        let mut cells = Vec::with_capacity(rows.len());
        let n_read = read.clone().count();
        for (i, row) in rows.iter().enumerate() {
            if row.len() != n_read || !read.clone().all(|column| row.contains_key(column.name.as_str())) {
                let names: Vec<&str> = row.keys().copied().collect();
                self.places(&names).map_err(|error| Error::Rows(format!("row {i}: {error}")))?;
            }
            let cell = |column: &Column| row.get(column.name.as_str()).cloned().unwrap_or(Cell::Missing);
            cells.push(read.clone().map(cell).collect());
        }
        self.predict_cells(&cells, &|i| format!("row {i}"), None)
    }

    /// Where the columns that are read stand among `names`; an error unless these are the model's, in any order.
    pub fn places(&self, names: &[&str]) -> Result<Vec<usize>, Error> {
        let positions: HashMap<&str, usize> = names.iter().enumerate().map(|(i, name)| (trimmed(name), i)).collect();
        let columns = &self.file.columns;
        let known: HashSet<&str> = columns.iter().map(|column| trimmed(&column.name)).collect();
        let needed: Vec<&str> = columns.iter().filter(|c| c.rule.is_some()).map(|c| trimmed(&c.name)).collect();
        let mut problems = Vec::new();
        let missing: Vec<&str> = needed.iter().filter(|name| !positions.contains_key(*name)).copied().collect();
        let is_unknown = |name: &str| !known.contains(trimmed(name));
        let unknown = names.iter().filter(|name| is_unknown(name) && !self.ignore_extra).copied().collect::<Vec<_>>();
        let repeated = names
            .iter()
            .enumerate()
            .filter(|(i, name)| positions[trimmed(name)] != *i && !(is_unknown(name) && self.ignore_extra));
        let repeated: Vec<&str> = repeated.map(|(_, name)| *name).collect();
        for (word, wrong) in [("missing", &missing), ("unknown", &unknown), ("repeated", &repeated)] {
            if !wrong.is_empty() {
                problems.push(format!("{word}: {}", listed(wrong)));
            }
        }
        if !problems.is_empty() {
            let (count, names) = (needed.len(), listed(&needed));
            let problems = problems.join("; ");
            return Err(Error::Rows(format!("the rows must have the {count} columns {names}, however: {problems}")));
        }
        Ok(needed.iter().map(|name| positions[name]).collect())
    }

    /// Predicts rows of cells in the order of the columns that are read; `place` names a row in errors.
    pub fn predict_cells(
        &mut self,
        rows: &[Vec<Cell>],
        place: &dyn Fn(usize) -> String,
        mut coverage: Option<&mut Coverage>,
    ) -> Result<Vec<Answer>, Error> {
        let mut answers = Vec::with_capacity(rows.len());
        for (k, batch) in rows.chunks(ROWS_PER_CALL).enumerate() {
            let inputs = self.inputs(batch, &|i| place(k * ROWS_PER_CALL + i), coverage.as_deref_mut())?;
            answers.extend(self.run(inputs, batch.len()).map_err(Error::Model)?);
        }
        Ok(answers)
    }

    /// The matrices that the graph reads, in its order.
    fn inputs(
        &self,
        rows: &[Vec<Cell>],
        place: &dyn Fn(usize) -> String,
        mut coverage: Option<&mut Coverage>,
    ) -> Result<Inputs, Error> {
        let ModelFile { form, columns, n_numeric, n_categorical, .. } = &self.file;
        let (n_numbers, n_texts) = match form {
            Form::Full => (*n_numeric, *n_categorical),
            Form::Core => (n_numeric + n_categorical, 0),
        };
        let mut numbers = Vec::with_capacity(rows.len() * n_numbers); // inputs have the order of the columns
        let mut texts = Vec::with_capacity(rows.len() * n_texts);
        for (i, row) in rows.iter().enumerate() {
            let read = columns.iter().filter_map(|column| Some((column, column.rule.as_ref()?)));
            for (c, ((column, rule), cell)) in read.zip(row).enumerate() {
                let (value, what) = match rule {
                    Rule::Category(rule) => {
                        let text = rule.read(cell);
                        if text.contains('\0') {
                            return Err(refusal(column, "texts without the character U+0000", cell, &place(i)));
                        }
                        if let Some(coverage) = coverage.as_deref_mut() {
                            coverage.add_text(c, column, &text);
                        }
                        match form {
                            Form::Full => texts.push(text),
                            Form::Core => numbers.push(code_of(column, &text)),
                        }
                        continue;
                    }
                    Rule::Number(rule) if rule.is_boolean => (rule.read(cell), "true or false"),
                    Rule::Number(rule) => (rule.read(cell), "numbers"),
                    Rule::Date(rule) => (rule.read(cell), "dates or times"),
                };
                let value = value.ok_or_else(|| refusal(column, what, cell, &place(i)))?;
                if let Some(coverage) = coverage.as_deref_mut() {
                    coverage.add_number(c, value);
                }
                for input in &column.inputs {
                    numbers.push((dates::date_part(value, input.part) - input.offset) as f32);
                }
            }
        }
        if let Some(coverage) = coverage {
            coverage.n_rows += rows.len();
        }
        Ok(Inputs { numbers, texts })
    }

    fn run(&mut self, inputs: Inputs, n_rows: usize) -> Result<Vec<Answer>, String> {
        let ModelFile { classes, .. } = &self.file;
        let (labels, probabilities) = match &mut self.engine {
            #[cfg(feature = "onnxruntime")]
            Engine::Onnxruntime(engine) => engine.run(&self.file, inputs, n_rows),
            #[cfg(feature = "tract")]
            Engine::Tract(engine) => engine.run(&self.file, inputs, n_rows),
        }?;
        if labels.len() != n_rows || probabilities.len() != n_rows * classes.len() {
            return Err(format!("the model must give {n_rows} answers, however: {}", labels.len()));
        }
        let answer = |(label, row): (&String, &[f32])| {
            let unknown = || format!("labels must be classes of the model, however: {label:?}");
            let number = match self.file.form {
                Form::Full => self.class_of.get(label).copied(),
                Form::Core => label.parse().ok(), // the position of a class
            };
            let label = number.and_then(|number| classes.get(number)).ok_or_else(unknown)?.clone();
            Ok(Answer { label, probabilities: row.to_vec() })
        };
        labels.iter().zip(probabilities.chunks(classes.len())).map(answer).collect()
    }

    /// Predicts the rows in the file whose answers it holds.
    fn self_test(&mut self) -> Result<(), String> {
        let rows = std::mem::take(&mut self.file.self_test.rows);
        let answers = self.predict_cells(&rows, &|i| format!("self-test, row {i}"), None).map_err(|e| e.to_string())?;
        let test = &self.file.self_test;
        for (i, (answer, expected)) in answers.iter().zip(&test.probabilities).enumerate() {
            let found = &answer.probabilities;
            let sum: f32 = found.iter().sum();
            let difference = found.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
            let are_probabilities = found.iter().all(|p| *p >= 0.0) && (sum - 1.0).abs() <= 1e-3;
            if !are_probabilities || difference > TOLERANCE {
                return Err(format!("the self-test must give the answers of the file, however: row {i} does not"));
            }
            let label = self.class_of[&answer.label.to_string()];
            let mut ordered = expected.clone();
            ordered.sort_by(|a, b| b.total_cmp(a));
            let near = |class: usize| expected[class] >= ordered[0] - 2.0 * TOLERANCE;
            let is_tie = ordered[0] - ordered[1] <= CLEAR_GAP && near(label) && near(test.labels[i]);
            if label != test.labels[i] && !is_tie {
                return Err(format!("the self-test must give the labels of the file, however: row {i} does not"));
            }
        }
        Ok(())
    }
}

/// What the graph reads, row after row.
struct Inputs {
    numbers: Vec<f32>, // `numeric`, or `numbers` of the form core
    texts: Vec<String>,
}

/// The position of a category, NaN if it is missing, -1 if it is another text.
fn code_of(column: &Column, text: &str) -> f32 {
    match column.categories.get(text) {
        _ if text.is_empty() => f32::NAN,
        Some(position) => *position as f32,
        None => -1.0,
    }
}

fn refusal(column: &Column, what: &str, cell: &Cell, place: &str) -> Error {
    let shown = match cell {
        Cell::Text(text) => format!("{:?}", text.chars().take(60).collect::<String>()),
        other => format!("{other:?}"),
    };
    Error::Rows(format!("{place}: column {:?} must hold {what}, however: {shown}", column.name))
}

fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(12).map(|name| format!("{name:?}")).collect();
    shown.join(", ") + if names.len() > 12 { ", ..." } else { "" }
}
