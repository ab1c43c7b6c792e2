"""What raw columns become, and that the child's ramps repeat it."""

import numpy as np
import pandas as pd
import pytest
import torch

from mothernet.network.inputs import Ramps
from mothernet.settings import DEFAULT_SETTINGS, FitSettings
from mothernet.tables.category_odds import Labels
from mothernet.tables.columns import read_training_columns
from mothernet.tables.encoding import fit_encoding
from mothernet.tables.raw_inputs import raw_columns

N_RAMPS = 8


def encode(frame, categorical=(), **settings):
    columns = read_training_columns(dict(frame.items()), dict.fromkeys(categorical, "category"), are_named=False)
    raw = raw_columns((column.name, column.rule, column.values) for column in columns)
    labels = Labels(np.arange(len(frame)) % 2, 2, np.random.default_rng(0))
    return fit_encoding(raw, N_RAMPS, labels, settings=FitSettings(**settings))


def features(encoding):
    """The inputs that are not ramps."""
    return encoding.inputs[:, : encoding.inputs.shape[1] - len(encoding.ramp_index)]


def basis(encoding, frame):
    """First-layer basis, straight from the definition in export/FORMAT.md, one cell at a time."""
    rows = []
    numeric = [c for c in encoding.columns if hasattr(c, "knots")]
    for _, row in frame.iterrows():
        values = []
        for c in numeric:
            x = c.centre if pd.isna(row[c.name]) else float(row[c.name])
            values += [min(max((x - a) / (b - a), 0), 1) for a, b in zip(c.knots, c.knots[1:], strict=False)]
        values += [float(pd.isna(row[c.name])) for c in numeric if c.missing_indicator]
        for c in encoding.columns:
            if not hasattr(c, "knots") and c.categories:
                text = "" if pd.isna(row[c.name]) else str(row[c.name])
                known = text in c.categories
                values += [float(text == category) for category in c.categories] + [float(not known)]
        rows.append(values)
    return np.array(rows)


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    n = 200
    return pd.DataFrame(
        {
            "normal": rng.normal(size=n),
            "skewed": np.exp(2 * rng.normal(size=n)),
            "gaps": np.where(rng.random(n) < 0.2, np.nan, rng.normal(50, 9, n)),
            "extreme": np.where(np.arange(n) == 3, 1e30, rng.normal(size=n)),
            "infinite": np.where(np.arange(n) < 3, np.inf, rng.normal(size=n)),
            "two": rng.integers(0, 2, n).astype(float),
            "town": rng.choice(["Bern", "Basel", "Genève", None], n),
            "sex": rng.choice(["f", "m"], n),
            "rare": np.where(np.arange(n) < 5, [f"r{i}" for i in range(n)], "common"),
        }
    )


def test_inputs_are_affine_in_the_childs_basis(frame):
    encoding = encode(frame)
    expected = basis(encoding, frame) @ encoding.matrix.T + encoding.base
    assert np.abs(encoding.inputs - expected).max() < 2e-3  # knots are rounded to float32
    assert np.isfinite(encoding.inputs).all()


def test_inputs_are_of_order_one(frame):
    inputs = features(encode(frame))
    assert np.abs(inputs).max() < 6
    spread = inputs.std(0)
    assert spread.min() > 0.1 and spread.max() < 1.6


def test_ramps_rise_in_turn_between_quantiles(frame):
    encoding = encode(frame[["skewed"]])
    order = frame["skewed"].argsort()
    ramps = encoding.inputs[order, 1:]
    assert encoding.ramp_index.tolist() == [[0, k] for k in range(N_RAMPS)]
    assert (np.diff(ramps, axis=0) >= 0).all() and ramps.min() == 0 and ramps.max() == 1
    row = np.ceil(np.arange(N_RAMPS + 1) * len(frame) / N_RAMPS - 0.5).astype(int).clip(0, len(frame) - 1)
    assert np.abs(ramps.sum(1)[row] - np.arange(N_RAMPS + 1)).max() < 1e-4  # the median row has climbed half of them


def test_a_column_of_two_values_has_no_ramps_and_one_of_few_values_has_few(frame):
    assert len(encode(frame[["two"]]).ramp_index) == 0
    few = pd.DataFrame({"few": np.arange(200) % 4})
    encoding = encode(few)
    assert len(encoding.ramp_index) == 3
    for value in range(1, 4):  # a ramp per step: any function of the value is linear in them
        assert (encoding.inputs[few["few"] == value, 1:].sum(1) == value).all()


def test_ramps_belong_to_the_feature_of_their_column(frame):
    encoding = encode(frame)
    inputs = encoding.inputs
    for ramp, (feature, _) in zip(inputs[:, -len(encoding.ramp_index) :].T, encoding.ramp_index, strict=True):
        order = inputs[:, feature].argsort(kind="stable")
        assert (np.diff(ramp[order]) >= -1e-6).all()


def test_pretraining_and_fit_see_the_same_ramps():
    x = np.random.default_rng(1).normal(size=(300, 1)).astype(np.float32)
    encoding = encode(pd.DataFrame(x, columns=["x"]))
    standardised = torch.from_numpy(features(encoding))[None]
    expected = Ramps.fit(standardised, torch.ones(1, 300), N_RAMPS)(standardised)[0]
    difference = np.abs(encoding.inputs - expected.numpy()).max(0)
    assert difference[2:-1].max() < 1e-3
    assert (
        difference.max() < 0.2
    )  # the outer ramps are straight in the number here, and in its softly clipped value there


def test_missing_numbers_have_an_input_of_their_own_only_if_training_had_some(frame):
    by_name = {column.name: column for column in encode(frame).columns}
    assert by_name["gaps"].missing_indicator
    assert not by_name["normal"].missing_indicator


def test_rare_categories_are_pooled_and_frequent_ones_kept(frame):
    by_name = {column.name: column for column in encode(frame).columns}
    assert by_name["rare"].categories == ("common",)
    assert set(by_name["town"].categories) == {"Bern", "Basel", "Genève", ""}
    many = pd.DataFrame({"c": [f"v{i % 40}" for i in range(400)]})
    assert len(encode(many).columns[0].categories) == 40
    assert len(encode(many, max_categories=3).columns[0].categories) == 3


def test_many_categories_have_features_of_their_own_and_one_by_their_log_odds():
    frame = pd.DataFrame({"c": [f"v{i % 40}" for i in range(400)]})
    encoding = encode(frame)
    frequent = DEFAULT_SETTINGS.max_category_features
    assert features(encoding).shape[1] == frequent + 1 + 1  # the frequent, the pooled, the log-odds
    expected = basis(encoding, frame) @ encoding.matrix.T + encoding.base
    assert np.abs(encoding.inputs - expected)[:, : frequent + 1].max() < 1e-6


def test_dates_become_days_months_weekdays_and_hours_where_they_vary():
    day = pd.date_range("2023-01-01", periods=300, freq="3D")
    assert [column.part for column in encode(pd.DataFrame({"d": day})).columns] == ["days", "month", "weekday"]
    hour = pd.DataFrame({"d": pd.date_range("2024-05-05", periods=24, freq="h")})
    assert [column.part for column in encode(hour).columns] == ["days", "hour"]


def test_numbers_that_float32_merges_get_an_offset():
    seconds = pd.DataFrame({"t": 1.7e9 + np.arange(300.0), "x": np.arange(300) / 7})
    t, x = encode(seconds).columns
    assert t.offset == 1.7e9 + 150 and x.offset == 0
    assert max(map(abs, t.knots)) <= 150


def test_an_unseen_category_counts_as_the_average_row_when_none_was_rare(frame):
    encoding = encode(frame[["sex"]])
    unseen = basis(encoding, pd.DataFrame({"sex": ["x"]})) @ encoding.matrix.T + encoding.base
    assert np.abs(unseen).max() < 1e-12


def test_constant_all_missing_identifier_and_duplicate_columns_are_ignored(frame):
    useless = frame[["normal"]].assign(
        constant=1.0, empty=np.nan, same="a", name=[f"n{i}" for i in range(len(frame))], copy=frame["normal"]
    )
    encoding = encode(useless)
    assert [column.n_inputs > 0 for column in encoding.columns] == [True, False, False, False, False, False]
    assert features(encoding).shape[1] == 1


def test_a_category_may_be_a_number_and_has_one_text_form():
    frame = pd.DataFrame({"code": [1, 2, 1, 2, 3, 3]})
    assert encode(frame, ["code"]).columns[0].categories == ("1", "2", "3")
    assert encode(frame.astype(float), ["code"]).columns[0].categories == ("1", "2", "3")


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1e6, 1e30])
def test_units_of_measurement_do_not_matter(frame, scale):
    plain, scaled = encode(frame[["normal", "gaps"]]), encode(frame[["normal", "gaps"]] * scale)
    assert np.allclose(plain.inputs, scaled.inputs, atol=1e-3)


def test_columns_missing_in_the_same_rows_share_one_indicator(frame):
    both = frame[["gaps"]].assign(other=frame["gaps"] ** 2)
    assert [column.missing_indicator for column in encode(both).columns] == [True, False]
    assert [len(column.knots) > 0 for column in encode(both).columns] == [True, True]
