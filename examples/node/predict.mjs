// Predicts the rows of a CSV file with a MotherNet .onnx file:
//
//     node predict.mjs model.onnx rows.csv > predicted.csv
//     node predict.mjs model.onnx rows.csv --delimiter semicolon --encoding windows-1252 > predicted.csv
//
// Cells go in as they are written: what they mean, and all preprocessing, is inside the file.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { givenDialect, readCsv, trimmed } from "./csv_reader.mjs";
import { datePart } from "./dates.mjs";
import { readModelFile } from "./model_file.mjs";

process.env.ORT_DISABLE_TELEMETRY ??= "1"; // read when onnxruntime loads, so it is imported after this line
const { InferenceSession, Tensor } = (await import("onnxruntime-node")).default;

const MIN_ROWS = 5; // fewer may be odd by chance

/** Throws unless `header` has the names of the model's columns, each once, in any order; ignored ones may be absent. */
function checkNames(header, columns) {
  const names = columns.map((column) => trimmed(column.name));
  const isNeeded = (name, i) => columns[i].type !== "ignored" && !header.includes(name);
  const problems = {
    missing: names.filter(isNeeded),
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

/** The values of one column, per row. */
function readColumn(column, { names, rows, lines }) {
  const position = names.indexOf(trimmed(column.name));
  return rows.map((row, i) => {
    try {
      return column.read(row[position]);
    } catch (error) {
      throw new Error(`line ${lines[i]}: column ${JSON.stringify(column.name)} ${error.message}`);
    }
  });
}

/** The matrices that the graph reads, from the values of the columns. */
function toInputs(columns, values, nRows, shapes) {
  const data = new Map(shapes.map(([name, , count]) => [name, new Array(nRows * count)]));
  for (const [c, column] of columns.entries()) {
    for (const { input, position, part, offset } of column.inputs) {
      const count = shapes.find(([name]) => name === input)[2];
      values[c].forEach((value, i) => {
        const number = part === undefined || part === "value" ? value : datePart(value, part);
        data.get(input)[i * count + position] = input === "numeric" ? number - offset : value;
      });
    }
  }
  const tensors = shapes.map(([name, type, count]) => {
    const cells = type === "float32" ? Float32Array.from(data.get(name)) : data.get(name);
    return [name, new Tensor(type, cells, [nRows, count])];
  });
  return Object.fromEntries(tensors);
}

/** What looks as if the rows were written in another way than those of training. */
function complaints(columns, values, nRows) {
  if (nRows < MIN_ROWS) return [];
  return columns.flatMap((column, c) => {
    if (!column.used) return [];
    const isMissing = (value) => value === "" || Number.isNaN(value);
    if (!column.missing_in_training && values[c].every(isMissing)) {
      return [`in column ${JSON.stringify(column.name)} all cells are missing, as none was in training`];
    }
    const unseen = values[c].filter((value) => column.known && value !== "" && !column.known.has(value));
    if (unseen.length <= nRows / 2) return [];
    const examples = [...new Set(unseen)].slice(0, 3).map((text) => JSON.stringify(text)).join(", ");
    return [
      `${unseen.length} of ${nRows} cells of column ${JSON.stringify(column.name)} are categories that the model does ` +
        `not know, such as ${examples}`,
    ];
  });
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

function warn(message) {
  console.error(`predict.mjs: ${message.replace(/\s+/g, " ")}`);
}

function csvLine(cells) {
  const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell);
  return cells.map(quoted).join(",") + "\n";
}

async function main(args) {
  const options = { delimiter: { type: "string" }, encoding: { type: "string" } };
  const { values: given, positionals } = parseArgs({ args, options, allowPositionals: true });
  const [modelPath, csvPath] = positionals;
  if (positionals.length !== 2) {
    throw new Error("usage: node predict.mjs MODEL.onnx ROWS.csv [--delimiter D] [--encoding NAME]");
  }
  const dialect = givenDialect(given);
  const bytes = readFileSync(modelPath);
  const model = readModelFile(bytes);
  const session = await openSession(bytes, model);
  const table = readCsv(readFileSync(csvPath), dialect);
  checkNames(table.names, model.columns);
  const columns = model.columns.filter((column) => column.type !== "ignored");
  const values = columns.map((column) => readColumn(column, table));
  const { rows } = table;
  const inputs = toInputs(columns, values, rows.length, model.inputs);
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
  const found = complaints(columns, values, rows.length);
  if (found.length) warn(`warning: ${found.slice(0, 5).join("; ")}. Check that the rows are written as in training.`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  warn(`error: ${error.message}`);
  process.exitCode = 2;
}
