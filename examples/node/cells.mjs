// What a cell's text means, by the rule of its column: sections 2.1 to 2.5 of FORMAT.md.

import { trimmed } from "./csv_reader.mjs";
import { secondsOfText } from "./dates.mjs";

const BLANKS = new Set(
  ["", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"].concat(
    ["NULL", "NaN", "None", "n/a", "nan", "null"],
  ),
);
const SPACE = "[\\t\\n\\v\\f\\r \\u00a0\\u202f]*";
const SPACES = "\t\n\v\f\r \u00a0\u202f";
const TRUE = /^(?:true|t|yes|y|on)$/i;
const FALSE = /^(?:false|f|no|n|off)$/i;
const INTEGER = /^([+-]?)([0-9]+)(?:\.0*)?$/;

/** A function from text to the value of a cell: a number (NaN if missing), seconds of a date, or a category. */
export function cellReader(column) {
  const missing = new Set(column.missing);
  const isMissing = (text) => BLANKS.has(text) || missing.has(text);
  if (column.type === "category") {
    return (cell) => {
      const text = trimmed(cell).normalize("NFC");
      if (isMissing(text)) return "";
      const integer = column.integers && INTEGER.exec(text);
      if (!integer) return text;
      const digits = integer[2].replace(/^0+(?=[0-9])/, "");
      return integer[1] === "-" && digits !== "0" ? `-${digits}` : digits;
    };
  }
  const read = column.type === "date" ? (text) => secondsOfText(text, column.pattern) : numberReader(column);
  const what = { number: "numbers", boolean: "true or false", date: "dates or times" }[column.type];
  return (cell) => {
    const text = trimmed(cell);
    if (isMissing(text)) return NaN;
    const value = read(text);
    if (value === undefined) throw new Error(`must hold ${what}, however: ${JSON.stringify(cell)}`);
    return value;
  };
}

/** A function from trimmed text to the number that it says, undefined if none. */
function numberReader({ type, decimal = ".", group = "", affix = "", percent = false }) {
  const ways = waysToWrite(decimal, group, affix, percent);
  if (decimal !== "." || group) ways.push(...waysToWrite(".", "", affix, percent));
  return (text) => {
    const inside = inParentheses(text, affix);
    for (const { pattern, separators, point } of ways) {
      const match = pattern.exec(inside ?? text)?.groups;
      if (!match) continue;
      const sign = match.sign + (match.inner ?? "");
      if (sign.length > (inside === undefined ? 1 : 0)) return undefined;
      const digits = separators ? match.digits.replace(separators, "") : match.digits;
      const number = Number(digits.replace(point, ".")) / (match.percent ? 100 : 1);
      return inside !== undefined || sign === "-" ? -number : number;
    }
    if (/^[+-]?inf(?:inity)?$/i.test(text)) return text[0] === "-" ? -Infinity : Infinity;
    if (/^[+-]?nan$/i.test(text)) return NaN;
    if (type !== "boolean") return undefined;
    return TRUE.test(text) ? 1 : FALSE.test(text) ? 0 : undefined;
  };
}

/** Expressions for numbers with the affix before them, then for others. */
function waysToWrite(point, group, affix, hasPercent) {
  const separator = group === " " ? "[ \\u00a0\\u202f]" : escaped(group);
  const inner = group === "," ? "[0-9]{2,3}" : "[0-9]{3}";
  const whole = group ? `(?:[0-9]{1,3}(?:${separator}${inner})*${separator}[0-9]{3}|[0-9]+)` : "[0-9]+";
  const D = escaped(point);
  const digits = `(?<digits>(?:${whole}(?:${D}[0-9]*)?|${D}[0-9]+)(?:[eE][+-]?[0-9]+)?)`;
  const number = digits + (hasPercent ? `(?<percent>${SPACE}%)?` : "");
  const texts = [`(?<sign>[+-]?)${number}${affix ? `(?:${SPACE}${escaped(affix)})?` : ""}`];
  if (affix) texts.unshift(`(?<sign>[+-]?)${escaped(affix)}${SPACE}(?<inner>[+-]?)${number}`);
  const separators = group && new RegExp(separator, "g");
  return texts.map((text) => ({ pattern: new RegExp(`^${text}$`), separators, point }));
}

/** What stands in parentheses, which is negative; an affix may stand before or behind them. */
function inParentheses(text, affix) {
  let [before, after] = ["", ""];
  if (affix && text.endsWith(")") && text.startsWith(affix)) {
    [before, text] = [affix, trimmed(text.slice(affix.length), SPACES)];
  } else if (affix && text.startsWith("(") && text.endsWith(affix)) {
    [after, text] = [affix, trimmed(text.slice(0, -affix.length), SPACES)];
  }
  const isInside = text.length > 1 && text.startsWith("(") && text.endsWith(")");
  return isInside ? before + trimmed(text.slice(1, -1)) + after : undefined;
}

function escaped(text) {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
