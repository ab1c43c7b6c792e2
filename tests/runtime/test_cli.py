"""The command, as a process of its own where exit codes, streams and files matter."""

import csv
import gzip
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from mothernet_runtime import load
from mothernet_runtime.cli import main

HEADER = "age,city,fare,constant,code,note\n"
ROW = "31,Bern,7.25,1,3,x\n"


@pytest.fixture
def run(tmp_path):
    def run(*arguments, stdin=b""):
        command = [sys.executable, "-m", "mothernet_runtime", *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, input=stdin, capture_output=True, timeout=60)

    return run


@pytest.fixture
def shell(tmp_path):
    """Run a command line of a shell, in which "mothernet-runtime" is the command."""

    def shell(line, **options):
        line = line.replace("mothernet-runtime", f"{sys.executable} -m mothernet_runtime")
        return subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=60, **options)

    return shell


def answers(text):
    header, *rows = csv.reader(io.StringIO(text))
    return header, [row[0] for row in rows], np.array([row[1:] for row in rows], np.float32)


def test_predict_writes_what_the_model_answers(run, rows_path, rows, expected, model_path, tmp_path):
    done = run("predict", model_path, rows_path, "-o", "out.csv")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    header, labels, probabilities = answers((tmp_path / "out.csv").read_text("utf-8"))
    assert header == ["label", "probability_maybe, or not", "probability_no", "probability_oui, ça"]
    assert labels == expected[0]
    assert np.abs(probabilities - expected[1]).max() < 1e-5
    assert np.array_equal(probabilities, load(model_path).predict_proba(rows))  # 9 digits hold all of a float32
    assert os.listdir(tmp_path) == ["out.csv"]


def test_predict_pipes_and_reads_gzip(run, rows_path, model_path, tmp_path):
    rows = rows_path.read_bytes()
    expected = run("predict", model_path, rows_path).stdout
    assert expected.count(b"\n") == 10
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(rows))
    assert run("predict", model_path, "rows.csv.gz").stdout == expected
    assert run("predict", model_path, "-", stdin=rows).stdout == expected
    assert run("predict", model_path, "-", stdin=gzip.compress(rows)).stdout == expected
    assert run("predict", model_path, "-", stdin=b"\xef\xbb\xbf" + rows.replace(b"\n", b"\r\n", 1)).stdout == expected


def test_output_keeps_the_old_file_until_the_new_one_is_whole(run, model_path, tmp_path):
    (tmp_path / "out.csv").write_text("old")
    assert run("predict", model_path, "-", "-o", "out.csv", stdin=(HEADER + "x" + ROW).encode()).returncode == 2
    assert (tmp_path / "out.csv").read_text() == "old"
    assert run("predict", model_path, "-", "-o", "out.csv", stdin=(HEADER + ROW).encode()).returncode == 0
    assert (tmp_path / "out.csv").read_text().startswith("label,")
    os.symlink("out.csv", tmp_path / "link.csv")
    assert run("predict", model_path, "-", "-o", "link.csv", stdin=(HEADER + ROW * 3).encode()).returncode == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "out.csv").read_text().count("\n") == 4
    assert run("predict", model_path, "-", "-o", "/dev/stdout", stdin=(HEADER + ROW).encode()).stdout.count(b"\n") == 2


def test_columns_may_come_in_any_order_and_extra_ones_be_ignored(run, rows_path, model_path, tmp_path):
    expected = run("predict", model_path, "-", stdin=(HEADER + ROW).encode()).stdout
    mixed = b"note,target,code,city,age,constant,fare,target\nx,no,3,Bern,31,1,7.25,yes\n"
    assert run("predict", model_path, "-", "--ignore-extra", stdin=mixed).stdout == expected
    done = run("predict", model_path, "-", stdin=mixed)
    assert done.returncode == 2
    assert b"'target' is unknown to the model; 'target' comes more than once" in done.stderr
    assert b"Or use --ignore-extra." in done.stderr


def test_header_alone_gives_a_header_alone(run, model_path):
    done = run("predict", model_path, "-", stdin=HEADER.encode())
    assert done.returncode == 0
    assert done.stdout.decode() == 'label,"probability_maybe, or not",probability_no,"probability_oui, ça"\n'


def test_chunks_join_and_lines_are_counted_across_them(model_path, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("mothernet_runtime.csv_files.CHUNK_ROWS", 2)
    monkeypatch.chdir(tmp_path)
    rows = [ROW, "\n", '1,"two\nlines",2,3,4,5\n', ROW, ROW, ROW]
    (tmp_path / "rows.csv").write_text(HEADER + "".join(rows))
    assert main(["predict", model_path, "rows.csv", "-o", "out.csv"]) == 0
    assert (tmp_path / "out.csv").read_text().count("\n") == 6
    (tmp_path / "rows.csv").write_text(HEADER + "".join(rows) + "old,Bern,1,1,1,1\n")
    assert main(["predict", model_path, "rows.csv"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""  # nothing of the rows before the bad one
    assert "rows.csv, line 9: column 'age' must hold numbers" in printed.err
    assert "'old'" in printed.err


def test_unseen_categories_are_reported_on_request(run, rows_path, model_path):
    done = run("predict", model_path, rows_path, "--report-unseen")
    assert done.stderr.decode().strip() == (
        "mothernet-runtime: unseen categories in 'city': 2 of 9 rows, 'code': 4 of 9 rows"
    )
    done = run("predict", model_path, "-", "--report-unseen", stdin=(HEADER + ROW).encode())
    assert done.stderr.decode().strip() == "mothernet-runtime: no unseen categories"


def test_kept_columns_stand_before_the_label(run, model_path):
    rows = (HEADER.replace("\n", ",id,a b\n") + ROW.replace("\n", ',7,"x, y"\n') * 2).encode()
    expected = run("predict", model_path, "-", stdin=(HEADER + ROW * 2).encode()).stdout.decode().splitlines()
    done = run("predict", model_path, "-", "--keep", "a b", "--keep", "id", "--keep", "city", stdin=rows)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == [f"a b,id,city,{expected[0]}", *[f'"x, y",7,Bern,{expected[1]}'] * 2]


@pytest.mark.parametrize(
    ("header", "arguments", "message"),
    [
        (HEADER.replace("\n", ",id\n"), ["--keep", "ID"], "however: 'ID' is not there. Check --keep."),
        (HEADER.replace("\n", ",id,id\n"), ["--keep", "id"], "however: 'id' comes more than once. Rename it"),
        (HEADER.replace("\n", ",label\n"), ["--keep", "label"], "'label' is a column of the output. Rename it"),
        (HEADER.replace("\n", ",id,target\n"), ["--keep", "id"], "'target' is unknown to the model. Rename"),
    ],
)
def test_columns_to_keep_must_be_there_once(run, model_path, header, arguments, message):
    rows = header + ROW.replace("\n", ",1" * (header.count(",") - 5) + "\n")
    done = run("predict", model_path, "-", *arguments, stdin=rows.encode())
    assert (done.returncode, done.stdout) == (2, b"")
    assert message in done.stderr.decode()


def test_rows_that_look_otherwise_than_in_training_are_a_warning_and_with_strict_an_error(run, model_path, tmp_path):
    rows = (HEADER + ROW.replace("Bern", "bern") * 6).encode()
    done = run("predict", model_path, "-", "-o", "out.csv", stdin=rows)
    assert done.returncode == 0
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("mothernet-runtime: warning: standard input: 6 of 6 cells of column 'city' (100%) are ")
    assert "such as 'bern'" in line
    (tmp_path / "out.csv").unlink()
    done = run("predict", model_path, "-", "--strict", "-o", "out.csv", stdin=rows)
    assert (done.returncode, os.listdir(tmp_path)) == (2, [])
    assert done.stderr.decode() == line.replace("warning", "error") + "\n"
    assert run("predict", model_path, "-", "--strict", stdin=(HEADER + ROW).encode()).returncode == 0


def test_dialect_is_found_and_shown_or_given(run, model_path):
    expected = run("predict", model_path, "-", stdin=(HEADER + ROW).encode()).stdout
    rows = (HEADER + ROW).replace(",", ";").encode("utf-16-le")
    assert run("predict", model_path, "-", "--delimiter", ";", "--encoding", "utf-16", stdin=rows).stdout == expected
    done = run("predict", model_path, "-", stdin=b"\xff\xfe" + rows)
    assert done.stdout == expected
    assert done.stderr == b"mothernet-runtime: read standard input, semicolons (found), utf-16-le (found)\n"
    done = run("predict", model_path, "-", "--delimiter", "x", stdin=rows)
    assert done.returncode == 2 and b"the delimiter must be comma, semicolon, tab or pipe" in done.stderr


def test_columns_that_the_model_ignores_may_be_absent_or_be_kept(run, typed_path):
    header, row = "price,smoker,day,code,stamp,share\n", '"5,5 €",yes,5.1.2024,3,1700000000,45%\n'
    expected = run("predict", typed_path, "-", stdin=(header + row).encode())
    assert expected.returncode == 0 and expected.stderr == b""
    assert run("predict", typed_path, "-", stdin=f"id,{header}x,{row}".encode()).stdout == expected.stdout
    kept = run("predict", typed_path, "-", "--keep", "id", stdin=f"id,{header}x,{row}".encode()).stdout.decode()
    assert kept.splitlines()[1] == "x," + expected.stdout.decode().splitlines()[1]


def test_info_says_how_each_column_is_written(run, typed_path):
    lines = run("info", typed_path).stdout.decode().splitlines()
    assert "  id      ignored" in lines
    assert [line.partition("missing")[0] for line in lines if "price" in line] == [
        "  price   number    decimal comma, thousands separated by points, with '€', "
    ]
    assert "  smoker  boolean" in lines
    assert (
        "  day     date      day, month, year, missing where '-', as days, month, weekday, hour, missing in training"
    ) in lines
    assert "  code    category  5 categories, whole numbers, missing in training" in lines


def test_info_and_check_print_text_or_json(run, model_path):
    text = run("info", model_path).stdout.decode()
    assert "  city      category  6 categories, missing in training" in text.splitlines()
    assert "  constant  number    not used" in text.splitlines()
    assert json.loads(run("info", model_path, "--json").stdout)["classes"] == ["maybe, or not", "no", "oui, ça"]
    done = run("check", model_path)
    assert done.returncode == 0
    assert b"8 self-test rows, labels equal" in done.stdout
    assert json.loads(run("check", model_path, "--json").stdout)["max_difference"] < 1e-5


@pytest.mark.parametrize("command", ["check", "info", "predict"])
def test_failed_self_test_has_exit_code_1(load_bytes, with_metadata, metadata, tmp_path, rows_path, capsys, command):
    test = metadata["self_test"]
    test["labels"][0] = next(label for label in metadata["schema"]["classes"] if label != test["labels"][0])
    (tmp_path / "m.onnx").write_bytes(with_metadata(self_test=test))
    assert main([command, str(tmp_path / "m.onnx"), *([str(rows_path)] if command == "predict" else [])]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "fails its self-test: 1 of 8 labels differ" in printed.err


def test_provider_that_is_not_there_is_a_warning_of_one_line(run, model_path):
    done = run("check", model_path, "--providers", "js,cpu")
    assert done.returncode == 0
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("mothernet-runtime: warning: asked for JsExecutionProvider")


BAD_ROWS = {
    "empty file": ("", "must start with a line of column names, however: it is empty"),
    "missing column": ("age,city,fare,constant,code\n1,a,1,1,1\n", "'note' is missing. Rename"),
    "added column": (HEADER.replace("\n", ",id\n") + ROW.replace("\n", ",7\n"), "'id' is unknown to the model"),
    "renamed column": (HEADER.replace("fare", "Fare") + ROW, "'fare' is missing (is it 'Fare'?)"),
    "duplicate column": (HEADER.replace("\n", ",age\n") + ROW.replace("\n", ",7\n"), "'age' comes more than once"),
    "header of another file": ("a;b;c\n1;2;3\n", "'a', 'b', 'c' are unknown to the model"),
    "wrong header, no rows": ("age,city\n", "'fare' is missing"),
    "text among numbers": (HEADER + ROW + "old" + ROW, "line 3: column 'age' must hold numbers"),
    "short row": (HEADER + ROW + "1,2\n", "line 3: a row must have 6 cells like the header, however: 2. Quote"),
    "long row": (HEADER + ROW.replace("\n", ",9\n"), "line 2: a row must have 6 cells like the header, however: 7"),
    "open quote": (HEADER + '1,"Bern,1,1,1,1\n', "line 2: not valid CSV: a quoted cell opens here"),
    "not UTF-8": ((HEADER + "1,Genève,1,1,1,1\n").encode("latin1"), "must be a CSV file in utf-8, however: "),
    "binary": (b"\x89PNG\r\n\x1a\n\0\0", "must be a CSV file in utf-8"),
    "cut gzip": (gzip.compress((HEADER + ROW).encode())[:-9], "is a damaged gzip file"),
    "damaged gzip": (gzip.compress((HEADER + ROW).encode())[:10] + b"\xff" * 40, "is a damaged gzip file"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_bad_rows_exit_2_with_one_line_and_no_file(run, model_path, tmp_path, monkeypatch, capsys, case):
    content, message = BAD_ROWS[case]
    (tmp_path / "rows.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    done = run("predict", model_path, "rows.csv", "-o", "out.csv")
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("mothernet-runtime: error: rows.csv")
    assert message in line
    assert (done.returncode, done.stdout) == (2, b"")
    assert os.listdir(tmp_path) == ["rows.csv"]
    monkeypatch.chdir(tmp_path)
    assert main(["predict", model_path, "rows.csv"]) == 2
    assert capsys.readouterr() == ("", line + "\n")


def test_bad_paths_exit_2_with_one_line_and_no_file(run, data, model_path, tmp_path):
    (tmp_path / "rows.csv").write_text(HEADER + ROW)
    (tmp_path / "cut.onnx").write_bytes(data[:-100])
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "link").symlink_to("rows.csv")
    (tmp_path / "folder").mkdir()
    before = sorted(os.listdir(tmp_path))
    for arguments, message in [
        (["absent.onnx", "rows.csv"], "there is no model file 'absent.onnx'"),
        (["folder", "rows.csv"], "'folder' is a folder"),
        (["rows.csv", "rows.csv"], "rows.csv is not an ONNX file"),
        (["cut.onnx", "rows.csv"], "cut.onnx is cut off or damaged"),
        ([model_path, "absent.csv"], "there is no file 'absent.csv'"),
        ([model_path, "folder"], "'folder' is a folder"),
        ([model_path, "rows.csv", "--providers", "gpu"], "providers must be 'auto' or of"),
        ([model_path, "rows.csv", "--threads", "-2"], "threads must be an integer >= 0"),
        ([model_path, "rows.csv", "-o", "absent/out.csv"], "the output must be a file in a folder that exists"),
        ([model_path, "rows.csv", "-o", "folder"], "the output must be a file, however: 'folder' is a folder"),
        ([model_path, "rows.csv", "-o", "loop"], "'loop': Too many levels of symbolic links"),
        ([model_path, "rows.csv", "-o", "rows.csv"], "must be another file than the input, however: 'rows.csv'"),
        ([model_path, "rows.csv", "-o", "link"], "must be another file than the input, however: 'link' is 'rows.csv'"),
        (["cut.onnx", "rows.csv", "-o", "cut.onnx"], "must be another file than the input, however: 'cut.onnx'"),
    ]:
        if "-o" not in arguments:
            arguments = [*arguments, "-o", "out.csv"]
        done = run("predict", *arguments)
        (line,) = done.stderr.decode().splitlines()
        assert message in line
        assert (done.returncode, done.stdout) == (2, b"")
        assert sorted(os.listdir(tmp_path)) == before


def test_bad_usage_exits_2(run, model_path):
    for arguments in ([], ["predict"], ["predict", model_path], ["train"], ["check", model_path, "--threads", "two"]):
        done = run(*arguments)
        assert done.returncode == 2
        assert b"usage: mothernet-runtime" in done.stderr


def test_help_shows_examples_that_run(shell, model_path, rows_path, tmp_path):
    shell(f"cp {model_path} model.onnx; cp {rows_path} rows.csv; gzip -k rows.csv")
    for command in ("", "predict"):
        text = shell(f"mothernet-runtime {command} --help").stdout
        example = " ".join(text.partition("example: ")[2].split())
        example = example.replace("titanic.onnx", "model.onnx").replace("new_passengers.csv", "rows.csv")
        done = shell(example)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert (tmp_path / "predicted.csv").read_text("utf-8").count("\n") == 10
