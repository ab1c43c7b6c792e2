//! Predicts the rows of a CSV file:
//!
//!     predict model.onnx rows.csv > predicted.csv
//!     predict model.onnx rows.csv --delimiter semicolon --encoding windows-1252 > predicted.csv
//!     predict core.onnx rows.csv --engine tract > predicted.csv
//!     predict model.onnx rows.csv --ignore-extra > predicted.csv
//!
//! The library of onnxruntime is that of the environment variable ORT_DYLIB_PATH, else libonnxruntime.so where the
//! loader finds it.

use mothernet::csv_reader::{decoded, CsvReader, Dialect};
use mothernet::{Cell, Error, Model};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: predict MODEL.onnx ROWS.csv [--delimiter D] [--encoding NAME] [--ignore-extra] \
                     [--engine onnxruntime|tract]";
const ROWS_AT_ONCE: usize = 10_000;

fn main() -> ExitCode {
    match run(std::env::args_os().skip(1)) {
        Ok((output, complaint)) => {
            match std::io::stdout().write_all(output.as_bytes()) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return ExitCode::FAILURE,
                Err(error) => {
                    say(&format!("error: the predictions must be written, however: {error}"));
                    return ExitCode::from(2);
                }
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
fn run(mut arguments: impl Iterator<Item = OsString>) -> Result<(String, Option<String>), Error> {
    let usage = || Error::Rows(USAGE.to_string());
    let (mut paths, mut delimiter, mut encoding, mut engine, mut ignore_extra) = (Vec::new(), None, None, None, false);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().and_then(|value| value.into_string().ok()).ok_or_else(usage).map(Some);
        match argument.to_str() {
            Some("--delimiter") => delimiter = value()?,
            Some("--encoding") => encoding = value()?,
            Some("--engine") => engine = value()?,
            Some("--ignore-extra") => ignore_extra = true,
            _ => paths.push(argument),
        }
    }
    let [model_path, rows_path] = paths.as_slice() else { return Err(usage()) };
    let rows_name = rows_path.display();
    let fail = |error: String| Error::Rows(format!("{rows_name}: {error}"));
    let dialect = Dialect::given(delimiter.as_deref(), encoding.as_deref()).map_err(Error::Rows)?;

    let mut model = load(engine.as_deref().unwrap_or("onnxruntime"), model_path.as_ref())?;
    model.ignore_extra = ignore_extra;
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
            return Ok((output, coverage.complaint().map(|complaint| format!("{rows_name}: {complaint}"))));
        }
        let place = |i: usize| format!("{rows_name}: line {}", lines[i]);
        for answer in model.predict_cells(&rows, &place, Some(&mut coverage))? {
            output.push_str(&csv_cell(&answer.label.to_string()));
            for probability in answer.probabilities {
                let _ = write!(output, ",{probability}");
            }
            output.push('\n');
        }
    }
}

fn load(engine: &str, path: &Path) -> Result<Model, Error> {
    match engine {
        #[cfg(feature = "onnxruntime")]
        "onnxruntime" => {
            let library = std::env::var("ORT_DYLIB_PATH").unwrap_or_else(|_| "libonnxruntime.so".to_string());
            Model::load(&mothernet::open_runtime(library)?, path)
        }
        #[cfg(feature = "tract")]
        "tract" => Model::load_in_tract(path),
        _ => Err(Error::Runtime(format!(
            "the engine must be one that this was built with, however: {engine:?} ({})",
            path.display()
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
