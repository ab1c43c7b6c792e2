"""The converter by which skl2onnx writes our classifier, alone or within a pipeline; it needs the extra `skl2onnx`."""

from mothernet_export.skl2onnx_converter.registration import register

__all__ = ["register"]
