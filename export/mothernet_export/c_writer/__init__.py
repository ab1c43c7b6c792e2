"""The writer of C source: the only part of the package that knows C."""

from mothernet_export.c_writer.check import check_c
from mothernet_export.c_writer.file import CSource, to_c
from mothernet_export.c_writer.quantization import rounded

__all__ = ["CSource", "check_c", "rounded", "to_c"]
