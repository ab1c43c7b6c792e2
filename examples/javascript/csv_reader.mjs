// Reads CSV files as section 2.8 of FORMAT.md says: delimiter and encoding found or given, cells as text.

import { trimmed } from "./cells.mjs";
import { gunzipped } from "./gzip.mjs";

const DELIMITERS = [",", ";", "\t", "|"];
const WORDS = { comma: ",", semicolon: ";", tab: "\t", "\\t": "\t", pipe: "|" };
const ENCODINGS = ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "windows-1252", "iso-8859-1"];
const ALIASES = {
  utf8: "utf-8",
  "utf-8-sig": "utf-8",
  utf16: "utf-16",
  "utf-16le": "utf-16-le",
  "utf-16be": "utf-16-be",
  cp1252: "windows-1252",
  "latin-1": "iso-8859-1",
  latin1: "iso-8859-1",
};
/** @type {[string, number[]][]} */
const MARKS = [
  ["utf-8", [0xef, 0xbb, 0xbf]],
  ["utf-16-le", [0xff, 0xfe]],
  ["utf-16-be", [0xfe, 0xff]],
];
// what Windows-1252 has from 0x80 to 0x9f; a space stands for nothing
const WINDOWS = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ";
const SAMPLE_BYTES = 1024;
const SAMPLE_LINES = 200;

/**
 * The dialect that options give: `delimiter` and `encoding`, undefined where they are to be found.
 *
 * @param {{ delimiter?: string, encoding?: string }} options
 * @returns {Dialect}
 */
export function givenDialect({ delimiter, encoding }) {
  const sign = DELIMITERS.includes(delimiter ?? "") ? delimiter : own(WORDS, String(delimiter).toLowerCase());
  if (delimiter !== undefined && !sign) {
    throw new Error(`the delimiter must be comma, semicolon, tab or pipe, however: ${JSON.stringify(delimiter)}`);
  }
  const name = String(encoding).toLowerCase().replaceAll("_", "-");
  const code = ENCODINGS.includes(name) ? name : own(ALIASES, name);
  if (encoding !== undefined && !code) {
    throw new Error(`the encoding must be one of ${ENCODINGS.join(", ")}, however: ${JSON.stringify(encoding)}`);
  }
  return { delimiter: sign, encoding: code };
}

/**
 * Names, rows of cells and the lines on which these start, of the bytes of a CSV file. What the dialect leaves out is
 * found.
 *
 * @typedef {{ delimiter?: string, encoding?: string }} Dialect
 * @param {Uint8Array} bytes
 * @param {Dialect} [dialect]
 * @returns {{ names: string[], rows: string[][], lines: number[], dialect: Dialect }}
 */
export function readCsv(bytes, dialect = {}) {
  const [text, encoding] = decoded(gunzipped(bytes), dialect.encoding);
  const lines = linesOf(text);
  const zero = lines.findIndex((line) => line.includes("\0"));
  if (zero >= 0) throw new Error(`the rows must be CSV, however: line ${zero + 1} holds the character U+0000`);
  const sample = lines.slice(0, SAMPLE_LINES);
  const first = Math.max(
    sample.findIndex((line) => !isBlank(line, ",")),
    0,
  );
  const named = sample.length ? namedDelimiter(sample[first]) : undefined;
  const delimiter = dialect.delimiter ?? named ?? foundDelimiter(sample);
  const records = readRecords(lines, delimiter, named === undefined ? 0 : first + 1);
  const { value: header } = records.next();
  if (!header) throw new Error("the rows must start with a line of column names, however: there is none");
  const names = header.cells.map((name) => trimmed(name));
  const last = names.findLastIndex(Boolean); // behind it are nameless ones where lines end with a delimiter
  if (last >= 0) names.length = last + 1;
  /** @type {string[][]} */
  const rows = [];
  /** @type {number[]} */
  const starts = [];
  for (const { line, cells } of records) {
    if (cells.length !== header.cells.length) {
      throw new Error(`line ${line}: a row must have ${header.cells.length} cells, however: ${cells.length}`);
    }
    if (cells.slice(names.length).some((cell) => trimmed(cell))) {
      throw new Error(`line ${line}: cells must stand below a name, however: cell ${names.length + 1} or a later one`);
    }
    rows.push(cells.slice(0, names.length));
    starts.push(line);
  }
  return { names, rows, lines: starts, dialect: { delimiter, encoding } };
}

/** The text of a file and its encoding. */
function decoded(bytes, given) {
  const [marked, mark] = MARKS.find(([, mark]) => mark.every((byte, i) => bytes[i] === byte)) ?? [
    undefined,
    /** @type {number[]} */ ([]),
  ];
  let encoding = given ?? marked ?? unmarkedUtf16(bytes.subarray(0, SAMPLE_BYTES)) ?? "utf-8";
  if (encoding === "utf-16") encoding = marked?.startsWith("utf-16") ? marked : "utf-16-le";
  if (encoding === marked) bytes = bytes.subarray(mark.length);
  if (encoding === "iso-8859-1") return [latin(bytes), encoding];
  const refuse = () => new Error(`the rows must be text in ${encoding}, however: they are not. Give their encoding.`);
  if (encoding === "windows-1252") {
    const unknown = bytes.some((byte) => byte >= 0x80 && byte < 0xa0 && WINDOWS[byte - 0x80] === " ");
    if (unknown) throw refuse();
    return [latin(bytes).replace(/[\x80-\x9f]/g, (sign) => WINDOWS[sign.charCodeAt(0) - 0x80]), encoding];
  }
  if (encoding !== "utf-8" && bytes.length % 2) throw refuse();
  if (encoding === "utf-16-be") bytes = bytes.map((_, i) => bytes[i ^ 1]);
  try {
    const name = encoding === "utf-8" ? encoding : "utf-16le";
    return [new TextDecoder(name, { fatal: true, ignoreBOM: true }).decode(bytes), encoding];
  } catch (error) {
    throw error instanceof TypeError ? refuse() : error;
  }
}

/** Bytes as the characters of the same numbers. */
function latin(bytes) {
  const parts = [];
  for (let i = 0; i < bytes.length; i += 8192) parts.push(String.fromCharCode(...bytes.subarray(i, i + 8192)));
  return parts.join("");
}

/** UTF-16 whose first bytes show zeros at odd or at even offsets only. */
function unmarkedUtf16(head) {
  const zeros = [0, 0];
  head.forEach((byte, i) => (zeros[i % 2] += Number(byte === 0)));
  const all = zeros[0] + zeros[1];
  if (4 * all < head.length || !all || (zeros[0] && zeros[1])) return undefined;
  return zeros[1] ? "utf-16-le" : "utf-16-be";
}

/** The lines of a text with their line ends. */
function linesOf(text) {
  const lines = [];
  const next = { "\n": -1, "\r": -1 }; // positions, looked for only when passed
  for (let start = 0; start < text.length;) {
    for (const sign of ["\n", "\r"]) {
      if (next[sign] < start) next[sign] = text.indexOf(sign, start);
      if (next[sign] < 0) next[sign] = text.length;
    }
    let end = Math.min(next["\n"], next["\r"]) + 1;
    if (text[end - 1] === "\r" && text[end] === "\n") end += 1;
    lines.push(text.slice(start, end));
    start = end;
  }
  return lines;
}

function isBlank(line, delimiter) {
  return (delimiter === "\t" ? /^ *[\r\n]*$/ : /^[ \t]*[\r\n]*$/).test(line);
}

/** The delimiter that a line such as `sep=;` names. */
function namedDelimiter(line) {
  const [, quote, sign, end] = /^("?)sep=([,;\t|])("?)[\r\n]*$/i.exec(line) ?? [];
  return quote === end ? sign : undefined;
}

/** The delimiter that cuts the sample of lines best, the comma if nothing tells. */
function foundDelimiter(lines) {
  let [best, bestScore] = [",", [0, 0, 0]];
  for (const delimiter of DELIMITERS) {
    const score = scoreOf(lines, delimiter);
    const differs = score.findIndex((value, i) => value !== bestScore[i]);
    if (differs >= 0 && score[differs] > bestScore[differs]) [best, bestScore] = [delimiter, score];
  }
  return best;
}

/** Whether all records are alike, how many are from the start, and cells of the first. */
function scoreOf(lines, delimiter) {
  let [cells, alike] = [0, 0];
  try {
    for (const record of readRecords(lines, delimiter)) {
      cells ||= record.cells.length;
      if (cells < 2) return [0, 0, 0];
      if (record.cells.length !== cells) return [0, alike, cells];
      alike += 1;
    }
  } catch (error) {
    return alike ? [Number(Boolean(error.isCutOff)), alike, cells] : [0, 0, 0];
  }
  return [Number(cells >= 2), alike, cells];
}

/** The records of the lines from `next` on, each with the number of its first line. */
function* readRecords(lines, delimiter, next = 0) {
  while (next < lines.length) {
    const start = next;
    let line = lines[next++];
    if (isBlank(line, delimiter)) continue;
    /** @type {string[]} */
    const cells = [];
    for (let position = 0, ended = false; !ended;) {
      while (line[position] === " ") position += 1;
      if (line[position] !== '"') {
        const end = line.indexOf(delimiter, position);
        ended = end < 0;
        cells.push(ended ? line.slice(position).replace(/[\r\n]+$/, "") : line.slice(position, end));
        position = end + 1;
        continue;
      }
      const opened = next;
      /** @type {string[]} */
      const parts = [];
      for (position += 1; ;) {
        const end = line.indexOf('"', position);
        if (end < 0) {
          parts.push(line.slice(position));
          if (next === lines.length) {
            const error = new Error(`line ${opened}: a quoted cell opens here and is not closed`);
            throw Object.assign(error, { isCutOff: true });
          }
          [line, position] = [lines[next++], 0];
          continue;
        }
        const isDoubled = line[end + 1] === '"';
        parts.push(line.slice(position, end + Number(isDoubled)));
        position = end + 1 + Number(isDoubled);
        if (!isDoubled) break;
      }
      cells.push(parts.join(""));
      while (line[position] === " ") position += 1;
      ended = position === line.length || line[position] === "\r" || line[position] === "\n";
      if (!ended && line[position] !== delimiter) {
        throw new Error(`line ${next}: text must not follow the closing quote of a cell`);
      }
      position += 1;
    }
    yield { line: start + 1, cells };
  }
}

function own(object, key) {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
