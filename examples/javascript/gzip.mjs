// Unpacks gzip files of one member or several (RFC 1951, 1952). DecompressionStream of browsers takes one member only.

const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const [LENGTHS, LENGTH_BITS] = ranges(
  3,
  [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5],
);
LENGTHS.push(258);
LENGTH_BITS.push(0);
const [DISTANCES, DISTANCE_BITS] = ranges(
  1,
  Array.from({ length: 30 }, (_, i) => Math.max(0, (i >> 1) - 1)),
);
const FIXED = [0, 1].map((i) => {
  const sizes = i
    ? new Array(30).fill(5)
    : Array.from({ length: 288 }, (_, k) => (k < 144 ? 8 : k < 256 ? 9 : k < 280 ? 7 : 8));
  return codeTable(sizes);
});
const CHECKSUMS = Uint32Array.from({ length: 256 }, (_, i) => {
  for (let k = 0; k < 8; k++) i = i & 1 ? (i >>> 1) ^ 0xedb88320 : i >>> 1;
  return i;
});
const MAX_BYTES = 2 ** 30; // more is no text that a string of JavaScript holds

/** The bytes themselves, or what they unpack to if they are a gzip file. */
export function gunzipped(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const out = { bytes: new Uint8Array(4 * bytes.length + 1024), size: 0 };
  try {
    for (let at = 0; at < bytes.length;) {
      const start = out.size;
      at = inflate(bytes, headerEnd(bytes, at), out);
      if (at + 8 > bytes.length) throw new Error("it is cut off");
      const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
      const isWhole = view.getUint32(4, true) === out.size - start;
      if (!isWhole || view.getUint32(0, true) !== checksum(out.bytes.subarray(start, out.size))) {
        throw new Error("its checksum is wrong");
      }
      at += 8;
      while (at < bytes.length && bytes[at] === 0) at += 1; // zeros may follow
    }
  } catch (error) {
    throw new Error(`the rows must be a gzip file, as they begin as one, however: ${error.message}`);
  }
  return out.bytes.subarray(0, out.size);
}

function headerEnd(bytes, at) {
  const [flags, isGzip] = [bytes[at + 3], bytes[at] === 0x1f && bytes[at + 1] === 0x8b && bytes[at + 2] === 8];
  if (!isGzip || flags > 31) throw new Error("it is damaged, or something else follows");
  let end = at + 10;
  if (flags & 4) end += 2 + bytes[end] + 256 * bytes[end + 1];
  for (const flag of [8, 16]) if (flags & flag) end = bytes.indexOf(0, end) + 1 || Infinity; // name, comment
  if (flags & 2) end += 2;
  if (!(end <= bytes.length)) throw new Error("it is cut off");
  return end;
}

/** Appends the blocks that begin at `at` to `out`, and gives the position behind them. */
function inflate(bytes, at, out) {
  let [held, count] = [0, 0]; // bits read and not used, the first of them lowest
  const need = (n) => {
    for (; count < n; count += 8) {
      if (at >= bytes.length + 4) throw new Error("it is cut off");
      held |= (bytes[at++] ?? 0) << count; // zeros behind the end: a code may be shorter than what is looked at
    }
  };
  const bits = (n) => {
    need(n);
    const value = held & ((1 << n) - 1);
    held >>>= n;
    count -= n;
    return value;
  };
  const symbol = ({ table, width }) => {
    need(width);
    const entry = table[held & ((1 << width) - 1)];
    if (!entry) throw new Error("it is damaged");
    held >>>= entry & 15;
    count -= entry & 15;
    return entry >> 4;
  };
  for (let isLast = 0; !isLast;) {
    isLast = bits(1);
    const type = bits(2);
    if (type === 3) throw new Error("it is damaged");
    if (type === 0) {
      at -= count >> 3; // whole bytes that were read ahead
      [held, count] = [0, 0];
      const size = bytes[at] + 256 * bytes[at + 1];
      if (!(at + 4 + size <= bytes.length)) throw new Error("it is cut off");
      if ((size ^ (bytes[at + 2] + 256 * bytes[at + 3])) !== 0xffff) throw new Error("it is damaged");
      reserve(out, size);
      out.bytes.set(bytes.subarray(at + 4, at + 4 + size), out.size);
      out.size += size;
      at += 4 + size;
      continue;
    }
    const [literals, distances] = type === 1 ? FIXED : codesOfBlock(bits, symbol);
    for (let code; (code = symbol(literals)) !== 256;) {
      reserve(out, 258);
      if (code < 256) {
        out.bytes[out.size++] = code;
        continue;
      }
      const size = LENGTHS[code - 257] + bits(LENGTH_BITS[code - 257]);
      const which = symbol(distances);
      const distance = DISTANCES[which] + bits(DISTANCE_BITS[which]);
      if (!(distance <= out.size)) throw new Error("it is damaged");
      for (let i = 0; i < size; i++, out.size++) out.bytes[out.size] = out.bytes[out.size - distance];
    }
  }
  at -= count >> 3;
  if (at > bytes.length) throw new Error("it is cut off");
  return at;
}

/** The codes of literals and lengths, and of distances, that a block defines. */
function codesOfBlock(bits, symbol) {
  const [nLiterals, nDistances, nSizes] = [bits(5) + 257, bits(5) + 1, bits(4) + 4];
  const sizes = new Array(19).fill(0);
  for (let i = 0; i < nSizes; i++) sizes[ORDER[i]] = bits(3);
  const code = codeTable(sizes);
  const all = [];
  while (all.length < nLiterals + nDistances) {
    const size = symbol(code);
    const [value, times] =
      size < 16 ? [size, 1] : size === 16 ? [all.at(-1), 3 + bits(2)] : [0, size === 17 ? 3 + bits(3) : 11 + bits(7)];
    for (let i = 0; i < times; i++) all.push(value);
  }
  if (all.length > nLiterals + nDistances || all.includes(undefined)) throw new Error("it is damaged");
  return [codeTable(all.slice(0, nLiterals)), codeTable(all.slice(nLiterals))];
}

/** By the next `width` bits, the symbol times 16 plus the size of its code; 0 for none. */
function codeTable(sizes) {
  const width = Math.max(...sizes, 1);
  const table = new Uint16Array(1 << width);
  let code = 0;
  for (let size = 1; size <= width; size++, code <<= 1) {
    for (const [symbol, own] of sizes.entries()) {
      if (own !== size) continue;
      if (code >> size) throw new Error("it is damaged");
      let reversed = 0;
      for (let i = 0; i < size; i++) reversed |= ((code >> i) & 1) << (size - 1 - i);
      for (let i = reversed; i < table.length; i += 1 << size) table[i] = symbol * 16 + size;
      code += 1;
    }
  }
  return { table, width };
}

function reserve(out, size) {
  if (out.size + size <= out.bytes.length) return;
  if (out.size + size > MAX_BYTES) throw new Error("it holds more than a gigabyte. Split it.");
  const larger = new Uint8Array(2 * (out.size + size));
  larger.set(out.bytes.subarray(0, out.size));
  out.bytes = larger;
}

function checksum(bytes) {
  let value = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) value = CHECKSUMS[(value ^ bytes[i]) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

function ranges(start, extra) {
  const starts = extra.map((bits) => [start, (start += 1 << bits)][0]);
  return [starts, extra];
}
