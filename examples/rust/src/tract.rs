//! Runs the graph in tract, a library of Rust: files of the form "core" (section 11 of FORMAT.md).

use crate::schema::{Form, ModelFile};
use crate::Inputs;
use tract_onnx::prelude::*;

/// An optimised graph.
pub(crate) struct Engine(Arc<TypedRunnableModel>);

impl Engine {
    pub fn new(bytes: &[u8], file: &ModelFile) -> Result<Engine, String> {
        if file.form != Form::Core {
            return Err("tract must have the form core, however: full. Use `mothernet export --form core`".to_string());
        }
        let opened = || tract_onnx::onnx().model_for_read(&mut &*bytes)?.into_optimized()?.into_runnable();
        Ok(Engine(opened().map_err(|error| format!("tract cannot open it: {error:#}"))?))
    }

    /// Positions of classes as text and probabilities, row after row.
    pub fn run(&mut self, _: &ModelFile, inputs: Inputs, n_rows: usize) -> Result<(Vec<String>, Vec<f32>), String> {
        assert!(inputs.texts.is_empty(), "a core has no texts");
        let answers = || -> TractResult<_> {
            let shape = [n_rows, inputs.numbers.len() / n_rows];
            let outputs = self.0.run(tvec!(Tensor::from_shape(&shape, &inputs.numbers)?.into()))?;
            let classes = outputs[0].to_plain_array_view::<i64>()?;
            let probabilities = outputs[1].to_plain_array_view::<f32>()?;
            Ok((classes.iter().map(i64::to_string).collect(), probabilities.iter().copied().collect()))
        };
        answers().map_err(|error| format!("tract cannot run the model: {error:#}"))
    }
}
