"""Texts that mean the same cell by the grammar (FORMAT.md, section 2), as far as a graph can list them.

A graph cannot trim or normalise text; it can look up the spellings that data commonly has.
"""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from mothernet_runtime.cells import BLANKS, CategoryRule, boolean_of_text

UNSEEN = " "  # no category: it would be trimmed
_BOOLEANS = ["true", "t", "yes", "y", "on", "false", "f", "no", "n", "off"]
_NUMBERS = {"1": 1.0, "1.0": 1.0, "0": 0.0, "0.0": 0.0}
_INTEGER = re.compile("-?[0-9]+")


def boolean_words() -> dict[str, Any]:
    """Attributes of a LabelEncoder from texts to 1, 0 and NaN, the last for missing cells and any other text."""
    words = [*(spelling for word in _BOOLEANS for spelling in _letter_cases(word)), *_NUMBERS]
    values = [_NUMBERS[word] if word in _NUMBERS else boolean_of_text(word) for word in words]
    return {"keys_strings": words, "values_floats": values, "default_float": math.nan}


def spellings(rule: CategoryRule, categories: Iterable[str]) -> dict[str, str]:
    """Texts that a column of this rule reads as one of the categories, or as missing, and what they are read as.

    They are the category itself, with a space before or behind it, in Unicode's form NFD, whole numbers also as
    ``3.0``; the words that are missing in every column, and the column's own.
    """
    texts = dict.fromkeys([*categories, "", UNSEEN, *sorted(BLANKS), *rule.missing])
    for category in list(texts):
        texts |= dict.fromkeys([f" {category}", f"{category} ", unicodedata.normalize("NFD", category)])
        if rule.integers and _INTEGER.fullmatch(category):
            texts[f"{category}.0"] = None
    known = {*categories, ""}
    return {text: read for text in texts if (read := rule.read_text(text)) in known}


def numbers(rule: CategoryRule, categories: Iterable[str]) -> dict[float, str]:
    """Numbers that a column of this rule reads as one of the categories, or as missing, and what they are read as."""
    known = {*categories, ""}
    found = (_number(text) for text in [*categories, *rule.missing])
    values = {value: rule.read(value) for value in found if value is not None}
    return {value: text for value, text in values.items() if text in known}


def _number(text: str) -> int | float | None:
    """An integer, or else a finite float, that the text says."""
    if _INTEGER.fullmatch(text):
        return int(text)
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _letter_cases(word: str) -> list[str]:
    return ["".join(letters) for letters in itertools.product(*((letter, letter.upper()) for letter in word))]
