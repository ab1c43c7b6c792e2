"""Distinct texts are the same from bytes as from a dict, and a rule makes the same of them as of each text alone."""

from collections import Counter

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from mothernet_runtime.byte_cells import ByteCells
from mothernet_runtime.cells import BLANKS, DateRule, NumberRule

from mothernet.tables.distinct_texts import DistinctTexts
from mothernet.tables.inference import infer_rule
from mothernet.tables.words import MARKERS

TEXTS = st.sampled_from(
    [*sorted(BLANKS), "1", "1,5", "-7", "x", "?", "n.a.", "2024-01-05", "5 €", "Nan", "é", "x" * 70]
)
TEXTS |= st.text("0123456789.,- ", max_size=6)
RULES = [NumberRule(), NumberRule(","), NumberRule(boolean=True), DateRule("dmy")]


@given(st.lists(TEXTS, max_size=30))
@example(["-1.#IND", "-1", "", "NULL", "1"])
def test_distinct_texts_of_bytes_are_those_of_a_dict(cells):
    of_cells, of_dict = DistinctTexts.of_cells(ByteCells.of(cells)), DistinctTexts.of(Counter(cells))
    if of_cells is None:  # there is something to trim, or nothing at all, or a text is too long
        assert not cells or any(text != text.strip() or len(text) > 64 for text in cells)
        return
    assert list(of_cells.counts().items()) == list(of_dict.counts().items())
    assert of_cells.n_blank == of_dict.n_blank == len(cells) - of_cells.n_rows
    common = Counter(of_dict.counts()).most_common(3)
    assert list(of_cells.most_common(3).counts().items()) == list(of_dict.most_common(3).counts().items()) == common
    assert infer_rule("a", of_cells) == infer_rule("a", Counter(cells))


@given(st.lists(TEXTS | st.just("\ud800"), max_size=30), st.sampled_from(RULES))
def test_rules_make_of_distinct_texts_what_they_make_of_each(cells, rule):
    distinct = DistinctTexts.of(Counter(cells))
    read, counts = distinct.read(rule), distinct.counts()
    expected = {text: rule.read_text(text) for text in counts}
    np.testing.assert_array_equal(read.values, np.array([np.nan if v is None else v for v in expected.values()], float))
    refused = {text: counts[text] for text, value in expected.items() if value is None}
    assert read.markers == {text: rows for text, rows in refused.items() if text.lower() in MARKERS}
    assert read.odd == {text: rows for text, rows in refused.items() if text.lower() not in MARKERS}
    assert len(distinct.read(rule, 1).odd) == min(len(read.odd), 2)
