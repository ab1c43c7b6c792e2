"""The README's table, from made-up results."""

import json

import pytest
import readme_table

MARKED = "# Title\n\n<!-- numbers: benchmarks/readme_table.py -->\nold\n<!-- end of numbers -->\n\nThe rest.\n"


def result(time, suites, only=()):
    return {
        "environment": {"time": time, "hardware": "a processor, 2 cores"},
        "protocol": {"only": list(only)},
        "summary": {"suites": suites},
    }


def suite(**models):
    return {"tables": 2, "models": {name: {"auc": a, "log_loss": b} for name, (a, b) in models.items()}}


@pytest.fixture
def folder(tmp_path):
    """Two whole runs of one suite and one of another, and a run of a single table."""
    found = [
        result("2026-01-01T00:00:00", {"dev": suite(mothernet=(0.5, 0.6), xgboost=(0.4, 0.7))}),
        result("2026-01-03T00:00:00", {"dev": suite(mothernet=(0.9, 0.2))}),
        result("2026-01-02T00:00:00", {"cc18": suite(mothernet=(0.8, 0.3))}),
        result("2026-01-04T00:00:00", {"dev": suite(mothernet=(0.1, 0.9))}, only=["iris"]),
    ]
    for i, content in enumerate(found):
        path = tmp_path / "accuracy" / f"{i}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))
    return tmp_path


def test_newest_whole_run_of_each_suite_and_model_counts(folder):
    lines = readme_table.table(folder).splitlines()
    assert lines[2] == "| MotherNet child | 0.8000 / 0.3000 | 0.9000 / 0.2000 |"
    assert lines[3] == "| XGBoost |  | 0.4000 / 0.7000 |"
    assert "a processor, 2 cores" in lines[-1]


def test_size_and_speed_stand_beside_accuracy_where_measured(folder):
    speed = {"size_bytes": 61_412.0, "latency_us": {"1": 17.2, "1000": 1466.0}}
    content = {
        "environment": {"time": "2026-01-05T00:00:00"},
        "summary": {"tables": 10, "models": {"mothernet": speed}},
    }
    (folder / "latency").mkdir()
    (folder / "latency" / "a.json").write_text(json.dumps(content))
    lines = readme_table.table(folder).splitlines()
    assert lines[0].endswith("| file | one row | 1,000 rows |")
    assert lines[2] == "| MotherNet child | 0.8000 / 0.3000 | 0.9000 / 0.2000 | 61 kB | 17 µs | 1,466 µs |"
    assert lines[3] == "| XGBoost |  | 0.4000 / 0.7000 |  |  |  |"


def test_text_around_the_markers_stays():
    once = readme_table.replaced_table(MARKED, "new \\1")
    assert once == MARKED.replace("old\n", "\nnew \\1\n\n")
    assert readme_table.replaced_table(once, "new \\1") == once


@pytest.mark.parametrize("text", ["no markers", MARKED + MARKED, MARKED.replace("end of numbers", "end of others")])
def test_readme_without_one_pair_of_markers_is_refused(text):
    with pytest.raises(ValueError, match=r"README must have .*Put them where the table belongs"):
        readme_table.replaced_table(text, "new")


def test_present_readme_and_results_make_a_table():
    text = readme_table.README.read_text(encoding="utf-8")
    assert "| MotherNet child | 0.8" in readme_table.replaced_table(text, readme_table.table(readme_table.RESULTS))


def test_results_without_a_whole_run_are_refused(tmp_path):
    with pytest.raises(ValueError, match="must have a run of whole suites, however: it has none"):
        readme_table.table(tmp_path)
