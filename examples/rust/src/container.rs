//! The ONNX container of a file, read and checked before onnxruntime sees it: section 1 of FORMAT.md.
//!
//! An .onnx file is a protobuf message: numbered fields, some of which hold messages again. The table below lists those
//! that a file may have; time and memory grow with the size of the file, whatever it holds.

use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::ops::Range;

const AI_ONNX: &str = "
Abs Add And ArgMax ArgMin Cast Ceil Clip Concat Constant CumSum Div Elu Equal Erf Exp Expand Flatten Floor Gather
GatherElements GatherND Gelu Gemm Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Less
LessOrEqual Log LogSoftmax MatMul Max Mean Min Mod Mul Neg Not OneHot Or Pow Reciprocal ReduceMax ReduceMean ReduceMin
ReduceSum Relu Reshape Round Selu Shape Sigmoid Sign Size Slice Softmax Softplus Softsign Split Sqrt Squeeze Sub Sum
Tanh TopK Transpose Unsqueeze Where Xor";
const AI_ONNX_ML: &str = "
ArrayFeatureExtractor Binarizer FeatureVectorizer Imputer LabelEncoder LinearClassifier LinearRegressor Normalizer
OneHotEncoder Scaler";
const IR_VERSIONS: Range<u64> = 7..15;
const ELEMENT_TYPES: [&str; 14] =
    ["", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "", "", "uint32", "uint64"];

/// Fields of a message: number, name, and int, text or the message that it holds; "*" if it may come more than once;
/// "-" with wire types if it is passed over; "!" and what the file must not have if it is refused.
fn fields(message: &str) -> &'static str {
    match message {
        "ModelProto" => {
            "1 ir_version int;2 producer_name -2;3 producer_version -2;4 domain -2;5 model_version -0;6 doc_string -2;\
             7 graph GraphProto;8 opset_import OperatorSetIdProto*;14 metadata_props StringStringEntryProto*;\
             20 training_info !training information;25 functions !model-local functions;\
             26 configuration !device configurations"
        }
        "OperatorSetIdProto" => "1 domain text;2 version int",
        "StringStringEntryProto" => "1 key text;2 value text",
        "GraphProto" => {
            "1 node NodeProto*;2 name text;5 initializer TensorProto*;10 doc_string -2;11 input ValueInfoProto*;\
             12 output ValueInfoProto*;13 value_info ValueInfoProto*;\
             14 quantization_annotation !quantization annotations;15 sparse_initializer !sparse tensors;\
             16 metadata_props -2"
        }
        "NodeProto" => {
            "1 input text*;2 output text*;3 name text;4 op_type text;5 attribute AttributeProto*;6 doc_string -2;\
             7 domain text;8 overload text;9 metadata_props -2;10 device_configurations !device configurations"
        }
        "AttributeProto" => {
            "1 name text;2 f -5;3 i int;4 s text;5 t TensorProto;6 g !subgraphs;7 floats -25;8 ints -02;\
             9 strings text*;10 tensors !lists of tensors;11 graphs !subgraphs;13 doc_string -2;14 tp !types;\
             15 type_protos !types;20 type int;21 ref_attr_name !references to attributes of a function;\
             22 sparse_tensor !sparse tensors;23 sparse_tensors !sparse tensors"
        }
        "TensorProto" => {
            "1 dims -02;2 data_type int;3 segment !tensors in segments;4 float_data -25;5 int32_data -02;\
             6 string_data text*;7 int64_data -02;8 name text;9 raw_data -2;10 double_data !float64 tensors;\
             11 uint64_data -02;12 doc_string -2;13 external_data !external data;14 data_location int;\
             16 metadata_props -2"
        }
        "ValueInfoProto" => "1 name text;2 type TypeProto;3 doc_string -2;4 metadata_props -2",
        "TypeProto" => {
            "1 tensor_type Tensor;4 sequence_type !values that are no tensors;5 map_type !values that are no tensors;\
             6 denotation -2;7 opaque_type !values that are no tensors;\
             8 sparse_tensor_type !values that are no tensors;\
             9 optional_type !values that are no tensors"
        }
        "Tensor" => "1 elem_type int;2 shape TensorShapeProto",
        "TensorShapeProto" => "1 dim Dimension*",
        _ => "1 dim_value int;2 dim_param text;3 denotation -2", // Dimension
    }
}

/// Metadata of a file, whatever else is in it, and the SHA-256 of its graph.
pub struct Metadata {
    entries: HashMap<String, String>,
    pub graph_hash: String,
}

impl Metadata {
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.get(key).map(String::as_str)
    }
}

/// Inputs and outputs of the graph in order, such as `numeric (float32 [N, 3])`.
pub struct Graph {
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
}

/// Reads the metadata; an error if the bytes are no ONNX file, or cut off.
pub fn read_metadata(bytes: &[u8]) -> Result<Metadata, String> {
    let (mut entries, mut graphs) = (HashMap::new(), Vec::new());
    for field in (Fields { bytes, at: 0 }) {
        match field {
            Ok((7, 2, _, range)) => graphs.push(sha256(&bytes[range])),
            Ok((14, 2, _, range)) => {
                let entry = parse("StringStringEntryProto", &bytes[range])?;
                let key = entry.text("key").to_string();
                if entries.insert(key.clone(), entry.text("value").to_string()).is_some() {
                    return Err(format!("keys of the metadata must be unique, however: {key:?} comes twice"));
                }
            }
            Ok(_) => {}
            Err(_) if bytes[0] == 8 => return Err(format!("cut off or damaged ({} bytes)", bytes.len())),
            Err(_) => return Err("not an ONNX file".to_string()),
        }
    }
    match graphs.as_slice() {
        [graph_hash] => Ok(Metadata { entries, graph_hash: graph_hash.clone() }),
        _ => Err("not an ONNX file, or one that is cut off: it must have one graph".to_string()),
    }
}

/// Reads the graph's inputs and outputs, and checks all else that the container must be.
pub fn check_container(bytes: &[u8]) -> Result<Graph, String> {
    let model = parse("ModelProto", bytes)?;
    let ir_version = model.int("ir_version").unwrap_or(0);
    if !IR_VERSIONS.contains(&ir_version) {
        return Err(format!("the IR version must be 7 to 14, however: {ir_version}"));
    }
    let graph = model.all("graph").next().ok_or("not an ONNX file: it has no graph")?;
    check_nodes(graph, &imported_domains(&model)?)?;
    for tensor in graph.all("initializer") {
        check_tensor(tensor)?;
    }
    let described = |name| graph.all(name).map(value_text).collect::<Result<Vec<_>, _>>();
    described("value_info")?;
    Ok(Graph { inputs: described("input")?, outputs: described("output")? })
}

/// SHA-256 in lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn imported_domains(model: &Message) -> Result<Vec<String>, String> {
    let mut domains = Vec::new();
    for entry in model.all("opset_import") {
        let (domain, version) = (domain_of(entry), entry.int("version").unwrap_or(0));
        let versions = match domain {
            "ai.onnx" => 13..29,
            "ai.onnx.ml" => 2..6,
            _ => return Err(format!("operators must be of ai.onnx or ai.onnx.ml, however: {domain:?}")),
        };
        if !versions.contains(&version) || domains.iter().any(|other| other == domain) {
            return Err(format!(
                "operator set {domain} must have a version that FORMAT.md lists, once, however: {version}"
            ));
        }
        domains.push(domain.to_string());
    }
    Ok(domains)
}

fn domain_of<'a>(message: &'a Message) -> &'a str {
    match message.text("domain") {
        "" => "ai.onnx",
        domain => domain,
    }
}

fn check_nodes(graph: &Message, domains: &[String]) -> Result<(), String> {
    for node in graph.all("node") {
        let (domain, operator) = (domain_of(node), node.text("op_type"));
        let list = if domain == "ai.onnx" { AI_ONNX } else { AI_ONNX_ML };
        let is_listed = list.split_whitespace().any(|name| name == operator) && node.text("overload").is_empty();
        if !is_listed || !domains.iter().any(|name| name == domain) {
            return Err(format!("operators must be those that FORMAT.md lists, however: {operator:?} of {domain:?}"));
        }
        for attribute in node.all("attribute") {
            let kind = attribute.int("type").unwrap_or(0);
            if !matches!(kind, 1..=4 | 6..=8) {
                return Err(format!("attributes must be numbers, strings or tensors, however: type {kind} of ONNX"));
            }
            attribute.all("t").try_for_each(check_tensor)?;
            if operator == "Cast" && attribute.text("name") == "to" {
                element_type(attribute.int("i"))?;
            }
        }
    }
    Ok(())
}

fn check_tensor(tensor: &Message) -> Result<(), String> {
    element_type(tensor.int("data_type"))?;
    match tensor.int("data_location").unwrap_or(0) {
        0 => Ok(()),
        _ => Err("the model must have no external data, however: it has".to_string()),
    }
}

fn element_type(number: Option<u64>) -> Result<&'static str, String> {
    let name = number.and_then(|n| ELEMENT_TYPES.get(n as usize)).copied().unwrap_or("");
    match name {
        "" => {
            Err(format!("tensors must hold float32, integers, booleans or strings, however: type {number:?} of ONNX"))
        }
        _ => Ok(name),
    }
}

/// An input or output as text: name, element type and dimensions.
fn value_text(value: &Message) -> Result<String, String> {
    let tensor = value.all("type").next().and_then(|kind| kind.all("tensor_type").next());
    let dimensions = tensor.and_then(|tensor| tensor.all("shape").next());
    let shape: Vec<String> = dimensions.into_iter().flat_map(|shape| shape.all("dim")).map(dimension_text).collect();
    let kind = element_type(tensor.and_then(|tensor| tensor.int("elem_type")))?;
    Ok(format!("{} ({kind} [{}])", value.text("name"), shape.join(", ")))
}

fn dimension_text(dimension: &Message) -> String {
    match dimension.found.as_slice() {
        [(_, Value::Int(size))] => size.to_string(),
        [(_, Value::Text(name))] => name.to_string(),
        _ => "?".to_string(),
    }
}

enum Value<'a> {
    Int(u64),
    Text(&'a str),
    Message(Message<'a>),
}

struct Message<'a> {
    found: Vec<(&'static str, Value<'a>)>,
}

impl<'a> Message<'a> {
    fn int(&self, wanted: &str) -> Option<u64> {
        self.found.iter().find_map(|(name, value)| match value {
            Value::Int(number) if *name == wanted => Some(*number),
            _ => None,
        })
    }

    fn text(&self, wanted: &str) -> &'a str {
        let text = self.found.iter().find_map(|(name, value)| match value {
            Value::Text(text) if *name == wanted => Some(*text),
            _ => None,
        });
        text.unwrap_or("")
    }

    fn all<'s>(&'s self, wanted: &'s str) -> impl Iterator<Item = &'s Message<'a>> {
        self.found.iter().filter_map(move |(name, value)| match value {
            Value::Message(message) if *name == wanted => Some(message),
            _ => None,
        })
    }
}

/// Messages nest as deep as the table says and no deeper: none holds one of its own kind.
fn parse<'a>(message: &str, bytes: &'a [u8]) -> Result<Message<'a>, String> {
    let table: Vec<(u64, &str, &str)> = fields(message)
        .split(';')
        .map(|line| {
            let mut words = line.splitn(3, ' ');
            let mut word = || words.next().unwrap_or("");
            (word().parse().unwrap_or(0), word(), word())
        })
        .collect();
    let mut found = Vec::new();
    for field in (Fields { bytes, at: 0 }) {
        let (number, wire_type, int, range) = field?;
        let Some(&(_, name, kind)) = table.iter().find(|(known, _, _)| *known == number) else {
            return Err(format!("{message} must have no other fields than those of ONNX, however: field {number}"));
        };
        if let Some(refused) = kind.strip_prefix('!') {
            return Err(format!("the model must have no {refused}, however: {message} has {name:?}"));
        }
        let is_wire_type = match kind.strip_prefix('-') {
            Some(wire_types) => wire_types.contains(char::from(b'0' + wire_type)),
            None => wire_type == if kind == "int" { 0 } else { 2 },
        };
        if !is_wire_type {
            return Err(format!("{message}.{name} must be written as ONNX does, however: wire type {wire_type}"));
        }
        if kind.starts_with('-') {
            continue;
        }
        if !kind.ends_with('*') && found.iter().any(|(other, _)| *other == name) {
            return Err(format!("{message}.{name} must come once, however: it comes twice"));
        }
        let value = match kind.trim_end_matches('*') {
            "int" => Value::Int(int),
            "text" => match std::str::from_utf8(&bytes[range]) {
                Ok(text) => Value::Text(text),
                Err(_) => return Err(format!("texts in the model must be UTF-8, however: {message}.{name} is not")),
            },
            kind => Value::Message(parse(kind, &bytes[range])?),
        };
        found.push((name, value));
    }
    Ok(Message { found })
}

/// Number, wire type, and value or place of the content of each field.
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Fields<'_> {
    /// Seven bits a byte, the lowest first, at most 64 bits.
    fn varint(&mut self) -> Option<u64> {
        let mut value: u128 = 0;
        for shift in (0..70).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            value |= u128::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return u64::try_from(value).ok();
            }
        }
        None
    }

    fn field(&mut self) -> Option<(u64, u8, u64, Range<usize>)> {
        let key = self.varint()?;
        let wire_type = (key & 7) as u8;
        let (int, size) = match wire_type {
            0 => (self.varint()?, 0),
            1 => (0, 8),
            2 => (0, self.varint()?),
            5 => (0, 4),
            _ => return None,
        };
        let start = self.at;
        let end = start.checked_add(usize::try_from(size).ok()?)?;
        if end > self.bytes.len() {
            return None;
        }
        self.at = end;
        Some((key >> 3, wire_type, int, start..end))
    }
}

impl Iterator for Fields<'_> {
    type Item = Result<(u64, u8, u64, Range<usize>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.at = self.bytes.len();
        }
        Some(
            field.ok_or_else(|| {
                "a field must end within its message, however: the file is cut off or damaged".to_string()
            }),
        )
    }
}
