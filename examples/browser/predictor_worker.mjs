// The worker: it holds the model, so that the page stays responsive whatever the file or the rows.

import { env, InferenceSession, Tensor } from "./vendor/onnxruntime/ort.wasm.bundle.min.mjs";
import { givenDialect, readCsv } from "./vendor/javascript/csv_reader.mjs";
import { openModel } from "./vendor/javascript/model.mjs";
import { csvHeader, csvLines } from "./vendor/javascript/predictions_csv.mjs";

env.wasm.numThreads = 1; // several need headers that a plain file server does not send
const SHOWN_ROWS = 50;
let model;

const tasks = {
  /** Opens a file; gives what the page shows of it. */
  async open({ bytes }) {
    await model?.release();
    model = undefined;
    model = await openModel(bytes, { InferenceSession, Tensor });
    const columns = model.columns.map(({ read, known, ...plain }) => plain); // functions cannot be sent
    return { columns, classTexts: model.classTexts };
  },

  /** Probabilities of one row of raw cells, in the order of the classes. */
  async predictRow({ row }) {
    const [{ label, probabilities }] = await model.predict([row]);
    return { index: model.classes.indexOf(label), probabilities };
  },

  /** All rows of a CSV file: predictions as a file, how often each class comes, and the first rows. */
  async predictFile({ bytes, dialect, ignoreExtra }, progress) {
    const table = readCsv(bytes, givenDialect(dialect));
    const [warnings, parts] = [[], [csvHeader(model)]];
    const counts = model.classes.map(() => 0);
    const shown = [];
    for await (const batch of model.predictTable(table, { ignoreExtra, warnings })) {
      const { start, indices, probabilities } = batch;
      parts.push(csvLines(model, batch));
      indices.forEach((index, i) => {
        counts[index] += 1;
        if (shown.length === SHOWN_ROWS) return;
        const probability = probabilities[i * model.classes.length + index];
        shown.push({ line: table.lines[start + i], cells: table.rows[start + i], index, probability });
      });
      progress({ done: start + indices.length, of: table.rows.length });
    }
    const csv = new Blob(parts, { type: "text/csv" });
    return { csv, counts, shown, names: table.names, warnings, nRows: table.rows.length };
  },
};

let last = Promise.resolve(); // one task after the other

self.onmessage = ({ data }) => {
  last = last.then(() => run(data));
};

async function run({ id, task, ...given }) {
  try {
    const result = await tasks[task](given, (progress) => self.postMessage({ id, progress }));
    self.postMessage({ id, result });
  } catch (error) {
    self.postMessage({ id, problem: error?.message ?? String(error) });
  }
}
