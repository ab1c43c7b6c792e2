// Predicts the rows of a CSV file with a MotherNet .onnx file:
//
//     node predict.mjs model.onnx rows.csv > predicted.csv
//
// Strings, blanks and numbers go in as they are: all preprocessing is inside the file.

import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { readMetadata } from "./metadata.mjs";

process.env.ORT_DISABLE_TELEMETRY ??= "1"; // read when onnxruntime loads, so it is imported after this line
const { InferenceSession, Tensor } = (await import("onnxruntime-node")).default;

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const WORDS = { nan: NaN, inf: Infinity, infinity: Infinity };

/** A cell of a numeric column; blank is missing, which is NaN. */
function toNumber(text, where) {
  const cell = text.trim().toLowerCase();
  if (cell === "") return NaN;
  if (NUMBER.test(cell)) return Number(cell);
  const word = cell.replace(/^[+-]/, "");
  if (!Object.hasOwn(WORDS, word)) throw new Error(`${where} must hold numbers, however: ${JSON.stringify(text)}`);
  return cell.startsWith("-") ? -WORDS[word] : WORDS[word];
}

/** The two matrices that the graph reads, row by row, from CSV text; columns may come in any order. */
function toInputs(csv, columns) {
  const [header, ...rows] = parse(csv, { skip_empty_lines: true });
  const names = columns.map((column) => column.name);
  const missing = names.filter((name) => !header?.includes(name));
  const unknown = (header ?? []).filter((name, i) => !names.includes(name) || header.indexOf(name) !== i);
  if (missing.length || unknown.length) {
    throw new Error(`the CSV must have the columns ${names}, however: missing [${missing}], unknown or twice [${unknown}]`);
  }
  const inputs = {};
  for (const kind of ["numeric", "categorical"]) {
    const chosen = columns.filter((column) => column.input === kind).sort((a, b) => a.position - b.position);
    if (!chosen.length) continue; // the graph has an input only if the table has such columns
    const cells = rows.flatMap((row, i) =>
      chosen.map(({ name }) => {
        const text = row[header.indexOf(name)];
        return kind === "numeric" ? toNumber(text, `row ${i + 1}: column ${JSON.stringify(name)}`) : text;
      }),
    );
    const shape = [rows.length, chosen.length];
    inputs[kind] =
      kind === "numeric" ? new Tensor("float32", Float32Array.from(cells), shape) : new Tensor("string", cells, shape);
  }
  return [rows.length, inputs];
}

/** The classes as the graph writes them into `label`. */
function classTexts(schema) {
  const { classes, class_kind } = JSON.parse(schema);
  if (class_kind === "string") return classes;
  if (class_kind === "boolean") return classes.map((name) => (name ? "True" : "False"));
  return /"classes":\[([^\]]*)\]/.exec(schema)[1].split(","); // as written: a Number drops ".0" and rounds beyond 2^53
}

function csvLine(cells) {
  return cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell)).join(",") + "\n";
}

async function main(modelPath, csvPath) {
  if (!csvPath) throw new Error("usage: node predict.mjs MODEL.onnx ROWS.csv");
  const bytes = readFileSync(modelPath);
  const metadata = readMetadata(bytes);
  if (metadata["mothernet.format"] !== "1") {
    throw new Error(`${modelPath} must be a MotherNet file of format 1, however: ${metadata["mothernet.format"]}`);
  }
  const { columns } = JSON.parse(metadata["mothernet.schema"]);
  const classes = classTexts(metadata["mothernet.schema"]);
  const csv = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(csvPath)); // drops a byte order mark
  const [nRows, inputs] = toInputs(csv, columns);
  let output = csvLine(["label", ...classes.map((name) => `probability_${name}`)]);
  if (nRows) {
    const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1 });
    const { label, probabilities } = await session.run(inputs);
    for (let i = 0; i < nRows; i++) {
      const row = probabilities.data.subarray(i * classes.length, (i + 1) * classes.length);
      output += csvLine([label.data[i], ...row]);
    }
  }
  process.stdout.write(output);
}

try {
  await main(...process.argv.slice(2));
} catch (error) {
  console.error(`predict.mjs: error: ${error.message}`);
  process.exitCode = 2;
}
