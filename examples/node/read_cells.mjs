// Compares the readers of cells with a table: node read_cells.mjs ../../tests/conformance/cells.json

import { readFileSync } from "node:fs";
import { cellReader } from "../javascript/cells.mjs";
import { datePart } from "../javascript/dates.mjs";

const table = JSON.parse(readFileSync(process.argv[2], "utf8"));
let [compared, wrong] = [0, 0];

function compare(where, expected, found) {
  compared += 1;
  const shown =
    typeof found === "number" && !Number.isFinite(found)
      ? ({ NaN: "nan" }[found] ?? (found > 0 ? "inf" : "-inf"))
      : found;
  if (shown === expected) return;
  wrong += 1;
  console.log(`${where} must be ${JSON.stringify(expected)}, however: ${JSON.stringify(shown)}`);
}

for (const group of ["number", "date", "category"]) {
  const { rules, cells } = table[group];
  const readers = rules.map(cellReader);
  for (const [text, values] of cells) {
    for (const [i, read] of readers.entries()) {
      let found;
      try {
        found = read(text);
      } catch {
        found = "error";
      }
      compare(`${JSON.stringify(text)} under ${JSON.stringify(rules[i])}`, values[i], found);
    }
  }
}
for (const [seconds, values] of table.date_parts.seconds) {
  const number = seconds === "nan" ? NaN : seconds;
  values.forEach((value, i) =>
    compare(`${table.date_parts.parts[i]} of ${seconds}`, value, datePart(number, table.date_parts.parts[i])),
  );
}
console.log(`${compared - wrong} of ${compared} values as in the table`);
process.exitCode = wrong ? 1 : 0;
