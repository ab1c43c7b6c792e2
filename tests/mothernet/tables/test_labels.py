"""Labels are trimmed and merged, quantities are refused."""

import pytest

from mothernet.tables.files import TableError
from mothernet.tables.labels import read_classes


def labels(*texts):
    return read_classes(dict.fromkeys(texts, 3), "y", "the table").labels


def test_labels_are_trimmed_and_missing_ones_have_no_class():
    assert labels(" churn", "churn", "stay ", "", "NA") == {" churn": "churn", "churn": "churn", "stay ": "stay"}


def test_whole_numbers_are_integers_however_they_are_written():
    assert labels("1.0", "0", "-2.") == {"1.0": 1, "0": 0, "-2.": -2}


@pytest.mark.parametrize("other", ["01", "1.5", "x", "9" * 19 + "9"])
def test_one_label_that_is_no_whole_number_keeps_all_as_text(other):
    assert labels("1", other) == {"1": "1", other: other}


def test_merged_labels_case_and_markers_are_noted():
    notes = read_classes({" a": 1, "a": 2, "B": 3, "b": 3, "?": 1}, "y", "t").notes
    assert "differ only in how they are written are one class: ' a' and 'a'" in notes[0]
    assert "differ in case are different classes: 'B' and 'b'" in notes[1]
    assert "the label '?' of 'y' counts as a class" in notes[2]


@pytest.mark.parametrize("numbers", [range(300), [i / 7 for i in range(60)]])
def test_a_quantity_is_refused_early(numbers):
    with pytest.raises(TableError, match="looks like a quantity"):
        read_classes({str(number): 1 for number in numbers}, "price", "the table")


def test_a_hundred_classes_with_many_rows_are_classes():
    assert len(read_classes({str(i): 90 for i in range(100)}, "y", "t").labels) == 100
