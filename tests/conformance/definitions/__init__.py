"""What the conformance cases are made of; a writer takes the records of `CASES` from here."""

from definitions.case import Case, ErrorCase
from definitions.cell_cases import CASES as _CELL_CASES
from definitions.class_cases import CASES as _CLASS_CASES
from definitions.date_cases import CASES as _DATE_CASES
from definitions.error_cases import error_cases
from definitions.numeric_cases import CASES as _NUMERIC_CASES
from definitions.table_cases import CASES as _TABLE_CASES
from definitions.text_cases import CASES as _TEXT_CASES

CASES = (*_TABLE_CASES, *_NUMERIC_CASES, *_TEXT_CASES, *_CLASS_CASES, *_CELL_CASES, *_DATE_CASES)

__all__ = ["CASES", "Case", "ErrorCase", "error_cases"]
