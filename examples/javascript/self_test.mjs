// The rows with answers that a file brings along, by which a reader proves itself: section 6 of FORMAT.md.

import { check, isOf, quoted } from "./checks.mjs";

const TOLERANCE = 1e-5;
const IS_CELL = {
  number: (cell) => typeof cell === "number" || ["inf", "-inf"].includes(cell),
  boolean: (cell) => typeof cell === "number" || typeof cell === "boolean",
  date: (cell) => typeof cell === "string",
  category: (cell) => typeof cell === "string",
};

/** The checked test: `rows` (lists of raw cells of the columns that are not ignored), label texts and probabilities. */
export function readSelfTest(
  { columns: cells, labels, labelTexts, probabilities },
  { columns, classTexts, labelType },
) {
  isOf(cells, "object", "columns of self_test");
  check(Array.isArray(labels) && Array.isArray(probabilities), "self_test must have labels and probabilities");
  const used = columns.filter((column) => column.type !== "ignored");
  const areTheirs = Object.keys(cells).length === used.length && used.every(({ name }) => Object.hasOwn(cells, name));
  check(areTheirs, "self_test must have the columns of the schema, however: it has others");
  const nRows = labels.length;
  check(nRows >= 1 && nRows <= 8, `self_test must have 1 to 8 rows, however: ${nRows}`);
  const values = used.map(({ name, type }) => {
    const isRight = (cell) => cell === null || IS_CELL[type](cell);
    const list = cells[name];
    check(
      Array.isArray(list) && list.length === nRows && list.every(isRight),
      `self_test must have ${nRows} cells of ${quoted(name)}`,
    );
    if (type !== "number") return list;
    return list.map((cell) => (typeof cell === "string" ? (cell === "inf" ? Infinity : -Infinity) : cell));
  });
  const type = labelType === "integer" ? "number" : "string";
  const areClasses = labels.every((label, i) => typeof label === type && classTexts.includes(labelTexts[i]));
  check(areClasses, "labels of self_test must be classes, however: they are not");
  const isRow = (row) => Array.isArray(row) && row.length === classTexts.length && row.every(Number.isFinite);
  check(
    probabilities.length === nRows && probabilities.every(isRow),
    "self_test must have a probability for each class",
  );
  return { rows: labels.map((_, i) => values.map((list) => list[i])), labelTexts, probabilities };
}

/** Throws unless the answers to the test's rows are those recorded. */
export function checkSelfTest({ labelTexts, probabilities: expected }, { indices, probabilities }, classTexts) {
  const failed = "the self-test of the file must pass on this machine, however:";
  const nClasses = classTexts.length;
  for (const [i, row] of expected.entries()) {
    const found = probabilities.subarray(i * nClasses, (i + 1) * nClasses);
    for (const [k, probability] of row.entries()) {
      const isRight = Math.abs(found[k] - probability) <= TOLERANCE;
      check(isRight, `${failed} row ${i} has the probability ${found[k]} in place of ${probability}`);
    }
    const sum = found.reduce((all, each) => all + each, 0);
    check(Math.abs(sum - 1) <= 1e-3 && found.every((each) => each >= 0), `${failed} row ${i} has no probabilities`);
    const [largest, second] = [...row].sort((a, b) => b - a);
    const text = classTexts[indices[i]];
    const isTie = largest - second <= 1e-3 && largest - row[indices[i]] <= 2 * TOLERANCE;
    check(
      text === labelTexts[i] || isTie,
      `${failed} row ${i} has the label ${quoted(text)} in place of ${quoted(labelTexts[i])}`,
    );
  }
}
