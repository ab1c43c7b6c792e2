// Predicts the rows of a CSV file with a MotherNet .onnx file:
//
//     node predict.mjs model.onnx rows.csv > predicted.csv
//
// Strings, blanks and numbers go in as they are: all preprocessing is inside the file.

import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { readModelFile } from "./model_file.mjs";

process.env.ORT_DISABLE_TELEMETRY ??= "1"; // read when onnxruntime loads, so it is imported after this line
const { InferenceSession, Tensor } = (await import("onnxruntime-node")).default;

const BLANKS = /^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g;
const NUMBER = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/i;
const WORDS = { nan: NaN, inf: Infinity, infinity: Infinity };

/** A cell of a numeric column; blank is missing, which is NaN. */
function toNumber(text, where) {
  const cell = text.replace(BLANKS, "").toLowerCase();
  if (cell === "") return NaN;
  if (NUMBER.test(cell)) return Number(cell);
  const word = cell.replace(/^[+-]/, "");
  if (!Object.hasOwn(WORDS, word)) throw new Error(`${where} must hold numbers, however: ${JSON.stringify(text)}`);
  return cell.startsWith("-") ? -WORDS[word] : WORDS[word];
}

/** Names of the columns and rows of cells of a CSV file. */
function readCsv(path) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path)); // drops a byte order mark
  } catch (error) {
    if (error.code !== "ERR_ENCODING_INVALID_ENCODED_DATA") throw error;
    throw new Error("the rows must be text in UTF-8, however: they are not");
  }
  let lines;
  try {
    lines = parse(text, { skip_empty_lines: true, record_delimiter: ["\r\n", "\n", "\r"] });
  } catch (error) {
    throw new Error(`the rows must be CSV, every row as long as the header, however: ${error.message}`);
  }
  if (!lines.length) throw new Error("the rows must start with a line of column names, however: there is none");
  return [lines[0], lines.slice(1)];
}

/** Throws unless `header` has the names of the model's columns, each once, in any order. */
function checkNames(header, columns) {
  const names = columns.map((column) => column.name);
  const problems = {
    missing: names.filter((name) => !header.includes(name)),
    unknown: header.filter((name) => !names.includes(name)),
    repeated: header.filter((name, i) => header.indexOf(name) !== i),
  };
  const found = Object.entries(problems).filter(([, wrong]) => wrong.length);
  if (!found.length) return;
  const shown = (some) => some.slice(0, 12).map((name) => JSON.stringify(name)).join(", ");
  const listed = (some) => shown(some) + (some.length > 12 ? ", ..." : "");
  const problem = found.map(([word, wrong]) => `${word}: ${listed(wrong)}`).join("; ");
  throw new Error(`the rows must have the ${names.length} columns ${listed(names)}, however: ${problem}`);
}

/** The matrices that the graph reads, row by row. */
function toInputs(header, rows, columns) {
  const inputs = {};
  for (const kind of ["numeric", "categorical"]) {
    const names = columns.filter((column) => column.kind === kind).map((column) => column.name);
    if (!names.length) continue; // the graph has an input only if the table has such columns
    const positions = names.map((name) => header.indexOf(name));
    const shape = [rows.length, names.length];
    if (kind === "categorical") {
      inputs[kind] = new Tensor("string", rows.flatMap((row) => positions.map((position) => row[position])), shape);
      continue;
    }
    const where = (i, j) => `row ${i + 1}: column ${JSON.stringify(names[j])}`;
    const numbers = rows.flatMap((row, i) => positions.map((position, j) => toNumber(row[position], where(i, j))));
    inputs[kind] = new Tensor("float32", Float32Array.from(numbers), shape);
  }
  return inputs;
}

/** Opens the model; what its graph takes and gives must follow from its schema. */
async function openSession(bytes, { inputs, outputs }) {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const listed = (values) => values.map((value) => value.join(" ")).join(", "); // name, type, columns
  const declared = (values) => listed(values.map(({ name, type, shape }) => [name, type, ...shape.slice(1)]));
  for (const [what, expected, found] of [
    ["inputs", inputs, session.inputMetadata],
    ["outputs", outputs, session.outputMetadata],
  ]) {
    if (declared(found) !== listed(expected)) {
      throw new Error(`${what} of the graph must be ${listed(expected)}, however: ${declared(found)}`);
    }
  }
  return session;
}

function csvLine(cells) {
  const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell);
  return cells.map(quoted).join(",") + "\n";
}

async function main(modelPath, csvPath) {
  if (!csvPath) throw new Error("usage: node predict.mjs MODEL.onnx ROWS.csv");
  const bytes = readFileSync(modelPath);
  const model = readModelFile(bytes);
  const session = await openSession(bytes, model);
  const [header, rows] = readCsv(csvPath);
  checkNames(header, model.columns);
  const inputs = toInputs(header, rows, model.columns);
  const nClasses = model.classTexts.length;
  let output = csvLine(["label", ...model.classTexts.map((name) => `probability_${name}`)]);
  if (rows.length) {
    const { label, probabilities } = await session.run(inputs);
    if (label.size !== rows.length || probabilities.size !== rows.length * nClasses) {
      throw new Error(`the model must give ${rows.length} answers, however: ${label.size}`);
    }
    rows.forEach((_, i) => {
      output += csvLine([label.data[i], ...probabilities.data.subarray(i * nClasses, (i + 1) * nClasses)]);
    });
  }
  process.stdout.write(output);
}

try {
  await main(...process.argv.slice(2));
} catch (error) {
  console.error(`predict.mjs: error: ${error.message.replace(/\s+/g, " ")}`);
  process.exitCode = 2;
}
