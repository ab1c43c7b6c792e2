// Opens a MotherNet .onnx file and predicts raw rows, with any onnxruntime for JavaScript: what a service calls.

import { trimmed } from "./cells.mjs";
import { check, quoted } from "./checks.mjs";
import { readModelFile } from "./model_file.mjs";
import { checkNames, OddCells, readValues, toInputs } from "./rows.mjs";
import { checkSelfTest, readSelfTest } from "./self_test.mjs";

const BATCH_ROWS = 1000;

/**
 * A class: a number where all classes are floats or integers below 2^53, a bigint where integers go beyond.
 * @typedef {string | number | bigint | boolean} Label
 */

/**
 * A raw cell. Text is read as a cell of a CSV file is; `null`, `undefined`, `NaN` and blank text are missing.
 * @typedef {string | number | bigint | boolean | Date | null | undefined} Cell
 */

/**
 * A raw cell for every column that is not ignored.
 * @typedef {{ readonly [column: string]: Cell }} Row
 */

/**
 * Probabilities are in the order of `Model.classes`.
 * @typedef {{ label: Label, probabilities: number[] }} Prediction
 */

/**
 * A column of the training table, as FORMAT.md, section 5, describes it; one that is not `used` has no influence.
 * @typedef {object} Column
 * @property {string} name
 * @property {"number" | "boolean" | "date" | "category" | "ignored"} type
 * @property {boolean} used
 * @property {boolean} missing_in_training
 * @property {string[]} [categories]
 * @property {"ymd" | "dmy" | "mdy" | "time"} [pattern]
 * @property {string} [affix]
 * @property {boolean} [percent]
 * @property {{ input: string, position: number, part?: string, offset?: number }[]} inputs
 */

/**
 * What `readCsv` gives: the cells of each row below their names, and the line on which it starts.
 * @typedef {{ names: string[], rows: string[][], lines: number[] }} Table
 */

/**
 * Answers to the rows from `start` on: numbers of their classes, and row by row their probabilities.
 * @typedef {{ start: number, indices: Uint32Array, probabilities: Float32Array }} Batch
 */

/**
 * onnxruntime-node, onnxruntime-web or another.
 * @typedef {object} Runtime
 * @property {{ create(bytes: Uint8Array, options?: object): Promise<any> }} InferenceSession
 * @property {new (type: any, data: any, dims: number[]) => any} Tensor
 */

/**
 * The model in the bytes of a file, which passed all checks and its self-test.
 *
 * @param {Uint8Array} bytes
 * @param {Runtime} runtime
 * @returns {Promise<Model>}
 */
export async function openModel(bytes, runtime) {
  const file = await readModelFile(bytes);
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 };
  const session = await runtime.InferenceSession.create(bytes, options);
  const listed = (values) => values.map((value) => value.join(" ")).join(", "); // name, type, columns
  const declared = (values) => listed(values.map(({ name, type, shape }) => [name, type, ...shape.slice(1)]));
  for (const [what, expected, found] of [
    ["inputs", file.inputs, session.inputMetadata],
    ["outputs", file.outputs, session.outputMetadata],
  ]) {
    const isRight = declared(found) === listed(expected);
    check(isRight, `${what} of the graph must be ${listed(expected)}, however: ${declared(found)}`);
  }
  const model = new Model(file, session, runtime.Tensor);
  await model.selfTest();
  return model;
}

export class Model {
  #file;
  #session;
  #Tensor;
  #indexOf; // of the text of a class
  /** @type {any[]} */
  #columns; // those that are read

  /** Use `openModel`. */
  constructor(file, session, Tensor) {
    this.#file = file;
    this.#session = session;
    this.#Tensor = Tensor;
    this.#indexOf = new Map(file.classTexts.map((text, i) => [text, i]));
    this.#columns = file.columns.filter((column) => column.type !== "ignored");
    /** In the order of probabilities. @type {readonly Label[]} */
    this.classes = file.classes;
    /** Classes as text, as a CSV file has them. @type {readonly string[]} */
    this.classTexts = file.classTexts;
    /** In the order of the training table. @type {readonly Column[]} */
    this.columns = file.columns;
  }

  /**
   * A label and probabilities for each row. Columns that the model does not know are an error unless `ignoreExtra`.
   *
   * @param {readonly Row[]} rows
   * @param {{ ignoreExtra?: boolean }} [options]
   * @returns {Promise<Prediction[]>}
   */
  async predict(rows, { ignoreExtra = false } = {}) {
    check(Array.isArray(rows), `rows must be a list of objects, however: ${quoted(rows)}`);
    const names = this.columns.map((column) => column.name);
    const read = this.#columns.map((column) => column.name);
    for (const [i, row] of rows.entries()) {
      check(
        typeof row === "object" && row && !Array.isArray(row),
        `row ${i} must be an object, however: ${quoted(row)}`,
      );
      const given = Object.keys(row);
      if (given.length === read.length && read.every((name) => Object.hasOwn(row, name))) continue;
      try {
        checkNames(given, this.columns, names, ignoreExtra);
      } catch (error) {
        throw new Error(`row ${i}: ${error.message}`);
      }
    }
    const cells = rows.map((row) => read.map((name) => row[name]));
    /** @type {Prediction[]} */
    const predictions = [];
    const nClasses = this.classes.length;
    for await (const { indices, probabilities } of this.#batches(cells, [...read.keys()], (i) => `row ${i}`)) {
      indices.forEach((index, i) => {
        const row = probabilities.subarray(i * nClasses, (i + 1) * nClasses);
        predictions.push({ label: this.classes[index], probabilities: Array.from(row) });
      });
    }
    return predictions;
  }

  /**
   * Answers to the rows of a CSV file, some at a time; `warnings` gets sentences on what is odd, after the last row.
   *
   * @param {Table} table
   * @param {{ ignoreExtra?: boolean, warnings?: string[] }} [options]
   * @returns {AsyncGenerator<Batch>}
   */
  async *predictTable({ names, rows, lines }, { ignoreExtra = false, warnings = [] } = {}) {
    checkNames(
      names,
      this.columns,
      this.columns.map((column) => trimmed(column.name)),
      ignoreExtra,
    );
    const positions = this.#columns.map((column) => names.indexOf(trimmed(column.name)));
    const odd = new OddCells(this.#columns);
    yield* this.#batches(rows, positions, (i) => `line ${lines[i]}`, odd);
    warnings.push(...odd.warnings());
  }

  /** Throws unless the rows that the file brings along get the answers that it records. */
  async selfTest() {
    const test = readSelfTest(this.#file.selfTest, this.#file);
    for await (const batch of this.#batches(test.rows, [...this.#columns.keys()], (i) => `row ${i} of self_test`)) {
      checkSelfTest(test, batch, this.classTexts);
    }
  }

  /** Frees the memory that onnxruntime holds; the model predicts no more. */
  async release() {
    await this.#session.release();
  }

  async *#batches(rows, positions, where, odd) {
    for (let start = 0; start < rows.length; start += BATCH_ROWS) {
      const some = rows.slice(start, start + BATCH_ROWS);
      const values = readValues(this.#columns, positions, some, (i) => where(start + i));
      odd?.add(values, some.length);
      yield { start, ...(await this.#run(values, some.length)) };
    }
  }

  async #run(values, nRows) {
    const inputs = toInputs(this.#columns, values, nRows, this.#file.inputs, this.#Tensor);
    const { label, probabilities } = await this.#session.run(inputs);
    const isWhole = label.size === nRows && probabilities.size === nRows * this.classes.length;
    check(isWhole, `the model must give ${nRows} answers, however: ${label.size}`);
    const indices = Array.from(label.data, (value) => this.#indexOf.get(String(value)));
    check(!indices.includes(undefined), "the labels that the model gives must be classes, however: one is none");
    return { indices: Uint32Array.from(indices), probabilities: probabilities.data };
  }
}
