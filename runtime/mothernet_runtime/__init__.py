"""Predict with a MotherNet .onnx file; needs onnxruntime and numpy, nothing else.

>>> import mothernet_runtime
>>> model = mothernet_runtime.load("model.onnx")  # doctest: +SKIP
>>> model.predict({"age": [22.0, None], "city": ["Bern", "Rome"]})  # doctest: +SKIP
array(['no', 'yes'], dtype='<U3')
"""

from importlib.metadata import version

from mothernet_runtime.core import RowCoder
from mothernet_runtime.file import ModelFileError
from mothernet_runtime.model import Model, SelfTestError, load
from mothernet_runtime.rows import CellError

__all__ = ["CellError", "Model", "ModelFileError", "RowCoder", "SelfTestError", "load"]
__version__ = version("mothernet-runtime")
