"""How C writes numbers, texts and arrays: pure ASCII, and nothing that a strict compiler warns of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

__all__ = [
    "array",
    "bytes_of",
    "comment_text",
    "double_literal",
    "float_literal",
    "integer_type",
    "structs",
    "weight_literals",
]

_LINE = 110
_BYTES = 24
_SMALLEST = 1e-37  # a weight below it may be flushed to zero anyway


def float_literal(value: float) -> str:
    """The shortest literal of a float32.

    Examples
    --------
    >>> [float_literal(value) for value in (5.0, 0.1, -1e-20)]
    ['5.0f', '0.1f', '-1e-20f']
    """
    return f"{np.float32(value)!s}f"


def double_literal(value: float) -> str:
    """The shortest literal of a float64.

    Examples
    --------
    >>> [double_literal(value) for value in (5.0, 0.1, -1e22)]
    ['5.0', '0.1', '-1e+22']
    """
    return repr(float(value))


def weight_literals(values: Iterable[float]) -> list[str]:
    """Literals of float32 weights, zero where they are as good as that."""
    return [float_literal(value if abs(value) >= _SMALLEST else 0.0) for value in values]


def comment_text(text: str, length: int = 60) -> str:
    r"""A text for a comment, quoted, in ASCII, not longer than that.

    Examples
    --------
    >>> print(comment_text("a */ b"), comment_text("Zürich\n"))
    "a *\/ b" "Z\xfcrich\n"
    """
    escaped = text.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    escaped = escaped if len(escaped) <= length else escaped[: length - 3].rstrip("\\") + "..."
    return '"' + escaped.replace("*/", "*\\/").replace("/*", "/\\*") + '"'


def bytes_of(text: str) -> list[str]:
    r"""The bytes of a text and the zero that ends it, a few to a string; letters as such.

    Examples
    --------
    >>> bytes_of("a-\\é")
    ["'a','-',92,195,169,0"]
    """
    found = [f"'{chr(b)}'" if 0x20 <= b < 0x7F and b not in b"'\\" else str(b) for b in (text + "\0").encode()]
    return [",".join(found[start : start + _BYTES]) for start in range(0, len(found), _BYTES)]


def integer_type(values: Sequence[int]) -> str:
    """The smallest unsigned type that holds them."""
    largest = max(values, default=0)
    return "uint8_t" if largest < 2**8 else "uint16_t" if largest < 2**16 else "uint32_t"


def array(declaration: str, values: Iterable[str]) -> str:
    """A constant array with its values, at least one: C has no empty ones.

    Examples
    --------
    >>> print(array("float knots", ["0.5f", "1.0f"]), end="")
    static const float knots[] = {
        0.5f, 1.0f,
    };
    """
    lines, line = [f"static const {declaration}[] = {{"], "   "
    for value in [*values] or ["0"]:
        if len(line) + len(value) > _LINE:
            lines.append(line)
            line = "   "
        line += f" {value},"
    return "\n".join([*lines, line, "};", ""])


def structs(type_name: str, values: Sequence[str]) -> str:
    """A constant array of structs, one a line; nothing if there are none."""
    lines = "".join(f"    {{{each}}},\n" for each in values)
    return f"\nstatic const {type_name} {type_name}s[] = {{\n{lines}}};\n" if values else ""
