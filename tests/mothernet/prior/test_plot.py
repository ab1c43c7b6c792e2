"""The picture of sampled tasks."""

import sys

import pytest

from mothernet.prior.plot import plot_tasks


def test_picture_is_written(tmp_path):
    pytest.importorskip("matplotlib")
    plot_tasks(tmp_path / "tasks.png", count=7)
    assert (tmp_path / "tasks.png").read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in tmp_path.iterdir()] == ["tasks.png"]


def test_without_matplotlib_the_error_names_the_command(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install matplotlib"):
        plot_tasks(tmp_path / "tasks.png", count=1)
    assert not list(tmp_path.iterdir())
