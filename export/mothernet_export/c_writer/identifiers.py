"""Names in C made from names that people gave: of letters, digits and underscores, none twice, none that C knows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["field_names", "prefix_of"]

_KEYWORDS = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class co_await
co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype default delete do
double dynamic_cast else enum explicit export extern false final float for friend goto if import inline int long module
mutable namespace new noexcept not not_eq nullptr operator or or_eq override private protected public register
reinterpret_cast requires restrict return short signed sizeof static static_assert static_cast struct switch template
this thread_local throw true try typedef typeid typename typeof typeof_unqual union unsigned using virtual void
volatile wchar_t while xor xor_eq
"""
# macros in small letters, of headers and of compilers that are not strict
_MACROS = "arm assert bool complex errno far far16 i386 imaginary interface linux mips near signbit small sparc stderr"
_MACROS += " stdin stdout sun unix vax windows min max"
_TAKEN = frozenset(f"{_KEYWORDS} {_MACROS}".split())
_LONGEST = 48


def prefix_of(name: str) -> str:
    """What all public names begin with; always followed by an underscore and more, so a keyword does no harm.

    Examples
    --------
    >>> [prefix_of(name) for name in ("parcels", "Zürich 2024", "2024", "int", "日本")]
    ['parcels', 'zurich_2024', 'model_2024', 'int', 'model']
    """
    found = _words(name)
    return found if found and not found[0].isdigit() else f"model_{found}".rstrip("_")


def field_names(names: Iterable[str]) -> list[str]:
    """Names of the fields of a struct: small letters, since macros are written in capitals.

    Examples
    --------
    >>> field_names(["Age", "age", "int", "größe (cm)", "", "2nd", "NULL"])
    ['age', 'age_2', 'int_', 'gro_e_cm', 'column_5', 'column_2nd', 'null']
    """
    found: list[str] = []
    used: set[str] = set()
    for number, name in enumerate(names, 1):
        field = _words(name) or f"column_{number}"
        field = f"column_{field}" if field[0].isdigit() else f"{field}_" if field in _TAKEN else field
        candidate, count = field, 2
        while candidate in used:
            candidate, count = f"{field.rstrip('_')}_{count}", count + 1
        used.add(candidate)
        found.append(candidate)
    return found


def _words(name: str) -> str:
    letters = (c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return re.sub("[^a-z0-9]+", "_", "".join(letters).lower())[:_LONGEST].strip("_")
