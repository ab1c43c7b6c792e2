"""Types of a caller's columns, and their cells as numbers and text."""

import numpy as np
import pandas as pd
import pytest

from mothernet.tables.columns import column_types, read_raw_inputs

FRAME = pd.DataFrame(
    {
        "real": [0.5, np.nan, -1.0],
        "nullable": pd.array([1, None, 3], "Int64"),
        "text": ["a", None, "b"],
        "flag": [True, False, True],
        "category": pd.Categorical([3, 4, 3]),
        "objects": np.array([1, None, 2.5], object),
    }
)


def test_numbers_are_numeric_and_everything_else_is_categorical():
    types = column_types(FRAME, list(FRAME), ())
    assert types == ("numeric", "numeric", "categorical", "categorical", "categorical", "numeric")


def test_columns_can_be_declared_categorical_by_name_or_number():
    assert column_types(FRAME, list(FRAME), ["real", 1])[:2] == ("categorical", "categorical")
    with pytest.raises(ValueError, match="categorical_features must be between 0 and 5, however: 6"):
        column_types(FRAME, list(FRAME), [6])


def test_missing_cells_are_nan_in_numbers_and_empty_in_text():
    names = list(FRAME)
    raw = read_raw_inputs(FRAME, names, column_types(FRAME, names, ()))
    assert raw.numeric.dtype == np.float32 and raw.numeric.shape == (3, 3)
    assert np.isnan(raw.numeric[1]).all()
    assert raw.categorical.tolist() == [["a", "True", "3"], ["", "False", "4"], ["b", "True", "3"]]
