"""Results files: their names, their form, and that a recorded run is one of a commit."""

import argparse
import json
import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from common import results
from common.environment import environment

FOLDER = Path(__file__).parents[2] / "benchmarks"
RECORDED = sorted(path for path in (FOLDER / "results").glob("*/*.json"))


def run_in(folder, monkeypatch=None, changed=(), **options):
    if monkeypatch:
        monkeypatch.setattr(results, "changed_files", lambda: list(changed))
    args = argparse.Namespace(**{"out": folder, "no_record": False, **options})
    return results.Run.start("fit_time", "How long?\n\nDetails.", args, {"seed": 0}, ["numpy"])


@pytest.mark.parametrize("path", RECORDED, ids=[f"{path.parent.name}/{path.stem}" for path in RECORDED])
def test_recorded_result_is_named_by_date_and_commit_and_holds_no_path(path):
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{7}(-\d+)?", path.stem)
    result = json.loads(path.read_text(encoding="utf-8"))
    assert {"benchmark", "question", "environment", "protocol", "summary"} <= set(result)
    assert result["benchmark"] == path.parent.name
    assert path.stem.startswith(f"{result['environment']['time'][:10]}-{result['environment']['commit']}")
    assert not re.search(r'"(/|[A-Z]:\\)', path.read_text(encoding="utf-8"))
    assert len(results.read_rows(path)) > 0


def test_every_file_of_rows_belongs_to_a_result():
    with_rows = {path.name.removesuffix(results.ROWS) for path in FOLDER.glob(f"results/*/*{results.ROWS}")}
    assert with_rows == {path.stem for path in RECORDED}


def test_run_prints_its_question_first_and_its_summary_last(tmp_path, capsys):
    run = run_in(tmp_path)
    print("in between")
    path = run.finish({"median": 1.5}, [{"seconds": 1.0, "model": "a"}, {"seconds": 2.0, "model": "NA"}])
    printed = capsys.readouterr().out
    header = json.loads(printed[: printed.index("in between")])
    assert header["question"] == "How long?"
    assert header["protocol"] == {"seed": 0}
    last = json.loads(printed.splitlines()[-1])
    assert last == {"benchmark": "fit_time", "file": path.name, "summary": {"median": 1.5}}
    expected = pd.DataFrame({"seconds": [1.0, 2.0], "model": ["a", "NA"]})
    pd.testing.assert_frame_equal(results.read_rows(path), expected, check_dtype=False)


def test_second_run_of_a_commit_keeps_the_first(tmp_path):
    first, second, third = (run_in(tmp_path).finish({"run": i}, [{"i": i}]) for i in range(3))
    assert (second.stem, third.stem) == (f"{first.stem}-2", f"{first.stem}-3")
    assert json.loads(first.read_text())["summary"] == {"run": 0}


def test_same_rows_give_the_same_bytes(tmp_path):
    rows = [{"model": "a", "seconds": 1 / 3}]
    first, second = (run_in(tmp_path).finish({}, rows).with_suffix(results.ROWS).read_bytes() for _ in range(2))
    assert first == second


def test_changed_code_is_refused_before_anything_is_measured(monkeypatch):
    with pytest.raises(
        SystemExit, match=r"mothernet/fitting/child.py differ from it\. Commit first, or give --no-record"
    ):
        run_in(None, monkeypatch, changed=["mothernet/fitting/child.py"])


def test_changed_code_may_be_measured_without_a_record(tmp_path, monkeypatch):
    assert run_in(None, monkeypatch, changed=["a.py"], no_record=True).finish({}, [{"i": 1}]) is None
    assert run_in(tmp_path, monkeypatch, changed=["a.py"]).finish({}, [{"i": 1}]).parent == tmp_path


def test_documents_and_earlier_results_do_not_count_as_changes(tmp_path, monkeypatch):
    def git(*arguments):
        subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e", *arguments], cwd=tmp_path, check=True)

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "empty")
    monkeypatch.setattr("common.environment.ROOT", tmp_path)
    for name in ("benchmarks/results/a/b.json", "docs/a.png", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert results.changed_files() == []
    (tmp_path / "code.py").write_text("")
    assert results.changed_files() == ["code.py"]
    assert re.fullmatch("[0-9a-f]{7}", environment(["numpy"])["commit"])
