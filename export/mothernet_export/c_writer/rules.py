"""How cells are read, as constants: a struct per column, which refers to texts in one array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mothernet_runtime.cells import BLANKS, DateRule, NumberRule

from mothernet_export.c_writer.fields import Field
from mothernet_export.c_writer.literals import array, bytes_of, integer_type, structs
from mothernet_export.c_writer.texts import TextPool, Vocabulary, canonical_table
from mothernet_export.columns import CategoricalColumn

__all__ = ["Rules"]

_GROUPS = {"": "0", "\u2019": "'R'", "'": "'\\''"}
_PATTERNS = {"ymd": "Y", "dmy": "D", "mdy": "M", "time": "T"}


class Rules:
    """Constants by which the cells of some fields are read.

    Parameters
    ----------
    fields : sequence of Field
    labels : sequence of str
        Of the classes; with the names of the columns, they lie among the texts.

    Attributes
    ----------
    addresses : list of str
        Of each field, the C expression for the address of its rule; empty if its cells are not read.
    first_label, first_name : int
        Where labels and names begin among the texts.
    """

    def __init__(self, fields: Sequence[Field], labels: Sequence[str]) -> None:
        self._pool = TextPool()
        self.first_label = self._pool.add(labels)
        self.first_name = self._pool.add(field.name for field in fields)
        self._first_blank = self._pool.add_sorted(BLANKS)
        self._structs: dict[str, list[str]] = {"number_rule": [], "date_rule": [], "category_rule": []}
        self.addresses = [self._number_or_date(field) for field in fields]
        self._first_code, self._codes = len(self._pool.texts), list[int]()
        for i, field in enumerate(fields):
            if isinstance(field.column, CategoricalColumn) and field.column.categories:
                self.addresses[i] = self._category(field.column)

    @property
    def has_categories(self) -> bool:
        """Whether a category is read."""
        return bool(self._structs["category_rule"])

    def texts(self) -> Iterator[str]:
        """All texts, and what has to be known of categories among them."""
        starts = self._pool.starts
        yield f"enum {{ FIRST_BLANK = {self._first_blank}, BLANKS = {len(BLANKS)} }};\n\n"
        yield array("unsigned char texts", (byte for text in self._pool.texts for byte in bytes_of(text)))
        yield array(f"{integer_type(starts)} text_starts", map(str, starts))
        if self.has_categories:
            yield from self._category_texts()

    def _category_texts(self) -> Iterator[str]:
        known = self._pool.texts[self._first_code :]
        table = canonical_table(known)
        part_starts = [0]
        for parts in table.composed.values():
            part_starts.append(part_starts[-1] + len(parts))
        longest = max(len(text.encode()) for text in ["", *known])
        yield f"\nenum {{ FIRST_CODE = {self._first_code}, LONGEST = {max(longest, 1)}, "
        yield f"N_COMPOSED = {len(table.composed)}, N_MARKS = {len(table.marks)} }};\n\n"
        yield array(f"{integer_type(self._codes)} codes", map(str, self._codes))
        yield array("uint32_t composed", map(hex, table.composed))
        yield array(f"{integer_type(part_starts)} composed_starts", map(str, part_starts))
        yield array("uint32_t composed_parts", (hex(ord(c)) for parts in table.composed.values() for c in parts))
        yield array("uint32_t marks", map(hex, table.marks))
        yield array("uint8_t mark_classes", map(str, table.marks.values()))

    def structs(self) -> str:
        """The arrays of rules, for which their types must have been declared."""
        return "".join(structs(name, values) for name, values in self._structs.items())

    def _number_or_date(self, field: Field) -> str:
        rule = getattr(field.column, "rule", None)
        if not isinstance(rule, NumberRule | DateRule):
            return ""
        first = self._pool.add_sorted(text for text in rule.missing if text not in BLANKS)
        markers = f"{first}, {len(self._pool.texts) - first}"
        if isinstance(rule, DateRule):
            return self._add("date_rule", f"'{_PATTERNS[rule.pattern]}', {markers}")
        affix = self._pool.starts[self._pool.add([rule.affix])] if rule.affix else 0
        signs = f"'{rule.decimal}', {_GROUPS.get(rule.group, repr(rule.group))}"
        flags = f"{int(rule.percent)}, {int(rule.boolean)}, {int(rule.takes_plain)}"
        return self._add("number_rule", f"{affix}, {len(rule.affix.encode())}, {markers}, {signs}, {flags}")

    def _category(self, column: CategoricalColumn) -> str:
        known = Vocabulary.of(column)
        first = self._pool.add_sorted(known.codes)
        self._codes += [known.codes[text] for text in self._pool.texts[first:]]
        values = f"{first}, {len(known.codes)}, {known.missing}, {known.other}, {int(column.rule.integers)}"
        return self._add("category_rule", values)

    def _add(self, name: str, values: str) -> str:
        self._structs[name].append(values)
        return f"&{name}s[{len(self._structs[name]) - 1}]"
