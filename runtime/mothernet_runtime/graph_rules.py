"""What a model may hold, whatever container it comes in: versions, operators, attributes and types of elements.

How bytes become messages is the business of `container.py` and `ort_container.py`; which of them, `is_ort` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OPSETS = {"ai.onnx": range(13, 29), "ai.onnx.ml": range(2, 6)}
IR_VERSIONS = range(7, 15)
_AI_ONNX = """
Abs Add And ArgMax ArgMin Cast Ceil Clip Concat Constant CumSum Div Elu Equal Erf Exp Expand Flatten Floor Gather
GatherElements GatherND Gelu Gemm Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Less
LessOrEqual Log LogSoftmax MatMul Max Mean Min Mod Mul Neg Not OneHot Or Pow Reciprocal ReduceMax ReduceMean ReduceMin
ReduceSum Relu Reshape Round Selu Shape Sigmoid Sign Size Slice Softmax Softplus Softsign Split Sqrt Squeeze Sub Sum
Tanh TopK Transpose Unsqueeze Where Xor
"""
_AI_ONNX_ML = """
ArrayFeatureExtractor Binarizer FeatureVectorizer Imputer LabelEncoder LinearClassifier LinearRegressor Normalizer
OneHotEncoder Scaler
"""
OPERATORS = {"ai.onnx": frozenset(_AI_ONNX.split()), "ai.onnx.ml": frozenset(_AI_ONNX_ML.split())}
ELEMENT_TYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    8: "string",
    9: "bool",
    12: "uint32",
    13: "uint64",
}
_STORED_TYPES = {**ELEMENT_TYPES, 10: "float16"}  # of constants, of which Cast makes float32

_ATTRIBUTE_TYPES = (1, 2, 3, 4, 6, 7, 8)  # numbers, strings and a tensor; no graphs, sparse tensors or types


class ModelFileError(ValueError):
    """The file is no MotherNet .onnx or .ort file, or one that is damaged, too new, or not as its format demands."""


@dataclass(frozen=True)
class Tensor:
    """A graph's input or output: element type as in `ELEMENT_TYPES`; dimensions are numbers or symbols."""

    name: str
    element_type: str
    shape: tuple[int | str, ...]

    def __str__(self) -> str:
        return f"{self.name} ({self.element_type} [{', '.join(map(str, self.shape))}])"


@dataclass(frozen=True)
class Container:
    """What the container holds around the graph: its inputs and outputs in order, and the metadata."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    metadata: dict[str, str]
    graph_hash: str  # SHA-256 of the graph's bytes, in hexadecimal


def is_ort(data: bytes) -> bool:
    """Whether the bytes call themselves an ORT model."""
    return data[4:8] == b"ORTM"


def check_versions(ir_version: Any, imports: list[dict[str, Any]]) -> frozenset[str]:
    """The domains that the model imports; ValueError if a version or a domain is not supported."""
    if ir_version not in IR_VERSIONS:
        raise ValueError(f"the IR version must be {_span(IR_VERSIONS)}, however: {ir_version}")
    domains = [entry.get("domain") or "ai.onnx" for entry in imports]
    for entry, domain in zip(imports, domains, strict=True):
        if domain not in OPSETS:
            raise ValueError(f"operators must be of {' or '.join(OPSETS)}, however: the model imports {domain!r:.60}")
        if entry.get("version", 0) not in OPSETS[domain]:
            raise ValueError(
                f"the operator set {domain} must have a version of {_span(OPSETS[domain])}, "
                f"however: {entry.get('version', 0)}"
            )
    if len(set(domains)) != len(domains) or "ai.onnx" not in domains:
        raise ValueError(f"the model must import ai.onnx, and no operator set twice, however: {', '.join(domains)}")
    return frozenset(domains)


def check_operator(domain: str, operator: str, domains: frozenset[str]) -> None:
    """Raise ValueError unless the operator is one that FORMAT.md lists, of a domain that is imported."""
    domain = domain or "ai.onnx"
    if operator not in OPERATORS.get(domain, ()):
        raise ValueError(f"operators must be those that FORMAT.md lists, however: {f'{domain}.{operator}'!r:.60}")
    if domain not in domains:
        raise ValueError(f"the operator sets in use must be imported, however: {domain} is not")


def check_attribute(operator: str, attribute: Mapping[str, Any]) -> None:
    """Raise ValueError unless an attribute's type is allowed; what its tensor holds is checked apart."""
    if attribute.get("type") not in _ATTRIBUTE_TYPES:
        raise ValueError(
            f"attributes must be numbers, strings or tensors, however: one of {operator} has the type "
            f"{attribute.get('type')} of ONNX"
        )
    if operator == "Cast" and attribute.get("name") == "to":
        element_type(attribute.get("i"))


def metadata_of(entries: list[dict[str, Any]]) -> dict[str, str]:
    """Entries of the metadata by their keys, each of which must come once."""
    metadata = {entry.get("key", ""): entry.get("value", "") for entry in entries}
    if len(metadata) != len(entries):
        raise ValueError("each key of the metadata must come once, however: one comes twice")
    return metadata


def element_type(number: int | None) -> str:
    """The name of an element type of inputs, outputs and results; ValueError if it is not allowed."""
    return _known(number, ELEMENT_TYPES)


def stored_type(number: int | None) -> str:
    """The same of a constant."""
    return _known(number, _STORED_TYPES)


def _known(number: int | None, known: Mapping[int, str]) -> str:
    if number is None or number not in known:
        raise ValueError(
            f"tensors must hold float32, integers, booleans or strings, however: one has the type {number} of ONNX"
        )
    return known[number]


def _span(versions: range) -> str:
    return f"{versions[0]} to {versions[-1]}"
