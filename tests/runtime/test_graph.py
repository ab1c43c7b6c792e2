"""Calls of onnxruntime: how rows are cut, and that it shows in no answer."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from mothernet_runtime import load
from mothernet_runtime.graph import rows_per_call
from mothernet_runtime.schema import Column, Input

pytest.importorskip("mothernet_export")
ROWS_PER_CALL = 64
ROUNDING = 1e-6  # a product of another number of rows may sum in another order


def table(n_rows):
    x = np.random.default_rng(1).normal(size=(n_rows, 2))
    cells = np.random.default_rng(2).choice(np.array(["Bern", "", "3", "unseen"], object), (n_rows, 2))
    return {"x": x[:, 0], "y": x[:, 1], "city": cells[:, 0], "code": cells[:, 1]}


@pytest.mark.parametrize(
    "classes",
    [("b", "ccc"), (-7, 0, 12), (0, 1), (False, True), (0.1, 1.0, 2.5)],
    ids=["text", "gaps", "int", "bool", "float"],
)
def test_pieces_give_what_one_call_gives(write_model, classes):
    path, _ = write_model(classes)
    whole, cut = load(path, on_unseen="ignore"), load(path, on_unseen="ignore")
    whole._graph.rows_per_call, cut._graph.rows_per_call = 10**6, ROWS_PER_CALL
    for n_rows in (0, 1, ROWS_PER_CALL - 1, ROWS_PER_CALL, ROWS_PER_CALL + 1, 3 * ROWS_PER_CALL, 5 * ROWS_PER_CALL + 7):
        rows = table(n_rows)
        labels, probabilities = cut.predict_both(rows)
        expected_labels, expected = whole.predict_both(rows)
        assert probabilities.shape == expected.shape == (n_rows, len(classes))
        assert probabilities.dtype == expected.dtype == np.float32
        assert np.abs(probabilities - expected).max(initial=0) < ROUNDING
        assert labels.dtype == expected_labels.dtype == cut.classes_.dtype
        assert labels.tolist() == expected_labels.tolist()
        assert np.array_equal(cut.predict(rows), labels)
        assert np.array_equal(cut.predict_proba(rows), probabilities)
    assert len(set(labels.tolist())) > 1


def test_no_call_takes_more_rows_than_it_should(write_model, monkeypatch):
    model = load(write_model()[0], on_unseen="ignore")
    run, sizes = model._graph._run, []

    def counted(outputs, feed):
        sizes.append({len(array) for array in feed.values()})
        return run(outputs, feed)

    monkeypatch.setattr(model._graph, "_run", counted)
    model._graph.rows_per_call = ROWS_PER_CALL
    model.predict_proba(table(2 * ROWS_PER_CALL + 5))
    assert sizes == [{ROWS_PER_CALL}, {ROWS_PER_CALL}, {5}]


def test_only_what_is_asked_is_computed(write_model, monkeypatch):
    model = load(write_model()[0])
    run, asked = model._graph._run, []

    def noted(outputs, feed):
        asked.append(tuple(outputs))
        return run(outputs, feed)

    monkeypatch.setattr(model._graph, "_run", noted)
    row = {"x": 1.0, "y": None, "city": "Bern", "code": "3"}
    model.predict_proba(row)
    model.predict(row)
    model.predict_both(row)
    assert asked == [("probabilities",), ("label",), ("label", "probabilities")]


def test_rows_per_call_shrink_with_the_width_of_the_table_and_grow_with_threads(write_model):
    model = load(write_model()[0])._file
    wide = Column("w", model.columns[0].rule, tuple(Input("numeric", k) for k in range(300)))
    wider = replace(wide, inputs=tuple(Input("numeric", k) for k in range(10**6)))
    rows = [rows_per_call(replace(model, columns=(each,)), 1, True) for each in (model.columns[0], wide, wider)]
    assert rows[0] == 2048 > rows[1] > rows[2] == 64
    assert rows_per_call(model, 4, True) == 4 * rows_per_call(model, 1, True)
    assert rows_per_call(model, 0, True) >= rows_per_call(model, 1, True)
    assert rows_per_call(model, 1, False) == 4096


def test_threads_may_share_a_model_whose_rows_are_cut(write_model):
    model = load(write_model()[0], on_unseen="ignore")
    model._graph.rows_per_call = ROWS_PER_CALL
    tables = [table(n_rows) for n_rows in (1, 63, 64, 65, 200)]
    expected = [model.predict_both(rows) for rows in tables]

    def work(seed):
        for k in np.random.default_rng(seed).permutation(np.tile(np.arange(len(tables)), 6)):
            labels, probabilities = model.predict_both(tables[k])
            assert np.array_equal(labels, expected[k][0])
            assert np.array_equal(probabilities, expected[k][1])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


def test_answers_are_the_caller_s_own(write_model):
    model = load(write_model()[0])
    row = {"x": 1.0, "y": None, "city": "Bern", "code": "3"}
    labels, probabilities = model.predict_both(row)
    kept, classes = probabilities.copy(), model.classes_.copy()
    labels[:], probabilities[:] = "", -1
    assert np.array_equal(model.predict_proba(row), kept)
    assert np.array_equal(model.classes_, classes)
