//! Runs the graph in onnxruntime, whose shared library is loaded at run time.

use crate::schema::{Form, Label, ModelFile};
use crate::{Error, Inputs};
use ort::logging::LogLevel;
use ort::session::{Session, SessionInputValue};
use ort::value::Tensor;
use std::fmt;
use std::path::Path;

pub use ort::environment::Environment;

/// Loads the shared library of onnxruntime, with its telemetry off; once per process.
pub fn open_runtime(library: impl AsRef<Path>) -> Result<Environment, Error> {
    if std::env::var_os("ORT_DISABLE_TELEMETRY").is_none() {
        std::env::set_var("ORT_DISABLE_TELEMETRY", "1"); // read when the library is loaded
    }
    let library = library.as_ref();
    let cause = |error: &dyn fmt::Display| {
        Error::Runtime(format!("ORT_DYLIB_PATH must lead to onnxruntime 1.17 or later, however: {error} ({library:?})"))
    };
    let builder = ort::init_from(library).map_err(|error| cause(&error))?;
    builder.with_telemetry(false).build().map_err(|error| cause(&error))
}

/// A session, opened once and used for every call.
pub(crate) struct Engine(Session);

impl Engine {
    pub fn new(runtime: &Environment, bytes: &[u8]) -> Result<Engine, String> {
        let opened = || -> Result<Session, ort::Error> {
            Session::builder(runtime)?
                .with_intra_threads(1)?
                .with_inter_threads(1)?
                .with_log_level(LogLevel::Fatal)? // what goes wrong is returned, and need not be printed as well
                .with_config_entry("session.load_model_format", "ONNX")? // what was checked
                .commit_from_memory(bytes)
        };
        Ok(Engine(opened().map_err(|error| format!("onnxruntime cannot open it: {error}"))?))
    }

    /// Labels as text and probabilities, row after row.
    pub fn run(&mut self, file: &ModelFile, inputs: Inputs, n_rows: usize) -> Result<(Vec<String>, Vec<f32>), String> {
        let answers = || -> Result<_, ort::Error> {
            let mut feed: Vec<(&str, SessionInputValue)> = Vec::new();
            let (numbers, label) = match file.form {
                Form::Full => ("numeric", "label"),
                Form::Core => ("numbers", "class_index"),
            };
            if !inputs.numbers.is_empty() {
                let shape = [n_rows, inputs.numbers.len() / n_rows];
                feed.push((numbers, Tensor::from_array((shape, inputs.numbers))?.into()));
            }
            if !inputs.texts.is_empty() {
                let shape = [n_rows, inputs.texts.len() / n_rows];
                feed.push(("categorical", Tensor::from_string_array((shape, inputs.texts.as_slice()))?.into()));
            }
            let outputs = self.0.run(feed)?;
            let labels = match (file.form, &file.classes[0]) {
                (Form::Core, _) | (_, Label::Integer(_)) => {
                    outputs[label].try_extract_tensor::<i64>()?.1.iter().map(i64::to_string).collect()
                }
                _ => outputs[label].try_extract_strings()?.1,
            };
            Ok((labels, outputs["probabilities"].try_extract_tensor::<f32>()?.1.to_vec()))
        };
        answers().map_err(|error| format!("onnxruntime cannot run the model: {error}"))
    }
}
