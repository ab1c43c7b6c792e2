// Predicts the rows of a CSV file with a MotherNet .onnx file:
//
//     node predict.mjs model.onnx rows.csv > predicted.csv
//     node predict.mjs model.onnx rows.csv --delimiter semicolon --encoding windows-1252 > predicted.csv
//     node predict.mjs model.onnx rows.csv --ignore-extra > predicted.csv
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
  const model = await naming(modelPath, () => load(modelPath));
  await naming(csvPath, () => predict(model, readCsv(readFileSync(csvPath), dialect), given["ignore-extra"]));
}

async function predict(model, table, ignoreExtra) {
  /** @type {string[]} */
  const warnings = [];
  const parts = [csvHeader(model)];
  for await (const batch of model.predictTable(table, { ignoreExtra, warnings })) parts.push(csvLines(model, batch));
  for (const part of parts) process.stdout.write(part);
  const shown = warnings.slice(0, 5).join("; ");
  if (shown) warn(`warning: ${shown}. Check that the rows are written as in training.`);
}

/** What `run` returns; an error begins with the path that it is about. */
async function naming(path, run) {
  try {
    return await run();
  } catch (error) {
    throw new Error(`${path}: ${error.message}`);
  }
}

function warn(message) {
  console.error(`predict.mjs: ${message.replace(/\s+/g, " ")}`);
}

process.stdout.on("error", (error) => {
  const hasReader = error.code !== "EPIPE";
  if (hasReader) warn(`error: the predictions must be written, however: ${error.message}`);
  process.exit(hasReader ? 2 : 1);
});
try {
  await main(process.argv.slice(2));
} catch (error) {
  warn(`error: ${error.message}`);
  process.exitCode = 2;
}
