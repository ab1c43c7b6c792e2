//! Compares what is read with what others read:
//!
//!     reading cells ../../tests/conformance/cells.json    # each text under each rule
//!     reading tables FILE                                 # CSV files, as JSON
//!     reading models FILE                                 # model files: "ok" or what is wrong
//!
//! FILE holds, for each file, the length of its options, these as JSON, its length and its bytes.

use mothernet::cells::Rule;
use mothernet::csv_reader::{decoded, CsvReader, Dialect};
use mothernet::dates::{date_part, Part};
use mothernet::json::Json;
use mothernet::schema::{read_model, read_rule};
use mothernet::Cell;
use serde_json::{json, Value};

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, path] = arguments.as_slice() else { return Err("usage: reading cells|tables|models FILE".to_string()) };
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    match what.as_str() {
        "cells" => compare_cells(&Json::object(&String::from_utf8_lossy(&bytes), "the table")?),
        "tables" => print_each(&bytes, |options, file| {
            let table = read_table(file, options["delimiter"].as_str(), options["encoding"].as_str());
            table.unwrap_or_else(|error| json!({ "error": error }))
        }),
        _ => print_each(&bytes, |_, file| read_model(file).map_or_else(Value::String, |_| json!("ok"))),
    }
}

fn compare_cells(table: &Json) -> Result<(), String> {
    let (mut compared, mut wrong) = (0, 0);
    let mut compare = |what: String, expected: &Json, found: &Json| {
        compared += 1;
        if format!("{expected}") != format!("{found}") && expected.number() != found.number() {
            wrong += 1;
            println!("{what} must be {expected}, however: {found}");
        }
    };
    for group in ["number", "date", "category"] {
        let rules = table.get(group, "the table")?.array("rules", group)?;
        let rules = rules.iter().map(|rule| read_rule(rule, group)).collect::<Result<Vec<_>, _>>()?;
        for entry in table.get(group, "the table")?.array("cells", group)? {
            let Json::Array(entry) = entry else { return Err("a cell must be an array".to_string()) };
            let [Json::Text(text), Json::Array(values)] = entry.as_slice() else { return Err("a cell".to_string()) };
            for (i, (rule, expected)) in rules.iter().zip(values).enumerate() {
                let cell = Cell::from(text.as_str());
                let found = match rule.as_ref().ok_or("a rule must not be ignored")? {
                    Rule::Number(rule) => rule.read(&cell).map(shown),
                    Rule::Date(rule) => rule.read(&cell).map(shown),
                    Rule::Category(rule) => Some(Json::Text(rule.read(&cell))),
                };
                compare(
                    format!("{text:?} under rule {i}"),
                    expected,
                    &found.unwrap_or(Json::Text("error".to_string())),
                );
            }
        }
    }
    let parts = [Part::Days, Part::Month, Part::Weekday, Part::Hour];
    for entry in table.get("date_parts", "the table")?.array("seconds", "date_parts")? {
        let Json::Array(entry) = entry else { return Err("seconds must be an array".to_string()) };
        let [seconds, Json::Array(values)] = entry.as_slice() else { return Err("seconds".to_string()) };
        for (part, expected) in parts.iter().zip(values) {
            let found = shown(date_part(seconds.number().unwrap_or(f64::NAN), *part));
            compare(format!("{part:?} of {seconds}"), expected, &found);
        }
    }
    println!("{} of {compared} values as in the table", compared - wrong);
    if wrong > 0 {
        Err("the reader differs from the table".to_string())
    } else {
        Ok(())
    }
}

fn shown(number: f64) -> Json {
    let word = if number.is_nan() {
        "nan"
    } else if number > 0.0 {
        "inf"
    } else {
        "-inf"
    };
    if number.is_finite() {
        Json::Float(number)
    } else {
        Json::Text(word.to_string())
    }
}

fn print_each(mut bytes: &[u8], read: impl Fn(&Value, &[u8]) -> Value) -> Result<(), String> {
    let mut take = || {
        let (size, rest) = bytes.split_at_checked(4)?;
        let (part, rest) = rest.split_at_checked(u32::from_le_bytes(size.try_into().ok()?) as usize)?;
        bytes = rest;
        Some(part)
    };
    while let (Some(options), Some(file)) = (take(), take()) {
        let options: Value = serde_json::from_slice(options).map_err(|error| error.to_string())?;
        println!("{}", read(&options, file));
    }
    Ok(())
}

fn read_table(bytes: &[u8], delimiter: Option<&str>, encoding: Option<&str>) -> Result<Value, String> {
    let dialect = Dialect::given(delimiter, encoding)?;
    let (text, encoding) = decoded(bytes, dialect)?;
    let reader = CsvReader::new(&text, dialect)?;
    let (names, dialect) = (reader.names.clone(), json!([reader.delimiter(), encoding]));
    let rows = reader.collect::<Result<Vec<_>, _>>()?;
    let lines: Vec<usize> = rows.iter().map(|row| row.line).collect();
    let rows: Vec<_> = rows.into_iter().map(|row| row.cells).collect();
    Ok(json!({ "names": names, "rows": rows, "lines": lines, "dialect": dialect }))
}
