"""The gzip reader of the JavaScript examples unpacks what Python's does, and refuses what is damaged."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest

GZIP = Path(__file__).parents[2] / "examples" / "javascript" / "gzip.mjs"
N_FILES = 600
pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="needs node")

# standard input is a JSON list of files in hexadecimal digits; prints the SHA-256 of what each unpacks to, or "refused"
UNPACK_ALL = """
const { createHash } = await import("node:crypto");
const { readFileSync } = await import("node:fs");
const { gunzipped } = await import(process.argv[1]);
for (const file of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    console.log(createHash("sha256").update(gunzipped(Buffer.from(file, "hex"))).digest("hex"));
  } catch (error) {
    if (error.constructor !== Error) throw error;
    console.log("refused");
  }
}
"""


def content(rng: random.Random) -> bytes:
    """Bytes that repeat themselves more or less."""
    size, kind = rng.choice([0, 1, 10, 1000, 40_000, 70_000]), rng.randrange(3)
    if kind == 0:
        return rng.randbytes(size)
    if kind == 1:
        return bytes(rng.choices(b"abcd,\n", k=size))
    return (b"12.5,Bern,yes\n" * (size // 14 + 1))[:size]


def member(data: bytes, rng: random.Random) -> bytes:
    """One member, by any level, strategy and window, with or without the optional fields of its header."""
    strategy = rng.choice([zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED])
    packer = zlib.compressobj(rng.randrange(10), zlib.DEFLATED, -rng.randrange(9, 16), rng.randrange(1, 10), strategy)
    flags = rng.choice([0, 0, 0, 4, 8, 16, 28])
    head = bytes([0x1F, 0x8B, 8, flags, 0, 0, 0, 0, 0, 255]) + (b"\x03\x00abc" if flags & 4 else b"")
    head += (b"rows.csv\0" if flags & 8 else b"") + (b"\xe9 comment\0" if flags & 16 else b"")
    end = zlib.crc32(data).to_bytes(4, "little") + len(data).to_bytes(4, "little")
    return head + packer.compress(data) + packer.flush() + end


def test_whole_and_damaged_files_are_read_as_python_reads_them() -> None:
    rng = random.Random(5)
    files, expected = [], []
    for i in range(N_FILES):
        data = b"".join(member(content(rng), rng) for _ in range(rng.choice([1, 1, 2, 3])))
        data += b"\0" * rng.choice([0, 0, 7])
        if i % 3 == 0:
            damaged = bytearray(data[: rng.randrange(5, len(data))] if rng.random() < 0.4 else data)
            place = rng.randrange(4, len(damaged))  # behind the flags: Python ignores unknown ones
            damaged[place] ^= 1 << rng.randrange(8)
            data = bytes(damaged)
        files.append(data.hex())
        try:
            expected.append(hashlib.sha256(gzip.decompress(data)).hexdigest())
        except (OSError, EOFError, zlib.error):
            expected.append("refused")
    command = ["node", "--input-type=module", "--eval", UNPACK_ALL, GZIP.as_uri()]
    done = subprocess.run(command, input=json.dumps(files), capture_output=True, encoding="utf-8", timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    found = done.stdout.splitlines()
    assert [i for i in range(N_FILES) if found[i] != expected[i]] == []
    assert 100 < expected.count("refused") < 300
