"""All texts of a model in one array: labels, names, affixes, texts that are missing, categories.

Categories are stored in Unicode's form NFD, with the table of what that form changes as far as it leads to their
characters. A reader that has no Unicode beside this table finds a category by any spelling that is the same in NFC,
exactly: two texts are the same in NFC if and only if they are the same in NFD, and a text with a character that is not
in the table, and in no category either, is no category.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mothernet_runtime.cells import BLANKS, CategoryRule

from mothernet_export.columns import CategoricalColumn

__all__ = ["Canonical", "TextPool", "Vocabulary", "canonical_table"]

_INTEGER = re.compile(r"[+-]?[0-9]+(?:\.0*)?")


@dataclass
class TextPool:
    """Texts by number, in the order in which they were added."""

    texts: list[str] = field(default_factory=list)

    def add(self, texts: Iterable[str]) -> int:
        """The number of the first of some texts, which are added side by side."""
        first = len(self.texts)
        self.texts += texts
        return first

    def add_sorted(self, texts: Iterable[str]) -> int:
        """The same in the order of their bytes."""
        return self.add(sorted(texts, key=str.encode))

    @property
    def starts(self) -> list[int]:
        """Where each begins in the array, with a zero after each; and where the last ends."""
        starts = [0]
        for text in self.texts:
            starts.append(starts[-1] + len(text.encode()) + 1)
        return starts


@dataclass(frozen=True)
class Vocabulary:
    """What a categorical column knows: texts with their codes, and the codes of missing and of every other text."""

    codes: dict[str, int]
    missing: int
    other: int

    @classmethod
    def of(cls, column: CategoricalColumn) -> Vocabulary:
        """Categories have their place as code, every other text the number of categories.

        Texts that are missing are known where that makes a difference: the usual ones, which are the same for all
        columns, are not listed.
        """
        other = len(column.categories)
        codes = {text: code for code, text in enumerate(column.categories)}
        missing = codes.pop("", other)
        for text in _canonical_markers(column.rule):
            if missing != other or (column.rule.integers and _INTEGER.fullmatch(text)):
                codes[text] = missing
        return cls({unicodedata.normalize("NFD", text): code for text, code in codes.items()}, missing, other)


def _canonical_markers(rule: CategoryRule) -> list[str]:
    return [text for text in rule.missing if text not in BLANKS and unicodedata.is_normalized("NFC", text)]


@dataclass(frozen=True)
class Canonical:
    """What a reader has to know of Unicode's form NFD to find some texts.

    Attributes
    ----------
    composed : dict of int to str
        Characters that NFD replaces, by code point, and the characters that it replaces them by; syllables of Hangul,
        for which there is a formula, apart.
    marks : dict of int to int
        Canonical combining classes other than 0 of characters in the texts.
    """

    composed: dict[int, str]
    marks: dict[int, int]


def canonical_table(texts: Sequence[str]) -> Canonical:
    """What has to be known of NFD to find texts that are in this form.

    Examples
    --------
    >>> table = canonical_table(["K", "e\u0301"])
    >>> [hex(code) for code in table.composed], table.marks
    (['0xe9', '0x341', '0x1e30', '0x212a'], {769: 230})
    """
    letters = set("".join(texts))
    composed = {code: parts for code, parts in _decompositions().items() if letters.issuperset(parts)}
    marks = {ord(letter): unicodedata.combining(letter) for letter in sorted(letters) if unicodedata.combining(letter)}
    return Canonical(composed, marks)


@functools.cache
def _decompositions() -> dict[int, str]:
    hangul = range(0xAC00, 0xD7A4)
    # planes 0 to 2: there are none in the others
    return {
        code: unicodedata.normalize("NFD", character)
        for code, character in ((code, chr(code)) for code in range(0x80, 0x30000) if code not in hangul)
        if (parts := unicodedata.decomposition(character)) and not parts.startswith("<")
    }
