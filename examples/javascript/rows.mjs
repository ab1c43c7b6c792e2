// From tables of raw cells to what the graph reads, and what looks odd about them.

import { quoted } from "./checks.mjs";
import { datePart } from "./dates.mjs";

const MIN_ROWS = 5; // fewer may be odd by chance

/** Throws unless `header` has the names of the columns, each once, in any order; ignored ones may be absent. */
export function checkNames(header, columns, names, ignoreExtra = false) {
  const [known, given] = [new Set(names), new Set(header)];
  const found = Object.entries({
    missing: names.filter((name, i) => columns[i].type !== "ignored" && !given.has(name)),
    unknown: ignoreExtra ? [] : header.filter((name) => !known.has(name)),
    repeated:
      given.size === header.length
        ? []
        : header.filter((name, i) => header.indexOf(name) !== i && !(ignoreExtra && !known.has(name))),
  }).filter(([, wrong]) => wrong.length);
  if (!found.length) return;
  const shown = (some) =>
    some
      .slice(0, 12)
      .map((name) => quoted(name))
      .join(", ");
  const listed = (some) => shown(some) + (some.length > 12 ? ", ..." : "");
  const problem = found.map(([word, wrong]) => `${word}: ${listed(wrong)}`).join("; ");
  throw new Error(`the rows must have the ${names.length} columns ${listed(names)}, however: ${problem}`);
}

/** The values of each column, of rows that hold its cell at its position; `where` names a row in an error. */
export function readValues(columns, positions, rows, where) {
  return columns.map((column, c) =>
    rows.map((row, i) => {
      try {
        return column.read(row[positions[c]]);
      } catch (error) {
        throw new Error(`${where(i)}: column ${quoted(column.name)} ${error.message}`);
      }
    }),
  );
}

/** The matrices that the graph reads, from the values of the columns. */
export function toInputs(columns, values, nRows, shapes, Tensor) {
  const data = new Map(
    shapes.map(([name, type, count]) => [name, new (type === "float32" ? Float32Array : Array)(nRows * count)]),
  );
  const counts = new Map(shapes.map(([name, , count]) => [name, count]));
  for (const [c, column] of columns.entries()) {
    for (const { input, position, part, offset } of column.inputs) {
      const [matrix, count] = [data.get(input), counts.get(input)];
      values[c].forEach((value, i) => {
        const number = part === undefined || part === "value" ? value : datePart(value, part);
        matrix[i * count + position] = input === "numeric" ? number - offset : value; // float64, then float32
      });
    }
  }
  return Object.fromEntries(
    shapes.map(([name, type, count]) => [name, new Tensor(type, data.get(name), [nRows, count])]),
  );
}

/** Counts, over all batches, what looks as if the rows were written in another way than those of training. */
export class OddCells {
  constructor(columns) {
    this.columns = columns;
    this.nRows = 0;
    this.counts = columns.map(() => ({ missing: 0, unseen: 0, examples: new Set() }));
  }

  add(values, nRows) {
    this.nRows += nRows;
    for (const [c, { known }] of this.columns.entries()) {
      const count = this.counts[c];
      for (const value of values[c]) {
        if (value === "" || Number.isNaN(value)) count.missing += 1;
        else if (known && !known.has(value)) {
          count.unseen += 1;
          if (count.examples.size < 3) count.examples.add(value);
        }
      }
    }
  }

  /** Sentences on the columns that are mostly unseen, or missing throughout though none was in training. */
  warnings() {
    if (this.nRows < MIN_ROWS) return [];
    return this.columns.flatMap(({ name, used, missing_in_training: hasMissing }, c) => {
      const { missing, unseen, examples } = this.counts[c];
      if (!used) return [];
      if (!hasMissing && missing === this.nRows) {
        return [`in column ${quoted(name)} all cells are missing, as none was in training`];
      }
      if (unseen <= this.nRows / 2) return [];
      const texts = [...examples].map((text) => quoted(text)).join(", ");
      return [
        `${unseen} of ${this.nRows} cells of column ${quoted(name)} are categories that the model does not know, ` +
          `such as ${texts}`,
      ];
    });
  }
}
