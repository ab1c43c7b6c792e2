// What a cell means, by the rule of its column: sections 2.1 to 2.6 of FORMAT.md.

import { quoted } from "./checks.mjs";
import { secondsOfText } from "./dates.mjs";

const BLANKS = new Set(
  ("|#N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|-nan|1.#IND|1.#QNAN|<NA>" +
    "|N/A|NA|NULL|NaN|None|n/a|nan|null").split("|"),
);
const SPACE = "[\\t\\n\\v\\f\\r \\u00a0\\u202f]*";
const SPACES = "\t\n\v\f\r \u00a0\u202f";
const TRUE = /^(?:true|t|yes|y|on)$/i;
const FALSE = /^(?:false|f|no|n|off)$/i;
const INTEGER = /^([+-]?)([0-9]+)(?:\.0*)?$/;

const WHAT = { number: "numbers", boolean: "true or false", date: "dates or times", category: "text" };

/** A function from a raw cell, a text or of a type of JavaScript, to its value: a number, seconds or a category. */
export function rawCellReader(column) {
  const readText = cellReader(column);
  const { type } = column;
  return (cell) => {
    if (typeof cell === "string") {
      if (cell.includes("\0") || !cell.isWellFormed()) {
        throw new Error(`must hold text without U+0000 and lone surrogates, however: ${quoted(cell)}`);
      }
      return readText(cell);
    }
    if (cell === null || cell === undefined || Number.isNaN(cell)) return type === "category" ? "" : NaN;
    if (type === "category" && ["number", "bigint", "boolean"].includes(typeof cell)) return readText(textOf(cell));
    if (type === "date" && cell instanceof Date) return cell.getTime() / 1000;
    const isNumber = type === "number" || type === "boolean";
    if (isNumber && ["number", "bigint", "boolean"].includes(typeof cell)) return Number(cell);
    throw new Error(`must hold ${WHAT[type]}, however: ${cell instanceof Date ? "a Date" : quoted(cell)}`);
  };
}

/** The text of a category that is a number or a boolean. */
function textOf(cell) {
  if (typeof cell === "boolean") return cell ? "True" : "False";
  if (typeof cell === "bigint" || Number.isInteger(cell)) return String(BigInt(cell));
  return Number.isFinite(cell) ? floatText(cell) : cell > 0 ? "inf" : "-inf";
}

/** A float as Python's repr writes it: 2.0, 1e-07, 1e+22. */
export function floatText(value) {
  const [digits, exponent] = value.toExponential().split("e");
  const isShort = Number(exponent) >= -4 && Number(exponent) < 16;
  if (!isShort) return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
  return `${Object.is(value, -0) ? "-0" : value}${Number.isInteger(value) ? ".0" : ""}`;
}

/** A text without white space around it, that of ASCII; no expression, which could take long for long texts. */
export function trimmed(text, white = "\t\n\v\f\r ") {
  let [start, end] = [0, text.length];
  while (start < end && white.includes(text[start])) start += 1;
  while (end > start && white.includes(text[end - 1])) end -= 1;
  return text.slice(start, end);
}

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
  return (cell) => {
    const text = trimmed(cell);
    if (isMissing(text)) return NaN;
    const value = read(text);
    if (value === undefined) throw new Error(`must hold ${WHAT[column.type]}, however: ${quoted(cell)}`);
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
