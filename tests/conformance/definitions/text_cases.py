"""Cases about cells that are text: odd strings, typed values in their text form, a lone blank."""

from __future__ import annotations

from mothernet_export import CategoricalColumn, NumericColumn
from mothernet_runtime.cells import CategoryRule

from definitions.case import Case, Cell, Spelled, network

_COMPOSED, _DECOMPOSED = "caf\u00e9", "cafe\u0301"  # the same to a reader, and by the form NFC
_FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"  # one picture made of five code points
_ODD_TEXTS = (
    *("", "a,b", 'say "no"', "two\nlines", "carriage\rreturn", "both\r\nof them", "tab\there", "'", "\\n", '"', "none"),
    *(_COMPOSED, "日本語", "مرحبا", "🎉", _FAMILY, "ﬁne", "NAN", "NONE", "na", "Null", "True", "0", "-1", "1e5"),
    *("__proto__", "constructor", "toString", "=1+1", "#", "x" * 300, "\u00a0", "\ufeffmark", "\x1c", "Straße"),
)
_UNSEEN_TEXTS = (
    *("true", "two\n", "STRASSE", "strasse", "\u00a0 \u00a0", "0.0", "a, b", "🎊", "two \nlines", "nAn", "tab  here"),
)
_SAME_TEXTS = (  # as one of the above or a missing cell
    *(_DECOMPOSED, " a,b ", "\t#\n", "  ", "Straße\r\n", " \u00a0\t", "NaN", "None", "NULL", "NA", " n/a ", "<NA>"),
)


def _texts() -> Case:
    columns = [
        CategoricalColumn("colour", categories=("blue", "green", "red")),
        CategoricalColumn("size", categories=("", "L", "M", "S")),
    ]
    rows = [["red", "S"], ["blue", None], ["green", "M"], ["purple", "L"], [None, "XL"], ["Red", "s"], ["blue ", ""]]
    about = "A table of text only: known, unseen and missing strings."
    return Case("texts", about, network(columns, ("buy", "wait"), seed=11), rows)


def _odd_strings() -> Case:
    columns = [
        CategoricalColumn("", categories=_ODD_TEXTS),
        NumericColumn('a "quoted", name\nof two lines', 0.0, (-1.0, 0.0, 1.0), missing_indicator=False),
        CategoricalColumn("__proto__", categories=("toString", "valueOf", "日本語")),
        CategoricalColumn("größe 📏", categories=("ä", "b")),
        NumericColumn("hasOwnProperty", 0.5, (0.0, 1.0), missing_indicator=False),
    ]
    others: tuple[Cell, ...] = ("toString", "constructor", "日本語", "a\u0308", " toString ")
    rows = [
        [text, i % 3 - 1, others[i % 5], ("ä", "a\u0308", "b")[i % 3], i % 2]
        for i, text in enumerate((*_ODD_TEXTS, *_UNSEEN_TEXTS, *_SAME_TEXTS))
    ]
    about = "Strings with quotes, commas, line ends, emoji and combining characters, as cells and as names of columns."
    return Case("odd_strings", about, network(columns, ("no", "yes"), seed=12, width=3), rows)


def _typed_categories() -> Case:
    big, integers = 10**22, CategoryRule(integers=True, missing=("?", "9"))
    columns = [
        CategoricalColumn("code", categories=("0", "3", "-7", "0.5", "1e-07", "0.0001", "True", "", str(big), "1e+16")),
        CategoricalColumn("flag", categories=("False", "True")),
        CategoricalColumn("branch", categories=("", "0", "3", "-7", "12", "1e3", "A1"), rule=integers),
    ]
    pairs: list[list[Cell | Spelled]] = [
        *([3, True], [3.0, False], [Spelled("3", 3.0), "True"], [0.5, "true"], [1e-07, 1], [0.0001, 0], [1e16, None]),
        *([True, "False"], [-7, True], [-7.0, False], [-0.0, True], [float(big), True], ["3.0", True], ["1e+16", True]),
        *([None, None], [False, True], ["NaN", False], ["03", True], [2.5, 1.0]),
    ]
    branches = (
        *(3, 3.0, "3", "3.0", "03", " +3. ", "3,0", -7, "-7.00", "-007", 0, "-0", "000.0", -0.0, 12.0, "12", "1e3"),
        *(1000.0, "9"),
    )
    rows = [[*pair, branch] for pair, branch in zip(pairs, branches, strict=True)]
    rows += [[3, True, branch] for branch in ("A1", "a1", "?", 9, "9.0", None, "3.5", "３")]
    about = (
        "Numbers and booleans in columns of text, in their text form: 3.0 is 3, true is True, 1e22 has 23 digits; and "
        "integers written in one form where the column has them."
    )
    return Case("typed_categories", about, network(columns, ("no", "yes"), seed=13), rows)


def _one_column() -> Case:
    child = network([CategoricalColumn("city", categories=("", "Bern"))], ("no", "yes"), seed=14)
    about = "One column with a missing cell, which stands quoted in the CSV file, as a blank line is no row."
    return Case("one_column", about, child, [["Bern"], [""], [None], ["Rome"]])


CASES = (_texts(), _odd_strings(), _typed_categories(), _one_column())
