//! Predicts the rows of a CSV file:
//!
//!     predict model.onnx rows.csv > predicted.csv
//!     predict model.onnx rows.csv --delimiter semicolon --encoding windows-1252 > predicted.csv
//!     predict core.onnx rows.csv --engine tract > predicted.csv
//!
//! The library of onnxruntime is that of the environment variable ORT_DYLIB_PATH, else libonnxruntime.so where the
//! loader finds it.

use mothernet::csv_reader::{decoded, CsvReader, Dialect};
use mothernet::{Cell, Error, Model};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

const USAGE: &str = "usage: predict MODEL.onnx ROWS.csv [--delimiter D] [--encoding NAME] [--engine onnxruntime|tract]";
const ROWS_AT_ONCE: usize = 10_000;

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok((output, complaint)) => {
            if std::io::stdout().write_all(output.as_bytes()).is_err() {
                return ExitCode::FAILURE;
            }
            if let Some(complaint) = complaint {
                say(&format!("warning: {complaint}"));
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::from(2)
        }
    }
}

/// The predictions as CSV, and what looks odd about the rows.
fn run(mut arguments: impl Iterator<Item = String>) -> Result<(String, Option<String>), Error> {
    let (mut paths, mut delimiter, mut encoding, mut engine) = (Vec::new(), None, None, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--delimiter" => delimiter = arguments.next(),
            "--encoding" => encoding = arguments.next(),
            "--engine" => engine = arguments.next(),
            _ => paths.push(argument),
        }
    }
    let [model_path, rows_path] = paths.as_slice() else { return Err(Error::Rows(USAGE.to_string())) };
    let fail = |error: String| Error::Rows(format!("{rows_path}: {error}"));
    let dialect = Dialect::given(delimiter.as_deref(), encoding.as_deref()).map_err(Error::Rows)?;

    let mut model = load(engine.as_deref().unwrap_or("onnxruntime"), model_path)?;
    let bytes = std::fs::read(rows_path).map_err(|error| fail(error.to_string()))?;
    let (text, _) = decoded(&bytes, dialect).map_err(fail)?;
    let mut reader = CsvReader::new(&text, dialect).map_err(fail)?;
    let names: Vec<&str> = reader.names.iter().map(String::as_str).collect();
    let places = model.places(&names).map_err(|error| fail(error.to_string()))?;

    let mut output = String::from("label");
    for class in model.classes() {
        let _ = write!(output, ",{}", csv_cell(&format!("probability_{class}")));
    }
    output.push('\n');
    let mut coverage = model.coverage();
    loop {
        let (mut rows, mut lines) = (Vec::new(), Vec::new());
        for row in reader.by_ref().take(ROWS_AT_ONCE) {
            let row = row.map_err(fail)?;
            rows.push(places.iter().map(|place| Cell::Text(row.cells[*place].clone())).collect());
            lines.push(row.line);
        }
        if rows.is_empty() {
            return Ok((output, coverage.complaint().map(|complaint| format!("{rows_path}: {complaint}"))));
        }
        let place = |i: usize| format!("{rows_path}: line {}", lines[i]);
        for answer in model.predict_cells(&rows, &place, Some(&mut coverage))? {
            output.push_str(&csv_cell(&answer.label.to_string()));
            for probability in answer.probabilities {
                let _ = write!(output, ",{probability}");
            }
            output.push('\n');
        }
    }
}

fn load(engine: &str, path: &str) -> Result<Model, Error> {
    match engine {
        #[cfg(feature = "onnxruntime")]
        "onnxruntime" => {
            let library = std::env::var("ORT_DYLIB_PATH").unwrap_or_else(|_| "libonnxruntime.so".to_string());
            Model::load(&mothernet::open_runtime(library)?, path)
        }
        #[cfg(feature = "tract")]
        "tract" => Model::load_in_tract(path),
        _ => Err(Error::Runtime(format!(
            "the engine must be one that this was built with, however: {engine:?} ({path})"
        ))),
    }
}

fn csv_cell(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_string()
    }
}

/// One line on stderr; control characters cannot move a cursor or begin another line.
fn say(message: &str) {
    let mut line = String::new();
    for c in message.chars() {
        let is_odd = c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        let _ = if is_odd { write!(line, "\\u{:04x}", c as u32) } else { write!(line, "{c}") };
    }
    eprintln!("predict: {line}");
}
