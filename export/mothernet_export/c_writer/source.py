"""A child network as C99: the text of a header and of a source file, which need no library but memory for one row.

Functions that are the same for every table are in `parts/`, and a file gets those that it needs; constants and the
functions that know the columns are written here.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

import numpy as np

from mothernet_export.c_writer.fields import fields_of
from mothernet_export.c_writer.first_layer import first_layer
from mothernet_export.c_writer.literals import array, comment_text, double_literal, float_literal, weight_literals
from mothernet_export.c_writer.quantization import Quantized, quantized_layers
from mothernet_export.c_writer.rules import Rules
from mothernet_export.child import ChildNetwork
from mothernet_export.columns import CategoricalColumn, NumericColumn
from mothernet_export.quantization import Weights

__all__ = ["SourceText"]

_LANES = 4  # rows of a multiple of so many numbers are summed in vectors, with -O2 too

_MUST_HOLD = {
    "number": "a cell of this column must hold a number as the column writes them",
    "boolean": "a cell of this column must hold a number or a word for true or false",
    "date": "a cell of this column must hold a date or time as the column writes them, of the years 1 to 9999",
    "category": "a cell of this column must hold text in UTF-8",
}


class SourceText:
    """Header and source of a child network.

    Parameters
    ----------
    child : ChildNetwork
    prefix : str
        Of all public names.
    header_name : str
        Of the file that the source includes.
    weights : {"float32", "int8"}
    made_by : str
        For the first line.

    Raises
    ------
    ValueError
        If a sum of weights is beyond float32.
    """

    def __init__(self, child: ChildNetwork, prefix: str, header_name: str, weights: Weights, made_by: str) -> None:
        self._child, self._prefix, self._header_name, self._made_by = child, prefix, header_name, made_by
        self._weights = weights
        self._fields = fields_of(child)
        self._layer = first_layer(child)
        self._rules = Rules(self._fields, [str(label) for label in child.target.labels])
        self._types = {field.type for field, rule in zip(self._fields, self._rules.addresses, strict=True) if rule}
        largest = float(np.finfo(np.float32).max)
        if any(np.abs(sums).max(initial=0.0) > largest for sums in (self._layer.rows, self._layer.start)):
            raise ValueError(
                "the weights of a column must add up to finite numbers of float32, however: they do not. Shrink them."
            )

    def header(self) -> str:
        """The text of the header."""
        declarations = [f"{field.c_type} {field.field};" for field in self._fields]
        width = min(max(map(len, declarations)), 30)
        row = "\n".join(
            f"    {declaration:<{width}} /* {comment_text(field.name)}: {field.described} */"
            for declaration, field in zip(declarations, self._fields, strict=True)
        )
        return _part("header.h").format(
            prefix=self._prefix,
            capitals=self._prefix.upper(),
            made_by=self._made_by,
            row=row,
            n_columns=len(self._fields),
            n_classes=self._child.target.n_outputs,
        )

    def source(self) -> str:
        """The text of the source."""
        functions = "".join(_part(f"{name}.c") for name in self._parts())
        predict = _part("predict.c").format(
            prefix=self._prefix,
            reading="".join(self._reading()),
            sums="".join(self._sums()),
            first_label=self._rules.first_label,
            first_name=self._rules.first_name,
            messages="\n".join(f'        "{_MUST_HOLD[field.type]}",' for field in self._fields),
            n_columns=len(self._fields),
        )
        start = _part("start.c").format(made_by=self._made_by, header_name=self._header_name)
        return "".join([start, *self._constants(), functions, self._rules.structs(), predict])

    def _parts(self) -> list[str]:
        layer, has_numbers = self._layer, bool(self._types & {"number", "boolean"})
        needed = {
            "texts": bool(self._types),
            "digits": has_numbers or "date" in self._types,
            "numbers": has_numbers,
            "dates": "date" in self._types,
            "date_parts": any(column.part != "value" and column.n_ramps for column in self._child.numeric_columns),
            "categories": "category" in self._types,
            self._weights: True,
            "rows": any(row >= 0 for row in (*layer.indicator_rows, *layer.category_rows)) or not self._has_influence,
            "ramps": any(row >= 0 for row in layer.knot_rows),
            "output": True,
        }
        return [name for name, is_needed in needed.items() if is_needed]

    @property
    def _has_influence(self) -> bool:
        return any(column.n_inputs for column in self._child.columns)

    def _constants(self) -> Iterator[str]:
        child, layer = self._child, self._layer
        yield from self._rules.texts()
        width, n_classes = layer.rows.shape[1], child.target.n_outputs
        padding = 0 if self._weights == "int8" else -width % _LANES
        yield f"\nenum {{ CLASSES = {n_classes}, HIDDEN = {child.width}, UNITS = {width + padding} }};\n\n"
        knots = [knot for column in child.numeric_columns for knot in column.knots]
        if knots:
            yield array("float knots", map(float_literal, knots))
        yield array("float first_sums", weight_literals(np.pad(layer.start, (0, padding))))
        output = child.output_weight.astype(np.float64)
        if self._weights == "int8":
            first_layer_int8, output_layer_int8 = quantized_layers(child)
            yield from _quantized_arrays("first", first_layer_int8)
            yield from _quantized_arrays("output", output_layer_int8)
        else:
            yield array("float first_weights", weight_literals(np.pad(layer.rows, ((0, 0), (0, padding))).ravel()))
            yield array("float output_weights", weight_literals(output.ravel()))

    def _reading(self) -> Iterator[str]:
        """Statements that read the cells of a row into its fields."""
        if self._types - {"category"}:
            yield "    double value;\n"
        elif not self._types:
            yield "    (void)cells;\n"
        for i, (field, rule) in enumerate(zip(self._fields, self._rules.addresses, strict=True)):
            if field.type == "category":
                if rule:
                    yield f"    if (!read_category(cells[{i}], {rule}, &row->{field.field})) return -{i + 1};\n"
                else:
                    yield f"    row->{field.field} = 0;\n"
                continue
            kind = "date" if field.type == "date" else "number"
            yield f"    if (!read_{kind}(cells[{i}], {rule}, &value)) return -{i + 1};\n"
            yield f"    row->{field.field} = {'(float)' if field.c_type == 'float' else ''}value;\n"

    def _sums(self) -> Iterator[str]:
        """Statements that add the rows of the first layer which the fields of a row choose."""
        numeric, categorical, first_knot = 0, 0, 0
        if not self._has_influence:
            yield "    (void)row;\n    add_row(sums, 0); /* no column has influence */\n"
        for i, field in enumerate(self._fields):
            value = f"row->{field.field}"
            if field.type == "date":
                yield f"    if (!is_date({value})) return -{i + 1};\n"
            for column in field.parts:
                if isinstance(column, NumericColumn):
                    yield from self._numeric_sums(column, value, numeric, first_knot)
                    numeric, first_knot = numeric + 1, first_knot + len(column.knots)
                elif isinstance(column, CategoricalColumn):
                    first, n = self._layer.category_rows[categorical], len(column.categories)
                    categorical += 1
                    if n:
                        code = f"{value} >= 0 && {value} < {n} ? {value} : {n}"
                        yield f"    add_row(sums, {first} + ({code}));\n"

    def _numeric_sums(self, column: NumericColumn, value: str, number: int, first_knot: int) -> Iterator[str]:
        knot_row, indicator_row = self._layer.knot_rows[number], self._layer.indicator_rows[number]
        part = value if column.part == "value" else f"date_part({value}, PART_{column.part.upper()})"
        if column.offset:
            part = f"{part} - {double_literal(column.offset)}".replace("- -", "+ ")
        if part != value:
            part = f"(float)({part})"
        if knot_row >= 0:
            yield f"    add_number(sums, {part}, knots + {first_knot}, {len(column.knots)}, {knot_row});\n"
        if indicator_row >= 0:
            yield f"    if ({value} != {value}) add_row(sums, {indicator_row});\n"


def _quantized_arrays(name: str, rows: Quantized) -> Iterator[str]:
    yield array(f"int8_t {name}_weights", map(str, rows.integers.ravel()))
    yield array(f"int32_t {name}_multipliers", map(str, rows.multipliers))
    yield array(f"float {name}_scales", map(float_literal, rows.scales))


def _part(name: str) -> str:
    return resources.files(__package__).joinpath("parts", name).read_text("utf-8")
