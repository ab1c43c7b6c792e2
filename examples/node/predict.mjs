// Predicts the rows of a CSV file with a MotherNet .onnx file:
//
//     node predict.mjs model.onnx rows.csv > predicted.csv
//     node predict.mjs model.onnx rows.csv --delimiter semicolon --encoding windows-1252 > predicted.csv
//
// Cells go in as they are written: what they mean, and all preprocessing, is inside the file.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { givenDialect, readCsv } from "../javascript/csv_reader.mjs";
import { csvHeader, csvLines } from "../javascript/predictions_csv.mjs";
import { load } from "./mothernet.mjs";

async function main(args) {
  const { values: given, positionals } = parseArgs({
    args,
    options: { delimiter: { type: "string" }, encoding: { type: "string" }, "ignore-extra": { type: "boolean" } },
    allowPositionals: true,
  });
  const [modelPath, csvPath] = positionals;
  if (positionals.length !== 2) {
    const usage = "MODEL.onnx ROWS.csv [--delimiter D] [--encoding NAME] [--ignore-extra]";
    throw new Error(`usage: node predict.mjs ${usage}`);
  }
  const dialect = givenDialect(given);
  const model = await load(modelPath);
  const table = readCsv(readFileSync(csvPath), dialect);
  /** @type {string[]} */
  const warnings = [];
  const parts = [csvHeader(model)];
  const how = { ignoreExtra: given["ignore-extra"], warnings };
  for await (const batch of model.predictTable(table, how)) parts.push(csvLines(model, batch));
  for (const part of parts) process.stdout.write(part);
  const shown = warnings.slice(0, 5).join("; ");
  if (shown) warn(`warning: ${shown}. Check that the rows are written as in training.`);
}

function warn(message) {
  console.error(`predict.mjs: ${message.replace(/\s+/g, " ")}`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  warn(`error: ${error.message}`);
  process.exitCode = 2;
}
