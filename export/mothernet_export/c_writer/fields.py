"""The columns of a table as fields of a C struct, and what a comment says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mothernet_export.c_writer.identifiers import field_names
from mothernet_export.c_writer.literals import comment_text
from mothernet_export.child import ChildNetwork
from mothernet_export.columns import CategoricalColumn, Column, NumericColumn

__all__ = ["Field", "fields_of"]

_SHOWN_CATEGORIES = 12


@dataclass(frozen=True)
class Field:
    """A raw column of the table, which is a field of the struct of a row.

    Attributes
    ----------
    name : str
        The column's.
    field : str
    parts : tuple of NumericColumn or CategoricalColumn
        The columns of the record that read it: the parts of a date, or one.
    """

    name: str
    field: str
    parts: tuple[Column, ...]

    @property
    def column(self) -> Column:
        """The first of its columns, whose rule they share."""
        return self.parts[0]

    @property
    def type(self) -> str:
        """Name of the column type in the schema."""
        return self.column.rule.type if isinstance(self.column, NumericColumn | CategoricalColumn) else "ignored"

    @property
    def c_type(self) -> Literal["float", "double", "int"]:
        """Type of the field: codes are int; double is what float32 would round before an offset is taken off."""
        if self.type == "category":
            return "int"
        has_offset = isinstance(self.column, NumericColumn) and self.column.offset != 0.0
        return "double" if self.type == "date" or has_offset else "float"

    @property
    def described(self) -> str:
        """What the field holds."""
        if isinstance(self.column, CategoricalColumn):
            return f"a category: {_shown_codes(self.column)}" if self.column.categories else "without influence"
        if self.type == "date":
            return "a date: seconds since 1970-01-01 00:00, of UTC if it has a time zone; NAN is missing"
        return "a boolean: 1 or 0; NAN is missing" if self.type == "boolean" else "a number; NAN is missing"


def fields_of(child: ChildNetwork) -> list[Field]:
    """The columns that are read, in the order of the table; ignored ones are not."""
    columns = [parts for parts in child.raw_columns if isinstance(parts[0], NumericColumn | CategoricalColumn)]
    names = field_names(parts[0].name for parts in columns)
    return [Field(parts[0].name, field, parts) for parts, field in zip(columns, names, strict=True)]


def _shown_codes(column: CategoricalColumn) -> str:
    shown = [
        f"{code} {comment_text(text, 30) if text else 'missing'}"
        for code, text in enumerate(column.categories[:_SHOWN_CATEGORIES])
    ]
    if column.categories[_SHOWN_CATEGORIES:]:
        shown.append(f"... {len(column.categories) - 1}")
    return ", ".join([*shown, "-1 any other"])
