// Reads what a MotherNet .onnx file says about itself, and refuses a file that is not as FORMAT.md demands.
//
// onnxruntime for JavaScript keeps a model's metadata to itself. An .onnx file is a protobuf message: a list of numbered
// fields, some of which hold messages again. Those numbers cannot change without breaking every ONNX reader, so the few
// lines at the end of this file need no protobuf library.

import { check, isOf, quoted } from "./checks.mjs";
import { floatText } from "./cells.mjs";
import { readColumns } from "./schema.mjs";

const KEYS = ["schema", "schema_hash", "graph_hash", "versions", "self_test"].map((key) => `mothernet.${key}`);
const DOMAINS = ["", "ai.onnx", "ai.onnx.ml"];
const OPERATORS = new Set(
  // section 1 of FORMAT.md, of both domains
  `
  Abs Add And ArgMax ArgMin Cast Ceil Clip Concat Constant CumSum Div Elu Equal Erf Exp Expand Flatten Floor Gather
  GatherElements GatherND Gelu Gemm Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Less
  LessOrEqual Log LogSoftmax MatMul Max Mean Min Mod Mul Neg Not OneHot Or Pow Reciprocal ReduceMax ReduceMean
  ReduceMin ReduceSum Relu Reshape Round Selu Shape Sigmoid Sign Size Slice Softmax Softplus Softsign Split Sqrt
  Squeeze Sub Sum Tanh TopK Transpose Unsqueeze Where Xor
  ArrayFeatureExtractor Binarizer FeatureVectorizer Imputer LabelEncoder LinearClassifier LinearRegressor Normalizer
  OneHotEncoder Scaler
  `.match(/\w+/g),
);
const LABEL_TYPES = ["string", "integer", "boolean", "float"];

/**
 * Columns and classes of a model, the inputs and outputs that its graph must have, and its self-test, not yet checked.
 *
 * @param {Uint8Array} bytes
 */
export async function readModelFile(bytes) {
  const metadata = new Map();
  for (const entry of messages(bytes, 14)) {
    const [key, value] = [1, 2].map((number) => messages(entry, number)[0] ?? new Uint8Array(0));
    check(!metadata.has(text(key)), `keys of the metadata must be unique, however: ${quoted(text(key))}`);
    metadata.set(text(key), value);
  }
  check(metadata.has("mothernet.format"), "not an ONNX file of MotherNet: its metadata has no mothernet.format");
  const format = text(metadata.get("mothernet.format"));
  check(format === "2", `the format must be 2, the only one known here, however: ${quoted(format)}`);
  const form = metadata.has("mothernet.form") ? text(metadata.get("mothernet.form")) : "full";
  check(form === "full", `the form must be full, however: ${quoted(form)}. Export the file without --form`);
  for (const key of KEYS) check(metadata.has(key), `the metadata must have the key ${key}, however: it is missing`);
  const [schema, hash, graphHash, versions, selfTest] = KEYS.map((key) => metadata.get(key));
  check((await sha256(schema)) === text(hash), "the schema must match its hash, however: it does not");
  checkGraph(bytes);
  check(
    (await sha256(messages(bytes, 7)[0])) === text(graphHash),
    "the graph must match its hash, however: it does not",
  );

  for (const value of Object.values(parseObject(text(versions), "versions"))) isOf(value, "string", "a version");
  const model = readSchema(text(schema));
  const test = parseObject(text(selfTest), "self_test");
  const { labels } = JSON.parse(numbersAsText(text(selfTest)));
  return { ...model, selfTest: { ...test, labelTexts: labels } };
}

function readSchema(json) {
  const schema = parseObject(json, "the schema");
  const { label_type: labelType, width } = schema;
  check(LABEL_TYPES.includes(labelType), `label_type must be of ${LABEL_TYPES}, however: ${quoted(labelType)}`);
  check(Number.isInteger(width) && width >= 0, `width must be at least 0, however: ${quoted(width)}`);
  const isNumber = labelType === "integer" || labelType === "float";
  const values = isNumber ? JSON.parse(numbersAsText(json)).classes : schema.classes;
  const { classes, classTexts } = readClasses(values, schema.classes, labelType);

  check(Array.isArray(schema.columns) && schema.columns.length, "columns must be a list of at least one column");
  const [columns, counts] = readColumns(schema.columns);
  const inputs = [
    ["numeric", "float32", counts.numeric],
    ["categorical", "string", counts.categorical],
  ];
  const outputs = [
    ["label", labelType === "integer" ? "int64" : "string"],
    ["probabilities", "float32", classTexts.length],
  ];
  return { columns, classes, classTexts, labelType, inputs: inputs.filter(([, , count]) => count), outputs };
}

/** JSON with numbers as strings, since a Number would round integers beyond 2^53. */
function numbersAsText(json) {
  const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
  return json.replace(stringOrNumber, (part) => (part[0] === '"' ? part : `"${part}"`));
}

/** The classes, typed and as the graph writes them into `label`; `values` holds numbers as text. */
function readClasses(values, parsed, labelType) {
  check(Array.isArray(parsed) && parsed.length >= 2, "classes must be a list of at least two");
  const type = { string: "string", boolean: "boolean", integer: "number", float: "number" }[labelType];
  for (const label of parsed) isOf(label, type, "a class");
  if (labelType === "integer") {
    for (const digits of values) check(/^-?\d+$/.test(digits), `classes must be integers, however: ${digits}`);
    values = values.map(BigInt);
    for (const n of values) check(n === BigInt.asIntN(64, n), `classes must fit into 64 bits, however: ${n}`);
  }
  if (labelType === "float") {
    values = values.map(Number);
    check(values.every(Number.isFinite), `classes must be finite, however: ${values}`);
  }
  const inOrder = (a, b) => (labelType === "string" ? isBefore(a, b) : a < b);
  for (const [i, value] of values.entries()) {
    check(i === 0 || inOrder(values[i - 1], value), "classes must be strictly increasing, however: they are not");
  }
  const textOf = { boolean: (value) => (value ? "True" : "False"), float: floatText }[labelType] ?? String;
  const isExact = labelType !== "integer" || values.every((n) => Number.isSafeInteger(Number(n)));
  return { classes: isExact ? parsed : values, classTexts: values.map(textOf) };
}

/** Whether a text stands before another by code points, which is not the order of UTF-16. */
function isBefore(text, other) {
  const [left, right] = [text, other].map((each) => Array.from(each, (sign) => sign.codePointAt(0)));
  const i = left.findIndex((point, k) => point !== right[k]);
  return i < 0 ? left.length < right.length : left[i] < (right[i] ?? -1);
}

/** No operators but those that a file may use, no functions, no subgraphs, no data in other files. */
function checkGraph(bytes) {
  check(!messages(bytes, 25).length, "the model must define no function, however: it does");
  const [graph, ...others] = messages(bytes, 7);
  check(graph && !others.length, "not an ONNX file: it must have one graph");
  const nodes = messages(graph, 1);
  const domains = [messages(bytes, 8).map((set) => messages(set, 1)), nodes.map((node) => messages(node, 7))];
  for (const domain of domains.flat(2).map(text)) {
    check(DOMAINS.includes(domain), `operators must be of ai.onnx or ai.onnx.ml, however: ${quoted(domain)}`);
  }
  const attributes = nodes.flatMap((node) => messages(node, 5));
  for (const attribute of attributes) {
    const subgraphs = [...messages(attribute, 6), ...messages(attribute, 11)];
    check(!subgraphs.length, "the graph must have no subgraph, however: it has");
  }
  for (const operator of nodes.flatMap((node) => messages(node, 4)).map(text)) {
    check(OPERATORS.has(operator), `operators must be those that FORMAT.md lists, however: ${quoted(operator)}`);
  }
  const tensors = [...messages(graph, 5), ...attributes.flatMap((attribute) => messages(attribute, 5))];
  for (const tensor of tensors) {
    check(!messages(tensor, 13).length, "the model must have no external data, however: it has");
  }
}

function parseObject(json, what) {
  let value;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new Error(`${what} must be JSON, however: ${error.message}`);
  }
  return isOf(value, "object", what);
}

function text(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error("texts in the model must be UTF-8, however: one is not");
  }
}

async function sha256(bytes) {
  const why = "the page must be served by https or from localhost: others get no SHA-256 from the browser";
  check(globalThis.crypto?.subtle, why);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The contents of all fields of one number in a protobuf message; that of a bare number is empty. */
function messages(bytes, wanted) {
  const found = [];
  let position = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; scale < 2 ** 70 && position < bytes.length; scale *= 128) {
      const byte = bytes[position++];
      value += (byte & 127) * scale; // no shifts: those stop at 32 bits
      if (byte < 128) return value;
    }
    throw new Error("not an ONNX file, or one that is cut off");
  };
  while (position < bytes.length) {
    const key = varint();
    const type = key % 8;
    let size = { 1: 8, 5: 4 }[type];
    if (type === 0) size = varint() && 0;
    if (type === 2) size = varint();
    check(size !== undefined && position + size <= bytes.length, "not an ONNX file, or one that is cut off");
    if (Math.floor(key / 8) === wanted) found.push(bytes.subarray(position, position + size));
    position += size;
  }
  return found;
}
