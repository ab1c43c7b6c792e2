"""Plain numbers of many cells at once, from bytes: eight characters are one integer of 64 bits, eight digits one step.

A number found here is the one that ``float`` says, to the last bit; what is not found is for slower readers. Only NumPy
may be imported.

Axis letters: N cells.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mothernet_runtime.numerals import Decimal

__all__ = ["PADDING", "byte_numbers", "masked_words", "windows_of"]

Words = npt.NDArray[np.uint64]

PADDING = 24  # bytes that must stand before the first cell
_WORDS = 3  # of eight characters: longer numbers are left
_EACH, _HIGH = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_ONE, _SEVEN, _BYTE, _TOP, _FULL = (np.uint64(number) for number in (1, 7, 8, 56, 255))
_ZEROS, _BEYOND_NINE = np.uint64(ord("0")) * _EACH, np.uint64(0x80 - 10) * _EACH
# the last n characters of eight
_LAST = np.array([0, *((2**64 - 1) ^ (2 ** (8 * (8 - n)) - 1) for n in range(1, 9))], np.uint64)
_FIRST_EXACT = 2**53  # up to it float64 holds all integers
_TENS = 10.0 ** np.arange(_WORDS * 8)
# whether there is the type of x87, which holds all integers below 2**64 and powers of ten up to 10**27, and rounds once
_HAS_WIDE = np.finfo(np.longdouble).nmant == 63 and np.dtype(np.longdouble).itemsize == 16
_WIDE_TENS = np.cumprod(np.array([1, *[10] * (_WORDS * 8 - 1)], np.longdouble))


def windows_of(characters: npt.NDArray[np.uint8]) -> Words:
    """The eight characters from each position on as one integer, the first in the lowest byte; nothing is copied."""
    return np.ndarray((len(characters) - 7,), "<u8", characters, strides=(1,))


def masked_words(windows: Words, ends: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], n: int) -> list[Words]:
    """The last 8 n characters of cells, from the last word to the first; zero bytes where a cell is shorter."""
    return [
        windows[ends - 8 * (k + 1)] & _LAST.take((lengths - 8 * k).clip(0, 8) if n > 1 else lengths) for k in range(n)
    ]


def byte_numbers(
    characters: npt.NDArray[np.uint8],
    windows: Words,
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    decimal: Decimal = ".",
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The numbers of cells ``[+-]?`` digits, with one decimal sign or none among them.

    Parameters
    ----------
    characters : ndarray of uint8
        With the cells somewhere, `PADDING` before and eight more behind them.
    windows : ndarray of uint64
        `windows_of` them.
    starts, ends : ndarray (N,)
        Where each cell starts and ends.
    decimal : {".", ","}

    Returns
    -------
    numbers : ndarray (N,)
        NaN where none was found.
    found : ndarray (N,) of bool
        Cells that are longer, hold more digits than a float64 tells apart for sure, or anything else, are not.

    Examples
    --------
    >>> text = np.frombuffer(bytes(PADDING) + b"-1.25,7,x,  " + bytes(8), np.uint8)
    >>> byte_numbers(text, windows_of(text), PADDING + np.array([0, 6, 8]), PADDING + np.array([5, 7, 9]))
    (array([-1.25,  7.  ,   nan]), array([ True,  True, False]))
    """
    first = characters[starts]
    is_negative = first == ord("-")
    lengths = ends - starts - (is_negative | (first == ord("+")))
    longest = int(lengths.max(initial=0))
    if longest <= 8:
        numbers, found = _unsigned(windows, ends, lengths, decimal, 1)
    else:
        numbers, found = np.full(len(starts), np.nan), np.zeros(len(starts), np.bool_)
        for n in range(1, _WORDS + 1):
            rows = np.flatnonzero((lengths > 8 * (n - 1)) & (lengths <= 8 * n))
            if len(rows):
                numbers[rows], found[rows] = _unsigned(windows, ends[rows], lengths[rows], decimal, n)
    np.negative(numbers, out=numbers, where=is_negative)
    numbers[~found] = np.nan
    return numbers, found


def _unsigned(
    windows: Words, ends: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], decimal: Decimal, n: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Numbers of cells of 8 n - 7 to 8 n characters, or of fewer than one; what is not found is anything."""
    sign = np.uint64(ord(decimal)) * _EACH
    mask = _LAST.take(np.maximum(lengths - 8 * (n - 1), 0))
    texts = [windows[ends - 8 * (k + 1)] for k in range(n)]  # the last word first
    texts[-1] = (texts[-1] & mask) | (_ZEROS & ~mask)
    wrong = np.zeros(len(ends), np.uint64)
    behind = np.zeros(len(ends), np.uint64)  # all bits where the sign stands behind this word
    decimals = np.zeros(len(ends), np.uint64)
    total = np.zeros(len(ends), np.uint64)
    for k, text in enumerate(texts):
        # the highest bit of the bytes that are the decimal sign, by arithmetic that does not carry between bytes
        other = text ^ sign
        at = ~(((other & ~_HIGH) + ~_HIGH) | other | ~_HIGH)
        here = np.negative((at != 0).astype(np.uint64))  # all bits where the sign stands in this word
        wrong |= (at & (at - _ONE)) | (here & behind)
        lowest = at >> _SEVEN
        below = ((lowest - _ONE) & here) | behind
        # what stands before the sign moves on by one character, over the sign
        word = (text & ~(below | (lowest * _FULL))) | ((below & text) << _BYTE)
        before = texts[k + 1] if k + 1 < n else _ZEROS
        behind |= here
        digits = (word | ((before >> _TOP) & behind)) - _ZEROS
        wrong |= ((digits + _BEYOND_NINE) | digits) & _HIGH
        decimals += (np.uint64(8 * k + 7) - (((below & _EACH) * _EACH) >> _TOP)) & here
        value = _eight_digits(digits)
        if k == 2:
            wrong |= np.uint64(1) * (value >= 1000)  # beyond 10**19, which is below 2**64
        total += value * np.uint64(10 ** (8 * k)) if k else value
    found = (wrong == 0) & (lengths > (behind != 0))
    tens = decimals.view(np.int64)
    numbers = total.view(np.int64) / _TENS.take(tens, mode="clip")
    if n > 1:
        wide = np.flatnonzero(found & (total > _FIRST_EXACT))
        if len(wide):
            numbers[wide], found[wide] = _wide_quotients(total[wide], tens[wide])
    return numbers, found


def _eight_digits(digits: Words) -> Words:
    """The integer that eight digits are, one in each byte, the first in the lowest: pairs, then fours, then all."""
    pairs = digits * np.uint64(10) + (digits >> _BYTE)
    low, high = np.uint64(0x000000FF000000FF), np.uint64(16)
    fours = (pairs & low) * np.uint64(100 + (1000000 << 32)) + ((pairs >> high) & low) * np.uint64(1 + (10000 << 32))
    return np.asarray(fours >> np.uint64(32))


def _wide_quotients(
    dividends: Words, decimals: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Quotients by powers of ten, and where they are certainly rounded as one division of exact numbers is.

    Rounding to the wider type first and then to float64 differs from rounding once only if the first result lies in the
    middle between two numbers of float64: of the 64 bits of its significand, 53 remain.
    """
    if not _HAS_WIDE:
        return np.full(len(dividends), np.nan), np.zeros(len(dividends), np.bool_)
    quotients = dividends.astype(np.longdouble) / _WIDE_TENS.take(decimals)
    significands = quotients.view(np.uint64)[::2]
    return quotients.astype(np.float64), (significands & np.uint64(0x7FF)) != np.uint64(0x400)
