"""A child that is taught by another classifier."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.svm import LinearSVC

from mothernet import MotherNetClassifier
from mothernet.fitting.judged_rows import JudgedRows
from mothernet.fitting.teaching import Lesson
from mothernet.settings import DEFAULT_SETTINGS

FEWER_FITS = replace(DEFAULT_SETTINGS, teacher_folds=2, teacher_shares=(0.0, 0.5))


def squares(n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Two columns, a class that neither tells alone, and a column of texts that tells nothing."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"a": rng.uniform(-1, 1, n), "b": rng.uniform(-1, 1, n), "town": rng.choice(["Bern", "Chur"], n)})
    return X, np.where(X["a"] * X["b"] > 0, "yes", "no")


class Oracle:
    """Knows the classes of :func:`squares`, and is as sure as it is told to be."""

    def __init__(self, sure: float = 0.99, classes: tuple[str, ...] = ("no", "yes")) -> None:
        self.sure, self.classes_ = sure, np.array(classes)

    def __sklearn_clone__(self) -> Oracle:
        return self

    def fit(self, X: object, y: object) -> Oracle:
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        is_yes = (X["a"] * X["b"] > 0).to_numpy()
        p = np.where(is_yes, self.sure, 1 - self.sure)
        return np.stack([1 - p, p], axis=1)


@pytest.fixture
def few() -> tuple[pd.DataFrame, np.ndarray]:
    return squares(60, 0)


def test_a_teacher_that_knows_more_is_learned_from(few):
    X_test, y_test = squares(2000, 1)
    alone = MotherNetClassifier().fit(*few)
    taught = MotherNetClassifier(teacher=Oracle(), settings=FEWER_FITS).fit(*few)
    assert taught.teacher_share_ > 0
    assert taught.score(X_test, y_test) > alone.score(X_test, y_test) + 0.02


def test_a_teacher_that_knows_nothing_or_lies_is_not_learned_from(few):
    alone = MotherNetClassifier().fit(*few).predict_proba(few[0])
    for teacher in (DummyClassifier(), Oracle(sure=0.01)):
        taught = MotherNetClassifier(teacher=teacher, settings=FEWER_FITS).fit(*few)
        if taught.teacher_share_ == 0:
            np.testing.assert_array_equal(taught.predict_proba(few[0]), alone)
        assert not isinstance(teacher, Oracle) or taught.teacher_share_ == 0


def test_the_larger_the_share_the_nearer_to_the_teacher(few):
    X, _ = squares(1000, 1)
    said = Oracle(0.9).predict_proba(X)
    distance = [
        np.abs(MotherNetClassifier(teacher=Oracle(0.9), teacher_share=w).fit(*few).predict_proba(X) - said).mean()
        for w in (0.0, 0.5, 1.0)
    ]
    assert distance[0] > distance[1] > distance[2]


def test_a_teacher_is_shown_the_rows_that_the_child_learns_from_in_any_order_of_columns(few):
    X_test, y_test = squares(1000, 1)
    taught = MotherNetClassifier(teacher=Oracle(), teacher_share=1.0)
    for order in (["a", "b", "town"], ["b", "town", "a"]):
        assert taught.fit(few[0][order], few[1]).score(X_test[order], y_test) > 0.95


def test_a_frozen_teacher_is_not_fitted_again_and_arrays_are_taken(few):
    X, y = few[0][["a", "b"]].to_numpy(), few[1]
    frozen = FrozenEstimator(RandomForestClassifier(20, random_state=0).fit(X, y))
    weight = np.arange(len(y)) % 3.0
    taught = MotherNetClassifier(teacher=frozen, teacher_share=0.5).fit(X, y, sample_weight=weight)
    assert taught.teacher_share_ == 0.5
    assert clone(taught).teacher_share == 0.5
    assert taught.score(X, y) > 0.8


def test_classes_without_weight_are_left_out_where_a_share_is_chosen(few):
    X, y = few[0], np.where(few[0]["town"] == "Chur", "moved", few[1])
    taught = MotherNetClassifier(teacher=Oracle(), class_weight={"moved": 0}, settings=FEWER_FITS).fit(X, y)
    assert taught.classes_.tolist() == ["no", "yes"]


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"teacher": LinearSVC()}, TypeError, "predict_proba"),
        ({"teacher_share": 1.5}, ValueError, "teacher_share must be"),
        ({"teacher": Oracle(classes=("a", "b"))}, ValueError, "classes_ must be those of y"),
        ({"teacher": Oracle(classes=("no", "perhaps", "yes"))}, ValueError, "of shape"),
        ({"teacher": Oracle(sure=np.nan)}, ValueError, "finite"),
        ({"teacher": Oracle(sure=1.2)}, ValueError, "sum to 1"),
    ],
)
def test_what_cannot_be_used_is_refused(few, changed, error, words):
    model = MotherNetClassifier(**{"teacher": Oracle(), "teacher_share": 0.5, **changed})
    with pytest.raises(error, match=words):
        model.fit(*few)


def test_only_a_table_of_pandas_or_an_array_can_be_shown_to_a_teacher(few):
    with pytest.raises(TypeError, match="DataFrame"):
        MotherNetClassifier(teacher=Oracle()).fit(few[0].to_dict("list"), few[1])


def test_training_rows_are_left_to_the_childs_own_fit():
    own, rows = np.log([[0.8, 0.2], [0.8, 0.2]]), JudgedRows(np.array([[0, 0], [0, 1]]), np.full(2, 0.5), 1)
    lesson = Lesson(lambda source: np.tile([0.2, 0.8], (len(source), 1)), share=0.5)
    np.testing.assert_allclose(np.exp(lesson.mixed(own, rows)), [[0.8, 0.2], [0.5, 0.5]])
    assert lesson.take(np.array([3, 4])).share == 0.5


def test_a_sample_of_rows_asks_for_the_same_cells():
    asked = []
    lesson = Lesson(lambda source: asked.append(source) or np.full((len(source), 2), 0.5), share=1.0)
    lesson.take(np.array([7, 9])).probabilities(np.array([[0, 1]]))
    assert asked[0].tolist() == [[7, 9]]
