"""The report: which results count, what is computed of them, the page and the README's table, from made-up results."""

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from common.results import RESULTS
from report import comparisons, drawing, loading, losses, page_tables, readme_block
from report.chain import commands
from report.page import page, strongest
from report.pictures import write_pictures

LATENCY_TABLES = ("ash", "birch", "cedar", "dogwood", "elm")
TABLES = {"cc18": ("ash", "birch", "cedar"), "dev": ("date", "elder")}
SCORES = {  # auc, log loss, calibration error
    "mothernet-small": (0.88, 0.40, 0.03),
    "mothernet": (0.90, 0.35, 0.02),
    "mothernet-large": (0.905, 0.34, 0.02),
    "lightgbm": (0.89, 0.50, 0.09),
    "catboost": (0.91, 0.38, 0.04),
}
ONE_ROW_US = {"mothernet-small": 8.0, "mothernet": 12.0, "mothernet-large": 20.0, "lightgbm": 6.0, "catboost": 30.0}
MARKED = "# Title\n\n<!-- numbers: benchmarks/old.py -->\nold\n<!-- end of numbers -->\n\nThe rest.\n"


def write_run(folder, benchmark, rows, time="2026-01-01T00:00:00", failures=(), **protocol):
    place = folder / benchmark
    place.mkdir(parents=True, exist_ok=True)
    environment = {"commit": "abcdef0", "time": time, "hardware": "a processor, 2 cores", "python": "3.11"}
    environment["versions"] = {"mothernet": "0.1.0"}
    content = {"benchmark": benchmark, "question": "How?", "environment": environment, "protocol": protocol}
    path = place / f"{time[:10]}-{len(list(place.glob('*.json')))}.json"
    path.write_text(json.dumps({**content, "summary": {"failures": list(failures)}}))
    text = pd.DataFrame(rows).to_csv(index=False)
    path.with_suffix(".rows.csv.gz").write_bytes(gzip.compress(text.encode()))


def accuracy_rows(scores=SCORES, tables=TABLES, noise=0.02):
    rng = np.random.default_rng(0)
    for suite, names in tables.items():
        for table in names:
            for split in range(2):
                for model, (auc, log_loss, calibration) in scores.items():
                    off = noise * rng.normal()
                    about = {"suite": suite, "table": table, "split": split, "model": model, "accuracy": 0.8}
                    yield about | {
                        "auc": auc + off,
                        "log_loss": log_loss - off,
                        "calibration_error": calibration,
                        "fit_seconds": 0.5,
                        "predict_seconds": 0.01,
                    }


def latency_rows(one_row_us=ONE_ROW_US, tables=LATENCY_TABLES):
    for i, table in enumerate(tables):
        for model, us in one_row_us.items():
            ours = model.startswith("mothernet")
            ways = [("onnx", "onnxruntime", "raw")]
            ways += (
                [] if ours else [("onnx", "onnxruntime", "codes"), ("native", model, "raw"), ("native", model, "codes")]
            )
            ways += [("compiled", "lleaves", "codes")] if model == "lightgbm" else []
            for form, engine, inputs in ways:
                factor = {"onnx": 1.0, "native": 40.0, "compiled": 0.8}[form] * (
                    2.0 if inputs == "raw" and not ours else 1.0
                )
                for rows in (1, 10, 100, 1_000):
                    p50 = factor * us * (1 + rows / (20 if ours else 5)) * (1 + i / 10)
                    about = {"table": table, "columns": 4, "text_columns": 1, "classes": 2, "model": model}
                    about |= {"form": form, "engine": engine, "inputs": inputs, "threads": 1, "rows": rows}
                    once = {"size_bytes": 2_000 * us, "session_ms": 2.0, "first_call_us": 90.0}
                    yield about | once | {"p50_us": p50, "p99_us": 2 * p50, "calls": 100}


def cost_rows(models=("mothernet", "lightgbm", "catboost")):
    for rows, columns in ((1_000, 10), (1_000, 50), (10_000, 50)):
        for i, model in enumerate(models):
            seconds = (i + 1) * rows * columns / 1e5
            about = {"rows": rows, "columns": columns, "model": model, "wall_seconds": seconds, "cpu_seconds": seconds}
            yield about | {"peak_bytes": (5 - i) * 1e8, "size_bytes": 1e5, "repeats": 3}


@pytest.fixture
def folder(tmp_path):
    write_run(tmp_path, "accuracy", accuracy_rows())
    failure = {"table": "ash", "model": "xgboost", "inputs": "raw", "reason": "no <operator>"}
    write_run(tmp_path, "latency", latency_rows(), failures=[failure])
    write_run(tmp_path, "whole_cost", 3 * list(cost_rows()))
    return tmp_path


@pytest.fixture
def results(folder):
    return loading.load(folder)


def test_newest_complete_run_of_each_suite_and_model_counts(folder):
    newer = {"mothernet": (0.95, 0.3, 0.02)}
    write_run(folder, "accuracy", accuracy_rows(newer, {"dev": TABLES["dev"]}, 0), "2026-01-02T00:00:00")
    one_table = {"dev": ("date",)}
    write_run(folder, "accuracy", accuracy_rows(newer, one_table), "2026-01-03T00:00:00", only=["date"])
    found = loading.load(folder)
    means = comparisons.scores_of(found.accuracy, "dev")
    assert means.loc["mothernet", "auc"] == pytest.approx(0.95) and means.loc["mothernet", "tables"] == 2
    assert means.loc["lightgbm", "auc"] == pytest.approx(0.89, abs=0.05)
    assert [run.name for run in found.runs if run.benchmark == "accuracy"] == ["2026-01-01-0.json", "2026-01-02-1.json"]
    assert set(
        loading.load(folder, incomplete=True).accuracy.query("suite == 'dev' and model == 'mothernet'")["table"]
    ) == {"date"}


def test_latency_of_few_tables_or_earlier_form_is_passed_over(tmp_path):
    write_run(tmp_path, "accuracy", accuracy_rows())
    write_run(tmp_path, "latency", latency_rows(tables=("ash", "birch")))
    write_run(tmp_path, "latency", [{"table": "ash", "model": "mothernet", "rows": 1, "latency_us": 9.0}])
    assert loading.load(tmp_path).latency.empty
    assert loading.load(tmp_path, incomplete=True).latency["table"].nunique() == 2


def test_results_without_a_whole_run_are_refused(tmp_path):
    with pytest.raises(ValueError, match="must have a run of whole suites, however: it has none"):
        loading.load(tmp_path)


def test_the_core_and_the_source_of_a_child_stand_in_the_table_and_its_claims_are_of_raw_cells(tmp_path):
    write_run(tmp_path / "without", "accuracy", accuracy_rows())
    rows = list(latency_rows())
    write_run(tmp_path / "without", "latency", rows)
    core = [row | {"inputs": "codes", "p50_us": 0.1} for row in rows if row["model"] == "mothernet"]
    source = [row | {"form": "compiled", "engine": "gcc"} for row in core]
    write_run(tmp_path / "with", "accuracy", accuracy_rows())
    write_run(tmp_path / "with", "latency", [*rows, *core, *source])
    results = loading.load(tmp_path / "with")
    assert readme_block.block(results) == readme_block.block(loading.load(tmp_path / "without"))
    names = [line[0] for line in page_tables.speed_table(results.latency).rows]
    ways = ("ONNX, raw cells", "ONNX, codes", "compiled by gcc, codes")
    assert {f"MotherNet ({way})" for way in ways} <= set(names)


def test_differences_are_of_the_splits_that_both_models_have(results):
    rows = results.accuracy
    lost = (rows["model"] == "lightgbm") & (rows["table"] == "ash") & (rows["split"] == 1)
    found = comparisons.differences(rows[~lost], "auc", "lightgbm")
    np.testing.assert_allclose(found[("cc18", "ash")], paired(rows, "ash", [0]))
    np.testing.assert_allclose(found[("cc18", "birch")], paired(rows, "birch", [0, 1]))


def paired(rows, table, splits):
    own = rows[(rows["table"] == table) & rows["split"].isin(splits)]
    return own[own["model"] == "mothernet"]["auc"].mean() - own[own["model"] == "lightgbm"]["auc"].mean()


def test_wins_ties_and_losses_follow_the_direction_of_a_score():
    values = pd.Series([0.02, 0.0005, -0.0005, -0.003, 0.001])
    assert comparisons.wins(values, "auc") == (2, 2, 1)
    assert comparisons.wins(values, "log_loss") == (1, 2, 2)


def test_ratios_are_of_times_within_a_table(results):
    ratios = comparisons.time_ratios(results.latency, 1)
    np.testing.assert_allclose(ratios["lightgbm", "onnx", "onnxruntime", "codes"], 6 * 1.2 / (12 * 1.05))
    assert "mothernet-small" not in ratios.columns.get_level_values("model")


def test_sentences_say_who_is_better_and_turn_round_with_the_results(results):
    found = {finding.topic: finding for finding in losses.findings(results.accuracy, results.latency, results.cost)}
    assert [rival.name for rival in found["AUC, 3 small OpenML-CC18 tables"].better] == ["CatBoost"]
    assert found["log loss, 3 small OpenML-CC18 tables"].better == []
    one_row = found["time of one row"]
    assert one_row.better[0].name == "LightGBM (compiled by lleaves, codes)" and len(one_row.better) == 1
    assert "no other model is better than ours" in found["time of 1,000 rows"].sentence
    assert [rival.name for rival in found["memory of the whole export"].better] == ["CatBoost", "LightGBM"]

    turned = results.accuracy.replace({"model": {"mothernet": "catboost", "catboost": "mothernet"}})
    found = {finding.topic: finding for finding in losses.findings(turned, results.latency, results.cost)}
    assert found["AUC, 3 small OpenML-CC18 tables"].better == []
    assert [rival.name for rival in found["log loss, 3 small OpenML-CC18 tables"].better] == ["CatBoost"]


@pytest.mark.slow
def test_page_asks_no_network_and_shows_every_part(results):
    text = page(results)
    assert not re.findall(r"""(?:src|href)=["'](?!#)|@import|url\((?!#)|<link|<iframe""", text)
    assert text.count("<h2") == 11 and "Not measured" not in text
    assert "no &lt;operator&gt;" in text  # a reason is text, whatever it holds
    assert text.count("<svg") == 2 * (4 + 4) + 2 * 4  # wide and narrow; two scores of four others
    assert not re.search(r"#fe00[0-9a-f]{2}", text)  # all colours are variables of the theme
    used, set_ = set(re.findall(r"var\((--[\w-]+)\)", text)), set(re.findall(r"(--[\w-]+):", text))
    assert used <= set_
    assert "CatBoost" in text and "abcdef0" in text and "a processor, 2 cores" in text and "Quick run" not in text


def test_page_of_accuracy_alone_says_what_was_not_measured(tmp_path):
    write_run(tmp_path, "accuracy", accuracy_rows())
    assert page(loading.load(tmp_path)).count("Not measured.") == 4


def test_the_first_rival_shown_is_the_one_that_does_best(results):
    assert strongest(results.accuracy) == "catboost"


def test_labels_keep_their_order_and_their_distance():
    wanted = [0.5, 0.1, 0.51, 0.52, 0.98, 0.99]
    found = drawing.spread(wanted, 0.1)
    assert list(np.argsort(found)) == list(np.argsort(wanted))
    assert np.diff(np.sort(found)).min() >= 0.1 - 1e-12 and min(found) >= 0 and max(found) <= 1
    assert drawing.spread([0.2, 0.8], 0.1) == [0.2, 0.8]


def test_readme_says_how_many_rows_the_tables_it_shows_had(folder):
    rows = list(accuracy_rows(tables={"large": ("adult",)}))
    write_run(folder, "accuracy", rows, "2026-01-02T00:00:00", suites=["large"], max_train_rows=100_000)
    assert "at most 1,000 rows to fit" in readme_block.block(loading.load(folder))


def test_readme_has_a_row_for_each_model_and_one_sentence_of_losses(results):
    lines = readme_block.block(results).splitlines()
    assert lines[0].startswith("| mean AUC / log loss | 3 small OpenML-CC18 tables | 2 other tables")
    assert lines[0].endswith("| fit | file | one row | 1,000 rows |")
    ours = next(line for line in lines if line.startswith("| **MotherNet** |"))
    assert ours.endswith("| 500 ms | 24 kB | 15 µs | 734 µs |")
    assert next(line for line in lines if line.startswith("**Ours loses")).count("CatBoost") == 3
    assert "a processor, 2 cores" in lines[-1]


def test_text_around_the_markers_stays_and_they_name_the_script():
    once = readme_block.replaced(MARKED, "new \\1")
    assert once == MARKED.replace("old.py", "make_report.py").replace("old\n", "\nnew \\1\n\n")
    assert readme_block.replaced(once, "new \\1") == once


@pytest.mark.parametrize("text", ["no markers", MARKED + MARKED, MARKED.replace("end of numbers", "end of others")])
def test_readme_without_one_pair_of_markers_is_refused(text):
    with pytest.raises(ValueError, match=r"README must have .*Put them where the table belongs"):
        readme_block.replaced(text, "new")


def test_present_readme_and_results_make_a_table():
    readme = Path(__file__).parents[2] / "README.md"
    text = readme_block.replaced(readme.read_text(encoding="utf-8"), readme_block.block(loading.load(RESULTS)))
    assert "| **MotherNet** | 0.8" in text


@pytest.mark.slow
def test_pictures_are_written_for_both_themes(results, tmp_path):
    names = {path.name for path in write_pictures(results, tmp_path / "pictures")}
    assert {"benchmarks-front-codes.png", "benchmarks-front-codes-dark.png"} <= names
    assert all((tmp_path / "pictures" / name).read_bytes().startswith(b"\x89PNG") for name in names)


def test_quick_chain_asks_for_options_that_the_benchmarks_have():
    for name, arguments in commands(Path("data"), quick=True).items():
        text = (Path(__file__).parents[2] / "benchmarks" / f"{name}.py").read_text(encoding="utf-8")
        text += (Path(__file__).parents[2] / "benchmarks" / "common" / "tables.py").read_text(encoding="utf-8")
        assert all(f'"{option}"' in text for option in arguments if option.startswith("--"))
