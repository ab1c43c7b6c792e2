"""Probabilities as text with nine significant digits, which hold a float32: ``f"{number:.9g}"``, of many at once.

Only NumPy may be imported.

Axis letters: N rows, C classes, M = N C numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["number_lines"]

Words = npt.NDArray[np.uint32]  # of four characters, zero bytes where there are fewer

_AT_ONCE = 1 << 15  # numbers
_DIGITS = 9
_SMALLEST = -14  # decimal exponent below which a power of ten beyond 10**22 would be needed, which float64 has not
_EXPONENTS = range(_SMALLEST, 1)  # of the first digit
_POWERS = np.array([float(f"1e{exponent}") for exponent in _EXPONENTS])
_SCALES = np.array([float(f"1e{_DIGITS - 1 - exponent}") for exponent in _EXPONENTS])  # exact
_DOUBT = 2.0**-22  # from a half, at which a product of 30 bits may have been rounded across it
_WIDTH = 6  # words of a number


def _words(texts: Iterable[str], width: int = 1) -> Words:
    return np.array(list(texts), f"S{4 * width}").view(np.uint32).reshape(-1, width)


def _first_three(digits: str, *, are_last: bool, has_point: bool) -> str:
    """The first digits of a number, a point behind the first of them or none."""
    first, others = digits[:1], digits[1:].rstrip("0") if are_last else digits[1:]
    return first + "." * (has_point and others != "") + others


_TRIPLES = [f"{number:03}" for number in range(1000)]
_MIDDLE = _words([*_TRIPLES, *(digits.rstrip("0") for digits in _TRIPLES)]).ravel()  # from 1000 on with nothing behind
_LOW = _MIDDLE[1000:]
_HIGH = _words(
    _first_three(digits, are_last=are_last, has_point=has_point)
    for has_point in (False, True) for are_last in (False, True) for digits in _TRIPLES
).ravel()  # fmt: skip
# what stands before and behind the digits: 0.000123 down to an exponent of -4, then 1.23e-05
_BEFORE = _words((f"0.{'0' * (-1 - e)}" if -4 <= e < 0 else "" for e in _EXPONENTS), 2)
_BEHIND = _words(f"e-{-e:02}" if e < -4 else "" for e in _EXPONENTS).ravel()
_OF_POINT = np.array([2000 * (e < -4 or e == 0) for e in _EXPONENTS])  # where such numbers begin in _HIGH
_COMMA, _LINE_END = _words([",", "\n"]).ravel()


def number_lines(numbers: npt.NDArray[np.float32]) -> Iterator[str]:
    """Numbers (N, C) as N lines, commas between them.

    Examples
    --------
    >>> list(number_lines(np.array([[0.25, 0.75], [1, 0], [0.1, 1e-5]], np.float32)))
    ['0.25,0.75', '1,0', '0.100000001,9.99999975e-06']
    """
    n_columns = numbers.shape[1]
    step = max(_AT_ONCE // n_columns, 1)
    for start in range(0, len(numbers), step):
        part = numbers[start : start + step]
        rows = np.empty((len(part), n_columns, _WIDTH + 1), np.uint32)
        rows[:, :, :-1] = _number_words(part.ravel()).reshape(len(part), n_columns, _WIDTH)
        rows[:, :, -1] = _COMMA
        rows[:, -1, -1] = _LINE_END
        yield from rows.tobytes().translate(None, b"\0").decode().splitlines()


def _number_words(numbers: npt.NDArray[np.float32]) -> Words:
    """The characters of numbers (M, _WIDTH)."""
    values = np.where(np.isfinite(numbers), numbers, -1.0).astype(np.float64)
    exponents = np.searchsorted(_POWERS, values, side="right") - 1
    scaled = values * _SCALES.take(exponents, mode="clip")
    whole = np.floor(scaled)
    known = (exponents >= 0) & (whole >= 10 ** (_DIGITS - 1)) & (scaled < 10**_DIGITS - 1)
    known &= np.abs(scaled - whole - 0.5) > _DOUBT  # in the middle an even digit would be next
    integers = np.where(known, np.rint(scaled), 0).astype(np.int32)
    exponents[~known] = 0
    high, low = np.divmod(integers, 1000)
    high, middle = np.divmod(high, 1000)
    words = np.empty((len(numbers), _WIDTH), np.uint32)
    words[:, :2] = _BEFORE.take(exponents, axis=0)
    words[:, 2] = _HIGH.take(high + 1000 * ((middle == 0) & (low == 0)) + _OF_POINT.take(exponents))
    words[:, 3] = _MIDDLE.take(middle + 1000 * (low == 0))
    words[:, 4] = _LOW.take(low)
    words[:, 5] = _BEHIND.take(exponents)
    others = np.flatnonzero(~known)
    if len(others):
        words[others] = _words((f"{number:.9g}" for number in numbers[others].tolist()), _WIDTH)
    return words
