"""scikit-learn's tools around the classifier: searches, cross-validation, copies, importance, routing, frames."""

from __future__ import annotations

import io

import joblib
import mothernet_runtime
import numpy as np
import pandas as pd
import pytest
from mothernet_export import to_onnx
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import VotingClassifier
from sklearn.inspection import permutation_importance
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mothernet import MotherNetClassifier


@pytest.fixture(scope="module")
def frame(train):
    return train.drop(columns="constant")[:300]


@pytest.fixture(scope="module")
def target(labels):
    return labels[:300]


@pytest.fixture(scope="module")
def fitted(frame, target):
    return MotherNetClassifier(width=16).fit(frame, target)


def test_a_clone_is_unfitted_and_fits_to_the_same(fitted, frame, target):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params() and not hasattr(copy, "child_")
    assert copy.fit(frame, target).child_ == fitted.child_
    settings = MotherNetClassifier(columns={"grade": "category"}, class_weight={"yes": 2.0, "no": 1.0})
    assert clone(settings).get_params() == settings.get_params()


def test_parameters_are_set_through_a_pipeline(frame, target):
    pipeline = make_pipeline(MotherNetClassifier()).set_params(mothernetclassifier__width=4)
    alone = MotherNetClassifier(width=4).fit(frame, target)
    assert pipeline.fit(frame, target)[-1].child_ == alone.child_


def test_cross_validation_in_two_processes_is_that_in_one(frame, target):
    model = MotherNetClassifier(width=8)
    one, two = (
        cross_val_predict(model, frame, target, cv=3, method="predict_proba", n_jobs=n_jobs) for n_jobs in (1, 2)
    )
    assert np.abs(one - two).mean() < 0.01  # other numbers of threads sum in another order, which moves what is kept
    assert log_loss(target, one) < 0.6
    assert (cross_val_score(model, frame, target, cv=3, n_jobs=2, scoring="roc_auc") > 0.75).all()


def test_a_search_in_two_processes_is_written_as_a_file(frame, target, tmp_path):
    search = GridSearchCV(MotherNetClassifier(), {"width": [4, 8], "size": ["small", "large"]}, cv=2, n_jobs=2)
    search.fit(frame, target)
    to_onnx(search, tmp_path / "best.onnx")
    got = mothernet_runtime.load(tmp_path / "best.onnx").predict_proba(frame)
    assert np.abs(got - search.predict_proba(frame)).max() < 1e-5


def test_a_copy_by_joblib_predicts_the_same(fitted, frame, target):
    buffer = io.BytesIO()
    joblib.dump(fitted, buffer)
    buffer.seek(0)
    copy = joblib.load(buffer)
    assert (copy.predict_proba(frame) == fitted.predict_proba(frame)).all()
    assert copy.child_ == fitted.child_
    assert to_onnx(copy).SerializeToString() == to_onnx(fitted).SerializeToString()
    assert copy.fit(frame, target).child_ == fitted.child_


def test_importance_by_permutation_finds_what_matters(fitted, frame, target):
    noisy = frame.assign(noise=np.random.default_rng(0).normal(size=len(frame)))
    model = clone(fitted).fit(noisy, target)
    found = permutation_importance(model, noisy, target, n_repeats=3, random_state=0)
    mean = dict(zip(noisy.columns, found.importances_mean, strict=True))
    assert mean["noise"] < 0.02 < mean["town"]


def test_names_of_columns_are_kept_and_checked(fitted, frame):
    assert fitted.feature_names_in_.tolist() == list(frame.columns)
    assert fitted.n_features_in_ == frame.shape[1]
    assert not hasattr(fitted, "get_feature_names_out")  # it is no transformer
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(frame.rename(columns={"town": "city"}))


def test_frames_between_the_steps_keep_names_and_types(frame, target):
    columns = make_column_transformer(
        (StandardScaler(), ["age", "visits"]), ("passthrough", ["town", "member"]), verbose_feature_names_out=False
    )
    pipeline = make_pipeline(columns, MotherNetClassifier(width=8)).set_output(transform="pandas").fit(frame, target)
    assert pipeline[-1].feature_names_in_.tolist() == ["age", "visits", "town", "member"]
    assert (pipeline.predict(frame) == target).mean() > 0.7
    array = clone(pipeline).set_output(transform="default").fit(frame, target)
    assert not hasattr(array[-1], "feature_names_in_")
    assert np.abs(array.predict_proba(frame) - pipeline.predict_proba(frame)).max() < 1e-5


def test_an_ensemble_takes_texts_and_missing_cells(frame, target):
    voters = [("a", MotherNetClassifier(width=8)), ("b", MotherNetClassifier(width=8, random_state=1))]
    ensemble = VotingClassifier(voters, voting="soft").fit(frame, target)
    mean = (ensemble.estimators_[0].predict_proba(frame) + ensemble.estimators_[1].predict_proba(frame)) / 2
    assert np.abs(ensemble.predict_proba(frame) - mean).max() < 1e-6


def test_weights_of_rows_reach_the_fit_by_parameter_and_by_routing(frame, target):
    weight = np.where(target == "yes", 5.0, 1.0)
    model = MotherNetClassifier(width=8)
    weighted = clone(model).fit(frame, target, sample_weight=weight).predict_proba(frame)
    assert weighted[:, 1].mean() > clone(model).fit(frame, target).predict_proba(frame)[:, 1].mean() + 0.02
    pipeline = make_pipeline(model).fit(frame, target, mothernetclassifier__sample_weight=weight)
    assert (pipeline.predict_proba(frame) == weighted).all()
    with config_context(enable_metadata_routing=True):
        with pytest.raises(ValueError, match="sample_weight"):
            make_pipeline(model).fit(frame, target, sample_weight=weight)
        routed = make_pipeline(clone(model).set_fit_request(sample_weight=True))
        assert (routed.fit(frame, target, sample_weight=weight).predict_proba(frame) == weighted).all()
        asked = clone(model).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scores = cross_validate(asked, frame, target, cv=2, params={"sample_weight": weight})["test_score"]
        assert scores.shape == (2,) and (scores > 0.5).all()


def test_a_learning_curve_of_a_frame(frame, target):
    sizes, _, scores = learning_curve(MotherNetClassifier(width=8), frame, target, train_sizes=[40, 150], cv=2)
    assert sizes.tolist() == [40, 150] and scores.mean(axis=1)[1] > 0.6


def test_nullable_columns_of_pandas_are_split_and_predicted(frame, target):
    nullable = frame.assign(age=frame["age"].astype("Float64"), visits=pd.array(frame["visits"], "Int64"))
    got = cross_val_predict(MotherNetClassifier(width=8), nullable, target, cv=2, method="predict_proba")
    expected = cross_val_predict(MotherNetClassifier(width=8), frame, target, cv=2, method="predict_proba")
    assert np.abs(got - expected).max() < 1e-6
