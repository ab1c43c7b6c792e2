"""What a child network predicts, and everything that depends on it.

A target knows how many outputs the network has, what the file declares and describes, how the network's outputs become
answers, and how two sets of answers are compared. The record, the reference, the metadata and the check ask it, and
the ONNX writer has one function that writes the nodes of each type of target; so a further type of target is a class
here, listed in `Target`, and a branch there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from mothernet_export.text import check_storable

LabelType = Literal["string", "integer", "boolean", "float"]
Answers = Mapping[str, npt.NDArray[Any]]  # one array per output of the graph, by its name; N rows each

_LABEL_TYPES: dict[type, LabelType] = {str: "string", int: "integer", bool: "boolean", float: "float"}
_CLEAR_GAP = 1e-3  # between the two largest probabilities, so that rounding cannot change the label
_TIE = 1e-6  # two probabilities nearer than this are equal up to rounding, and either label is right


class GraphOutput(NamedTuple):
    """One output of the graph: its name, its element type and its shape, ``"N"`` for the number of rows."""

    name: str
    element_type: Literal["float32", "int64", "string"]
    shape: tuple[int | str, ...]


class Difference(NamedTuple):
    """How two sets of answers to the same rows differ.

    Attributes
    ----------
    max_difference : float
        Largest absolute difference of a number.
    different_labels : int
        Rows with another label, ties apart.
    tied_labels : int
        Rows with another label that is as good up to rounding.
    """

    max_difference: float
    different_labels: int
    tied_labels: int


@dataclass(frozen=True, eq=False)
class ClassTarget:
    """One class of C, with a probability for each.

    The network's outputs are logits (N, C); the answers are `label` (N,) and `probabilities` (N, C).

    Parameters
    ----------
    classes : tuple of str, int, bool or float
        At least two, of one Python type, strictly increasing.

    Raises
    ------
    ValueError, TypeError
        If the classes are not as above, not finite, beyond 64 bits, or texts that cannot be stored.

    Notes
    -----
    Targets are equal if their classes have the same type and texts: ``False``, ``0`` and ``0.0`` are three classes.

    Examples
    --------
    >>> target = ClassTarget((False, True))
    >>> target.n_outputs, target.label_type, target.labels
    (2, 'boolean', ('False', 'True'))
    >>> target == ClassTarget((0, 1))
    False
    """

    classes: tuple[str, ...] | tuple[int, ...] | tuple[bool, ...] | tuple[float, ...]

    def __post_init__(self) -> None:
        if isinstance(self.classes, str):
            raise TypeError(f"classes must be a tuple, however: one string, {self.classes!r}")
        object.__setattr__(self, "classes", tuple(self.classes))
        _check_classes(self.classes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ClassTarget):
            return NotImplemented
        return self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[object, ...]:
        return self.label_type, *map(str, self.classes)  # == alone takes True for 1 and 0.0 for -0.0

    @property
    def n_outputs(self) -> int:
        """C, the number of outputs of the network: one logit per class."""
        return len(self.classes)

    @property
    def label_type(self) -> LabelType:
        """What the classes are in Python."""
        return _LABEL_TYPES[type(self.classes[0])]

    @property
    def labels(self) -> tuple[int, ...] | tuple[str, ...]:
        """The classes as the graph's `label` holds them: integers as they are, anything else as its text."""
        return tuple(label if type(label) is int else str(label) for label in self.classes)  # type: ignore[return-value]

    @property
    def graph_outputs(self) -> tuple[GraphOutput, ...]:
        """The outputs of the graph, in order."""
        return (
            GraphOutput("label", "int64" if self.label_type == "integer" else "string", ("N",)),
            GraphOutput("probabilities", "float32", ("N", self.n_outputs)),
        )

    def schema(self) -> dict[str, Any]:
        """The keys of the file's schema that describe the target."""
        return {"classes": list(self.classes), "label_type": self.label_type}

    def answers(self, logits: npt.NDArray[np.float64]) -> Answers:
        """The softmax of the logits (N, C) in float64, rounded to float32, and the label of the first maximum."""
        e = np.exp(logits - logits.max(axis=1, keepdims=True))  # (N, C)
        probabilities = (e / e.sum(axis=1, keepdims=True)).astype(np.float32)
        labels = np.array(self.labels, object)  # (C,)
        return {"label": labels[probabilities.argmax(axis=1)], "probabilities": probabilities}

    def clear_rows(self, answers: Answers) -> npt.NDArray[np.bool_]:
        """Rows (N,) whose label no rounding can change: the two largest probabilities lie more than 1e-3 apart."""
        ordered = np.sort(answers["probabilities"], axis=1)
        return np.asarray(ordered[:, -1] - ordered[:, -2] > _CLEAR_GAP)

    def self_test(self, answers: Answers) -> dict[str, Any]:
        """The keys of the file's self-test that hold the answers, as JSON values."""
        return {
            "labels": answers["label"].tolist(),
            "probabilities": [[float(str(p)) for p in row] for row in answers["probabilities"]],
        }

    def difference(self, expected: Answers, got: Answers) -> Difference:
        """Compare two sets of answers of the same shapes; ties are those of `expected`."""
        probabilities = expected["probabilities"]
        column = {label: k for k, label in enumerate(self.labels)}
        different = np.flatnonzero(expected["label"] != got["label"].astype(object))
        chosen = [column.get(label, -1) for label in got["label"][different].tolist()]
        tied = sum(
            k >= 0 and bool(probabilities[row].max() - probabilities[row, k] <= _TIE)
            for row, k in zip(different, chosen, strict=True)
        )
        gap = np.abs(got["probabilities"] - probabilities)
        return Difference(float(gap.max(initial=0.0)), len(different) - tied, tied)


Target = ClassTarget  # the types of target that a child network may have; a further one joins as `ClassTarget | ...`


def _check_classes(classes: tuple[Any, ...]) -> None:
    if len(classes) < 2:
        raise ValueError(f"classes must be at least two, however: {classes!r}")
    types = {type(label) for label in classes}
    if len(types) != 1 or not types <= _LABEL_TYPES.keys():
        raise TypeError(
            "classes must be of one Python type, str, int, bool or float, however: "
            f"{sorted(found.__name__ for found in types)}. Use array.tolist() on NumPy labels."
        )
    for label in classes:
        if isinstance(label, str):
            check_storable(label, "a class")
        elif isinstance(label, float) and not math.isfinite(label):
            raise ValueError(f"classes must be finite, however: {label!r}")
        elif isinstance(label, int) and not -(2**63) <= label < 2**63:
            raise ValueError(f"integer classes must fit into 64 bits, however: {label!r}")
    for low, high in itertools.pairwise(classes):
        if not low < high:
            raise ValueError(f"classes must be sorted and differ, however: {low!r} before {high!r}")
