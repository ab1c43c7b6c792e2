"""Timing the parts of a step."""

import time

from mothernet.pretraining.timing import PartTimer, untimed


def test_times_of_a_part_add_up():
    timer = PartTimer("cpu")
    for part in ("a", "b", "a"):
        with timer(part):
            time.sleep(0.02 if part == "a" else 0)
    assert list(timer.seconds) == ["a", "b"]
    assert timer.seconds["a"] >= 0.04 > timer.seconds["b"]


def test_untimed_parts_just_run():
    done = []
    with untimed("a"):
        done.append(1)
    assert done == [1]
