//! What a file says about itself: columns, classes and self-test, checked as sections 5, 6 and 8 of FORMAT.md demand.

use crate::cells::{float_text, is_space, trimmed, CategoryRule, Cell, DateRule, NumberRule, Rule};
use crate::container::{check_container, read_metadata, sha256, Graph};
use crate::dates::{Part, Pattern};
use crate::json::Json;
use std::collections::{HashMap, HashSet};
use std::fmt;

/// A class, of the type that the training table had.
#[derive(Clone, Debug, PartialEq)]
pub enum Label {
    String(String),
    Integer(i64),
    Boolean(bool),
    Float(f64),
}

impl fmt::Display for Label {
    /// As the graph writes it: True and False, 0.5 and 2.0.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Label::String(text) => write!(f, "{text}"),
            Label::Integer(number) => write!(f, "{number}"),
            Label::Boolean(value) => write!(f, "{}", if *value { "True" } else { "False" }),
            Label::Float(number) => write!(f, "{}", float_text(*number)),
        }
    }
}

/// One column of an input of the graph; they stand there in the order of the schema.
pub struct Input {
    pub part: Part,
    pub offset: f64,
}

/// One raw column of the training table.
pub struct Column {
    pub name: String,
    pub rule: Option<Rule>, // none if it is ignored
    pub used: bool,
    pub missing_in_training: bool,
    pub inputs: Vec<Input>,
    pub categories: HashMap<String, usize>, // and their positions
}

/// Rows with the answers that the writer's reference gave.
pub struct SelfTest {
    pub rows: Vec<Vec<Cell<'static>>>, // cells in the order of the columns that are not ignored
    pub labels: Vec<usize>,
    pub probabilities: Vec<Vec<f64>>,
}

/// Which inputs and outputs the graph has: texts and labels, or (section 11 of FORMAT.md) numbers alone.
#[derive(Clone, Copy, PartialEq)]
pub enum Form {
    Full,
    Core,
}

/// A valid file.
pub struct ModelFile {
    pub form: Form,
    pub columns: Vec<Column>,
    pub classes: Vec<Label>,
    pub n_numeric: usize,
    pub n_categorical: usize,
    pub self_test: SelfTest,
}

/// Reads and checks the bytes of a file.
pub fn read_model(bytes: &[u8]) -> Result<ModelFile, String> {
    let metadata = read_metadata(bytes)?;
    match metadata.get("mothernet.format") {
        None => return Err("not an ONNX file of MotherNet: its metadata has no mothernet.format".to_string()),
        Some("2") => {}
        Some(format) => return Err(format!("the format must be 2, the only one known here, however: {format:?}")),
    }
    let form = match metadata.get("mothernet.form") {
        None | Some("full") => Form::Full,
        Some("core") => Form::Core,
        Some(form) => return Err(format!("mothernet.form must be full or core, however: {form:?}")),
    };
    let value = |key: &str| {
        let missing = || format!("the metadata must have the key {key}, however: it is missing");
        metadata.get(key).ok_or_else(missing)
    };
    let schema = value("mothernet.schema")?;
    if sha256(schema.as_bytes()) != value("mothernet.schema_hash")? {
        return Err("the schema must match its hash, however: it does not".to_string());
    }
    let graph = check_container(bytes)?;
    if metadata.graph_hash != value("mothernet.graph_hash")? {
        return Err("the graph must match its hash, however: it does not".to_string());
    }
    let (versions, self_test) = (value("mothernet.versions")?, value("mothernet.self_test")?);
    if let Json::Object(entries) = Json::object(versions, "versions")? {
        if let Some((name, _)) = entries.iter().find(|(_, value)| !matches!(value, Json::Text(_))) {
            return Err(format!("versions must be strings, however: that of {name:?} is not"));
        }
    }
    read_schema(form, &Json::object(schema, "the schema")?, &graph, &Json::object(self_test, "the self_test")?)
}

fn read_schema(form: Form, schema: &Json, graph: &Graph, self_test: &Json) -> Result<ModelFile, String> {
    if schema.integer("width", "the schema")? < 0 {
        return Err("width must be at least 0, however: it is less".to_string());
    }
    let label_type = schema.text("label_type", "the schema")?;
    let classes = read_classes(schema.array("classes", "the schema")?, label_type)?;
    let mut counts = [0, 0]; // of numeric and categorical inputs
    let mut columns: Vec<Column> = Vec::new();
    let mut names = HashSet::new();
    for entry in schema.array("columns", "the schema")? {
        let column = read_column(entry, &mut counts)?;
        if !names.insert(column.name.clone()) {
            return Err(format!("names of columns must be unique, however: {:?} comes twice", column.name));
        }
        columns.push(column);
    }
    let [n_numeric, n_categorical] = counts;
    if n_numeric + n_categorical == 0 {
        return Err("the schema must have a column that is not ignored, however: it has none".to_string());
    }
    let mut inputs = Vec::new();
    let matrices = match form {
        Form::Full => vec![("numeric", "float32", n_numeric), ("categorical", "string", n_categorical)],
        Form::Core => vec![("numbers", "float32", n_numeric + n_categorical)],
    };
    for (name, kind, count) in matrices.into_iter().filter(|(_, _, count)| *count > 0) {
        inputs.push(format!("{name} ({kind} [N, {count}])"));
    }
    let label = match form {
        Form::Core => "class_index (int64 [N])",
        Form::Full if label_type == "integer" => "label (int64 [N])",
        Form::Full => "label (string [N])",
    };
    let outputs = vec![label.to_string(), format!("probabilities (float32 [N, {}])", classes.len())];
    for (what, wanted, found) in [("inputs", &inputs, &graph.inputs), ("outputs", &outputs, &graph.outputs)] {
        if wanted != found {
            let (wanted, found) = (wanted.join(", "), found.join(", "));
            return Err(format!("{what} of the graph must be {wanted}, however: {found}"));
        }
    }
    let self_test = read_self_test(self_test, &columns, &classes)?;
    Ok(ModelFile { form, columns, classes, n_numeric, n_categorical, self_test })
}

fn read_classes(values: &[Json], label_type: &str) -> Result<Vec<Label>, String> {
    let mut classes = Vec::new();
    for value in values {
        let label = match (label_type, value) {
            ("string", Json::Text(text)) if !text.contains('\0') => Label::String(text.clone()),
            ("integer", Json::Integer(number)) => Label::Integer(*number),
            ("boolean", Json::Boolean(value)) => Label::Boolean(*value),
            ("float", value) if value.number().is_some() => Label::Float(value.number().unwrap_or(0.0)),
            ("string" | "integer" | "boolean" | "float", _) => {
                return Err(format!("a class must be of label_type {label_type} and 64 bits, however: {value}"));
            }
            _ => return Err(format!("label_type must be string, integer, boolean or float, however: {label_type:?}")),
        };
        let is_in_order = match (classes.last(), &label) {
            (Some(Label::String(a)), Label::String(b)) => a < b,
            (Some(Label::Integer(a)), Label::Integer(b)) => a < b,
            (Some(Label::Boolean(a)), Label::Boolean(b)) => a < b,
            (Some(Label::Float(a)), Label::Float(b)) => a < b,
            _ => true,
        };
        if !is_in_order {
            return Err(format!("classes must be strictly increasing, however: {label} comes too late"));
        }
        classes.push(label);
    }
    if classes.len() < 2 {
        return Err(format!("classes must be at least two, however: {}", classes.len()));
    }
    Ok(classes)
}

fn read_column(entry: &Json, counts: &mut [usize; 2]) -> Result<Column, String> {
    let name = entry.text("name", "a column")?;
    if name.contains('\0') {
        return Err(format!("the name of a column must have no NUL, however: {name:?}"));
    }
    let what = format!("column {name:?}");
    let rule = read_rule(entry, &what)?;
    let used = entry.boolean("used", &what)?;
    let missing_in_training = entry.boolean("missing_in_training", &what)?;
    let inputs = read_inputs(entry.array("inputs", &what)?, rule.as_ref(), counts, &what)?;
    let mut categories = HashMap::new();
    if let Some(Rule::Category(rule)) = &rule {
        for value in entry.array("categories", &what)? {
            match value {
                Json::Text(text) if !text.contains('\0') && rule.read_text(text) == *text => {
                    if categories.insert(text.clone(), categories.len()).is_some() {
                        return Err(format!("categories of {what} must be unique, however: {text:?} comes twice"));
                    }
                }
                _ => return Err(format!("categories of {what} must be as cells are read, however: {value}")),
            }
        }
        if used == categories.is_empty() || missing_in_training != categories.contains_key("") {
            return Err(format!(
                "used and missing_in_training of {what} must fit its categories, however: they do not"
            ));
        }
    } else if entry.get("categories", &what).is_ok() {
        return Err(format!("{what} is no category and must have no categories, however: it has"));
    } else if (missing_in_training && !used) || (used && rule.is_none()) {
        return Err(format!("used and missing_in_training of {what} must fit its type, however: they do not"));
    }
    Ok(Column { name: name.to_string(), rule, used, missing_in_training, inputs, categories })
}

/// How the cells of a column are read, of its entry in the schema; none if they are not.
pub fn read_rule(entry: &Json, what: &str) -> Result<Option<Rule>, String> {
    let kind = entry.text("type", what)?;
    if kind == "ignored" {
        return Ok(None);
    }
    if !["number", "boolean", "date", "category"].contains(&kind) {
        return Err(format!("type of {what} must be number, boolean, date, category or ignored, however: {kind:?}"));
    }
    let mut missing = HashSet::new();
    for marker in entry.array("missing", what)? {
        let is_right = matches!(marker, Json::Text(text) if trimmed(text) == text && !text.contains('\0'));
        if !is_right {
            return Err(format!("missing of {what} must be trimmed strings, however: {marker}"));
        }
        let Json::Text(text) = marker else { continue };
        if !missing.insert(text.clone()) {
            return Err(format!("missing of {what} must be unique, however: {text:?} comes twice"));
        }
    }
    Ok(Some(match kind {
        "date" => {
            let pattern = match entry.text("pattern", what)? {
                "ymd" => Pattern::Year,
                "dmy" => Pattern::Day,
                "mdy" => Pattern::Month,
                "time" => Pattern::Time,
                other => return Err(format!("pattern of {what} must be ymd, dmy, mdy or time, however: {other:?}")),
            };
            Rule::Date(DateRule { pattern, missing })
        }
        "category" => Rule::Category(CategoryRule { integers: entry.boolean("integers", what)?, missing }),
        "boolean" => Rule::Number(NumberRule {
            decimal: '.',
            group: None,
            affix: String::new(),
            percent: false,
            is_boolean: true,
            missing,
        }),
        _ => Rule::Number(read_number_rule(entry, what, missing)?),
    }))
}

fn read_number_rule(entry: &Json, what: &str, missing: HashSet<String>) -> Result<NumberRule, String> {
    let (decimal, group) = (entry.text("decimal", what)?, entry.text("group", what)?);
    if !matches!(decimal, "." | ",") {
        return Err(format!("decimal of {what} must be a point or a comma, however: {decimal:?}"));
    }
    if !matches!(group, "" | "," | "." | "'" | "\u{2019}" | " ") || group == decimal {
        return Err(format!("group of {what} must be a thousands separator unlike decimal, however: {group:?}"));
    }
    let affix = entry.text("affix", what)?;
    if affix.contains('\0') || affix.trim_matches(is_space) != affix {
        return Err(format!("affix of {what} must be trimmed, however: {affix:?}"));
    }
    Ok(NumberRule {
        decimal: if decimal == "," { ',' } else { '.' },
        group: group.chars().next(),
        affix: affix.to_string(),
        percent: entry.boolean("percent", what)?,
        is_boolean: false,
        missing,
    })
}

fn read_inputs(
    values: &[Json],
    rule: Option<&Rule>,
    counts: &mut [usize; 2],
    what: &str,
) -> Result<Vec<Input>, String> {
    let (matrix, most) = match rule {
        None => ("numeric", 0),
        Some(Rule::Category(_)) => ("categorical", 1),
        Some(Rule::Date(_)) => ("numeric", 4),
        Some(Rule::Number(_)) => ("numeric", 1),
    };
    if values.len() > most || values.len() < most.min(1) {
        return Err(format!("inputs of {what} must be as many as fit its type, however: {}", values.len()));
    }
    let count = &mut counts[usize::from(matrix == "categorical")];
    let mut inputs: Vec<Input> = Vec::new();
    for value in values {
        if value.text("input", what)? != matrix {
            return Err(format!("input of {what} must be {matrix}, however: it is not"));
        }
        let position = value.integer("position", what)?;
        if position != *count as i64 {
            return Err(format!("position of {what} must be {count}, however: {position}"));
        }
        *count += 1;
        let mut input = Input { part: Part::Value, offset: 0.0 };
        if matrix == "numeric" {
            let offset = value.get("offset", what)?;
            let not_finite = || format!("offset of {what} must be a finite number, however: {offset}");
            input.offset = offset.number().ok_or_else(not_finite)?;
            input.part = match (value.text("part", what)?, most) {
                ("value", 1) => Part::Value,
                ("days", 4) => Part::Days,
                ("month", 4) => Part::Month,
                ("weekday", 4) => Part::Weekday,
                ("hour", 4) => Part::Hour,
                (part, _) => return Err(format!("part of {what} must fit its type, however: {part:?}")),
            };
        }
        if inputs.iter().any(|other| other.part == input.part) {
            return Err(format!("parts of {what} must be unique, however: {:?} comes twice", input.part));
        }
        inputs.push(input);
    }
    Ok(inputs)
}

fn read_self_test(test: &Json, columns: &[Column], classes: &[Label]) -> Result<SelfTest, String> {
    let what = "the self_test";
    let (labels, answers) = (test.array("labels", what)?, test.array("probabilities", what)?);
    let n_rows = labels.len();
    if !(1..=8).contains(&n_rows) || answers.len() != n_rows {
        return Err(format!("{what} must have 1 to 8 rows, labels and probabilities, however: {n_rows} labels"));
    }
    let cells = test.get("columns", what)?;
    if let Json::Object(entries) = cells {
        let is_known = |name: &String| columns.iter().any(|column| column.name == *name);
        if let Some((name, _)) = entries.iter().find(|(name, _)| !is_known(name)) {
            return Err(format!("{what} must have the columns of the schema, however: it has {name:?}"));
        }
    }
    let mut rows: Vec<Vec<Cell>> = (0..n_rows).map(|_| Vec::new()).collect();
    for column in columns {
        let Some(rule) = &column.rule else { continue };
        let values = cells.array(&column.name, what)?;
        if values.len() != n_rows {
            return Err(format!("{what} must have {n_rows} cells in {:?}, however: {}", column.name, values.len()));
        }
        for (row, value) in rows.iter_mut().zip(values) {
            let is_number = || Some(Cell::Number(value.number()?));
            let cell = match (rule, value) {
                (_, Json::Null) => Some(Cell::Missing),
                (Rule::Number(rule), Json::Boolean(value)) if rule.is_boolean => Some(Cell::Boolean(*value)),
                (Rule::Number(_), Json::Text(text)) if text == "inf" || text == "-inf" => Some(text.clone().into()),
                (Rule::Number(_), _) => is_number(),
                (Rule::Category(_), Json::Text(text)) => Some(text.clone().into()),
                (Rule::Date(rule), Json::Text(text)) => {
                    Some(text.clone().into()).filter(|cell| rule.read(cell).is_some())
                }
                _ => None,
            };
            row.push(cell.ok_or_else(|| format!("{what} must hold cells of {:?}, however: {value}", column.name))?);
        }
    }
    let class_of = |label: &Json| {
        classes.iter().position(|class| match (class, label) {
            (Label::Integer(class), Json::Integer(label)) => class == label,
            (Label::Integer(_), _) => false,
            (class, Json::Text(label)) => class.to_string() == *label,
            _ => false,
        })
    };
    let labels: Option<Vec<usize>> = labels.iter().map(class_of).collect();
    let numbers = |row: &Json| match row {
        Json::Array(values) if values.len() == classes.len() => values.iter().map(Json::number).collect(),
        _ => None,
    };
    let probabilities: Option<Vec<Vec<f64>>> = answers.iter().map(numbers).collect();
    Ok(SelfTest {
        rows,
        labels: labels.ok_or_else(|| format!("labels of {what} must be classes, however: one is not"))?,
        probabilities: probabilities
            .ok_or_else(|| format!("probabilities of {what} must be finite, one per class, however: they are not"))?,
    })
}
