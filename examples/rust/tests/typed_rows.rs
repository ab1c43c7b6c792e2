//! Typed rows from code: the rows.json of every conformance case, as a service would pass them.

use mothernet::{open_runtime, Cell, Label, Model};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

fn cell(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::Missing,
        Value::Bool(value) => Cell::Boolean(*value),
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Cell::Integer(integer),
            None => Cell::Number(number.as_f64().unwrap_or(f64::NAN)),
        },
        _ => panic!("cells of rows.json must be scalars, however: {value}"),
    }
}

fn is_label(label: &Label, expected: &Value) -> bool {
    match label {
        Label::String(text) => expected.as_str() == Some(text),
        Label::Integer(number) => expected.as_i64() == Some(*number),
        Label::Boolean(value) => expected.as_bool() == Some(*value),
        Label::Float(number) => expected.as_f64() == Some(*number),
    }
}

#[test]
fn typed_rows_give_the_expected_answers() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance");
    let read = |path: &str| -> Value { serde_json::from_slice(&std::fs::read(cases.join(path)).unwrap()).unwrap() };
    let library =
        std::env::var("ORT_DYLIB_PATH").expect("ORT_DYLIB_PATH must lead to onnxruntime, however: it is not set");
    let runtime = open_runtime(library).unwrap();
    let mut n_compared = 0;
    for case in read("manifest.json")["cases"].as_array().unwrap() {
        let Some(rows) = case["rows_json"].as_str() else { continue };
        let mut model = Model::load(&runtime, cases.join(case["model"].as_str().unwrap())).unwrap();
        let rows = read(rows);
        let rows: Vec<HashMap<&str, Cell>> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), cell(value))).collect())
            .collect();
        let answers = model.predict(&rows);
        let Some(expected) = case["expected"].as_str() else {
            assert!(answers.is_err(), "{}", case["name"]);
            continue;
        };
        let (answers, expected) = (answers.unwrap(), read(expected));
        assert_eq!(answers.len(), expected["labels"].as_array().unwrap().len());
        for (i, answer) in answers.iter().enumerate() {
            assert!(is_label(&answer.label, &expected["labels"][i]), "{}, row {i}: {}", case["name"], answer.label);
            for (k, probability) in answer.probabilities.iter().enumerate() {
                let difference = f64::from(*probability) - expected["probabilities"][i][k].as_f64().unwrap();
                assert!(difference.abs() <= 1e-5, "{}, row {i}", case["name"]);
            }
            n_compared += 1;
        }
    }
    assert!(n_compared > 300, "{n_compared}");
}
