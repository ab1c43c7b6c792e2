"""Tables: reading files, types of columns, and the encoding of columns into inputs."""

from mothernet.tables.files import TableError
from mothernet.tables.table import Table, read_table

__all__ = ["Table", "TableError", "read_table"]
