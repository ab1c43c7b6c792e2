// The columns that a file describes: how raw cells are read, and which inputs of the graph they become (FORMAT.md, 5).

import { cellReader, rawCellReader, trimmed } from "./cells.mjs";
import { check, isOf, quoted } from "./checks.mjs";
import { DATE_PATTERNS } from "./dates.mjs";

const DATE_PARTS = ["days", "month", "weekday", "hour"];
const CHOICES = { decimal: [".", ","], group: ["", ",", ".", "'", "\u2019", " "], pattern: DATE_PATTERNS };
const KEYS = {
  number: ["decimal", "group", "affix", "percent"],
  boolean: [],
  date: ["pattern"],
  category: ["integers"],
  ignored: [],
};

/** Checked columns, each with `read` (raw cell to value) unless it is ignored, and how many columns each input has. */
export function readColumns(entries) {
  const counts = { numeric: 0, categorical: 0 };
  const columns = entries.map((entry) => readColumn(entry, counts));
  const names = columns.map((column) => column.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  check(twice === undefined, `names of columns must be unique, however: ${quoted(twice)} comes twice`);
  check(counts.numeric + counts.categorical, "the schema must have a column that is not ignored, however: it has none");
  return [columns, counts];
}

function readColumn(column, counts) {
  const name = quoted(isOf(column?.name, "string", "the name of a column"));
  const { type, used, missing_in_training: hasMissing } = column;
  check(Object.hasOwn(KEYS, type), `type of ${name} must be one of ${Object.keys(KEYS)}, however: ${quoted(type)}`);
  isOf(used, "boolean", `used of ${name}`);
  isOf(hasMissing, "boolean", `missing_in_training of ${name}`);
  if (type !== "ignored") readRule(column, name);
  readInputs(column, name, counts);
  if (type !== "category") {
    check(column.categories === undefined, `${name} is no category, and must have no categories, however: it has`);
    check(used || !hasMissing, `${name} is not used, so missing_in_training must be false, however: it is true`);
    check(type !== "ignored" || !used, `${name} is ignored, so used must be false, however: it is true`);
    return type === "ignored" ? column : { ...column, read: rawCellReader(column) };
  }
  const read = cellReader(column);
  checkTexts(column.categories, `categories of ${name}`, (text) => read(text) === text);
  const known = new Set(column.categories);
  check(used === known.size > 0, `used of ${name} must fit its categories, however: ${used}`);
  check(hasMissing === known.has(""), `missing_in_training of ${name} must fit its categories, however: ${hasMissing}`);
  return { ...column, read: rawCellReader(column), known };
}

function readRule(column, name) {
  checkTexts(column.missing, `missing of ${name}`, (text) => trimmed(text) === text);
  for (const key of KEYS[column.type]) {
    const what = `${key} of ${name}`;
    isOf(column[key], key === "percent" || key === "integers" ? "boolean" : "string", what);
    const choices = CHOICES[key];
    check(
      !choices || choices.includes(column[key]),
      `${what} must be one of ${quoted(choices?.join(" "))}, however: ${quoted(column[key])}`,
    );
  }
  if (column.type !== "number") return;
  check(column.decimal !== column.group, `decimal and group of ${name} must differ, however: they are the same`);
  const isTrimmed = trimmed(column.affix, "\t\n\v\f\r \u00a0\u202f") === column.affix && !column.affix.includes("\0");
  check(isTrimmed, `affix of ${name} must be trimmed, however: ${quoted(column.affix)}`);
}

function readInputs({ type, inputs }, name, counts) {
  check(Array.isArray(inputs), `inputs of ${name} must be a list`);
  const [fewest, most] = type === "ignored" ? [0, 0] : type === "date" ? [1, 4] : [1, 1];
  const isRight = inputs.length >= fewest && inputs.length <= most;
  check(isRight, `inputs of ${name} must be ${fewest} to ${most}, however: ${inputs.length}`);
  const matrix = type === "category" ? "categorical" : "numeric";
  const parts = type === "date" ? DATE_PARTS : ["value"];
  for (const { input, position, part, offset } of inputs.map((each) => isOf(each, "object", `inputs of ${name}`))) {
    check(input === matrix, `inputs of ${name} must be ${matrix}, however: ${quoted(input)}`);
    check(position === counts[matrix], `position of ${name} must be ${counts[matrix]}, however: ${quoted(position)}`);
    counts[matrix] += 1;
    if (matrix === "categorical") continue;
    check(parts.includes(part), `part of ${name} must be one of ${parts}, however: ${quoted(part)}`);
    check(Number.isFinite(offset), `offset of ${name} must be a finite number, however: ${quoted(offset)}`);
  }
  const named = inputs.map((each) => each.part);
  check(new Set(named).size === named.length, `parts of ${name} must be unique, however: ${named}`);
}

function checkTexts(values, what, isCanonical) {
  check(Array.isArray(values), `${what} must be a list`);
  for (const value of values) {
    isOf(value, "string", `each of ${what}`);
    check(isCanonical(value) && !value.includes("\0"), `${what} must be as cells are read, however: ${quoted(value)}`);
  }
  check(new Set(values).size === values.length, `${what} must be unique, however: one comes twice`);
}
