"""How real tables are read, split and scored: the one protocol of every benchmark on them."""

import argparse

import numpy as np
import pandas as pd
import pytest
from common.baselines import BASELINES
from common.models import MODELS, chosen_models, score_split
from common.scores import calibration_error, means_by_model, one_vs_one_auc, scored
from common.tables import add_data_arguments, halves, tables_of
from sklearn.metrics import log_loss, roc_auc_score


@pytest.fixture
def folder(tmp_path):
    """An index of two tables, one with a class of three rows and codes that are categories."""
    (tmp_path / "a.csv").write_text(
        "code,x,target\n" + "".join(f"{i % 3},{i},{'no' if i % 2 else 'yes'}\n" for i in range(40))
    )
    rare = "".join(f"{i % 3},{i},{i % 2}\n" for i in range(40)) + "0,1,rare\n" * 3
    (tmp_path / "b.csv").write_text("code,x,target\n" + rare)
    index = "suite,name,file,categorical_columns\none,a,a.csv,\ntwo,b,b.csv,code\n"
    (tmp_path / "INDEX.csv").write_text(index)
    return tmp_path


def chosen(folder, *arguments):
    parser = argparse.ArgumentParser()
    add_data_arguments(parser, suites="one")
    return tables_of(parser, parser.parse_args(["--data", str(folder), *arguments]))


def test_suites_and_names_choose_tables(folder):
    assert [table.name for table in chosen(folder)] == ["a"]
    assert [table.name for table in chosen(folder, "--suites", "one,two")] == ["a", "b"]
    assert [table.name for table in chosen(folder, "--suites", "", "--only", "b")] == ["b"]


@pytest.mark.parametrize("arguments", [("--suites", "three"), ("--only", "b"), ("--only", "a,c")])
def test_unknown_suites_and_names_are_refused(folder, arguments, capsys):
    with pytest.raises(SystemExit):
        chosen(folder, *arguments)
    assert "must name" in capsys.readouterr().err


def test_folder_without_an_index_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        chosen(tmp_path)
    assert "--data must name a folder with INDEX.csv" in capsys.readouterr().err


def test_rows_of_rare_classes_are_left_out_and_columns_may_be_categories(folder):
    data = chosen(folder, "--suites", "two")[0].read()
    assert len(data.features) == len(data.labels) == len(data.codes) == 40
    assert data.labels[:2].tolist() == ["0", "1"] and data.codes[:2].tolist() == [0, 1]
    assert data.features["code"].tolist()[:3] == ["0", "1", "2"]
    assert pd.api.types.is_float_dtype(data.features["x"])


def test_split_is_stratified_bounded_disjoint_and_a_function_of_the_seed():
    codes = np.arange(20_000) % 4 // 3  # one in four
    train, test = halves(codes, 0)
    assert (len(train), len(test)) == (1_000, 5_000)
    assert not set(train) & set(test)
    assert abs(codes[train].mean() - 0.25) < 0.05
    assert halves(codes, 0).train.tolist() == train.tolist()
    assert halves(codes, 1).train.tolist() != train.tolist()


def test_test_rows_hold_only_classes_that_were_fitted():
    codes = np.repeat([0, 1, 2], [20_000, 4, 4])  # of 1,000 training rows hardly one is of a rare class
    train, test = halves(codes, 3)
    assert set(codes[test]) <= set(codes[train])


def test_scores_are_scikit_learns():
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 3, 200), rng.dirichlet([1, 1, 1], 200)
    found = scored(y, p)
    assert found["auc"] == roc_auc_score(y, p, multi_class="ovo")
    assert found["log_loss"] == pytest.approx(log_loss(y, p), abs=1e-12)
    assert found["accuracy"] == (p.argmax(1) == y).mean()


def test_auc_counts_the_classes_that_have_rows():
    p = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]])
    assert one_vs_one_auc(np.array([0, 1, 0]), p) == 1.0
    assert np.isnan(one_vs_one_auc(np.array([1, 1, 1]), p))


def test_certain_and_wrong_costs_a_finite_loss():
    assert scored(np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]))["log_loss"] == pytest.approx(-np.log(1e-9) / 2)


def test_baseline_takes_text_missing_values_and_empty_columns():
    X = pd.DataFrame({"x": [1.0, np.nan, 3, 4] * 10, "word": ["a", "b", "", "a"] * 10, "empty": np.nan, "blank": ""})
    y = np.array([0, 1, 1, 0] * 10)
    rows = pd.DataFrame({"x": [np.nan], "word": ["new"], "empty": [1.0], "blank": ["new"]})
    for name in ("logistic-regression", "random-forest"):
        p = BASELINES[name]().fit(X, y).predict_proba(rows)
        assert p.shape == (1, 2) and np.isfinite(p).all()


def test_every_model_is_scored_on_the_same_rows(folder):
    data = chosen(folder)[0].read()
    makers = {name: BASELINES["logistic-regression"] for name in ("one", "other")}
    one, other = score_split(data, halves(data.codes, 0), makers)
    assert (one["auc"], one["log_loss"]) == (other["auc"], other["log_loss"])
    means = means_by_model([{"table": "a", **row} for row in (one, other)])
    assert set(means) == {"one", "other"} and means["one"]["rank"] == 1.5


def test_models_are_chosen_by_name(monkeypatch, capsys):
    monkeypatch.setattr("common.models.is_installed", lambda name: True)
    parser = argparse.ArgumentParser()
    assert chosen_models(parser, "all") == list(MODELS)
    assert chosen_models(parser, "untrained,mothernet") == ["untrained", "mothernet"]
    with pytest.raises(SystemExit):
        chosen_models(parser, "one-pass")
    assert (
        "--models must be among mothernet, mothernet-small, mothernet-large, predicted-penalty"
        in capsys.readouterr().err
    )


def test_model_that_is_not_installed_is_refused_by_name_and_left_out_of_all(monkeypatch, capsys):
    monkeypatch.setattr("common.models.is_installed", lambda name: name != "catboost")
    parser = argparse.ArgumentParser()
    with pytest.raises(SystemExit):
        chosen_models(parser, "mothernet,catboost")
    assert "Run: pip install catboost" in capsys.readouterr().err
    assert chosen_models(parser, "all") == [name for name in MODELS if name != "catboost"]
    assert "left out, because not installed: catboost" in capsys.readouterr().err


def test_model_that_fails_is_a_reason_and_the_next_is_scored(folder):
    class Failing:
        def fit(self, X, y):
            raise ValueError("no such luck")

    data = chosen(folder)[0].read()
    makers = {"failing": Failing, "other": BASELINES["logistic-regression"]}
    failed, other = score_split(data, halves(data.codes, 0), makers)
    assert failed == {"model": "failing", "reason": "ValueError: no such luck"}
    assert 0 <= other["auc"] <= 1


def test_more_rows_can_be_asked_for():
    codes = np.arange(20_000) % 4 // 3
    train, test = halves(codes, 0, max_train_rows=7_000, max_test_rows=100_000)
    assert (len(train), len(test)) == (7_000, 10_000)
    np.testing.assert_array_equal(train[:1_000], halves(codes, 0).train)


def test_calibration_error_is_that_of_the_definition():
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], 3_000)
    y = np.array([rng.choice(3, p=row) for row in p])
    order = np.argsort(p.max(1))
    right = p.argmax(1) == y
    parts = np.array_split(order, 15)  # no two confidences are equal
    expected = sum(len(part) * abs(right[part].mean() - p.max(1)[part].mean()) for part in parts) / len(y)
    assert calibration_error(y, p) == pytest.approx(expected, abs=1e-12)
    assert calibration_error(y, p) < 0.03 < calibration_error((y + 1) % 3, p)


def test_calibration_error_does_not_depend_on_the_order_of_rows_of_equal_confidence():
    p = np.tile([0.75, 0.25], (100, 1))
    y = np.repeat([0, 1], [75, 25])
    assert calibration_error(y, p) == calibration_error(y[::-1], p) == 0.0
    assert calibration_error(np.zeros(100, int), p) == 0.25
