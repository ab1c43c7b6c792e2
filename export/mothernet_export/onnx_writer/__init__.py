"""The writer of the ONNX file: the only part of the package that knows operators, protobuf and opsets."""

from mothernet_export.onnx_writer.file import to_onnx

__all__ = ["to_onnx"]
