"""Real tables and how they are split: the one protocol of every benchmark on them.

The folder of tables is not part of the repository. It holds ``INDEX.csv`` with the columns ``suite``, ``name``,
``file`` and ``categorical_columns`` (separated by ``|``), and the CSV files that it names, each with a column
``target``.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import train_test_split

from mothernet.tables import read_table

__all__ = [
    "MAX_TEST_ROWS",
    "MAX_TRAIN_ROWS",
    "MIN_CLASS_ROWS",
    "Data",
    "RealTable",
    "Split",
    "add_data_arguments",
    "halves",
    "tables_of",
]

MAX_TRAIN_ROWS, MAX_TEST_ROWS = 1_000, 5_000
MIN_CLASS_ROWS = 4  # rows of a rarer class are left out


class Data(NamedTuple):
    """A table as benchmarks use it."""

    features: pd.DataFrame
    labels: npt.NDArray[np.object_]  # (N,) text
    codes: npt.NDArray[np.int64]  # (N,) position of each label among the sorted ones


class Split(NamedTuple):
    """Row numbers."""

    train: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]


@dataclass(frozen=True)
class RealTable:
    """One row of the index."""

    suite: str
    name: str
    path: Path
    categorical_columns: tuple[str, ...]

    def read(self) -> Data:
        """Features and labels, without the rows of classes that are too rare."""
        table = read_table(self.path, "target", self.categorical_columns)
        labels = table.target.astype(str)
        kept = (labels.map(labels.value_counts()) >= MIN_CLASS_ROWS).to_numpy()
        codes, _ = pd.factorize(labels[kept], sort=True)
        return Data(table.features[kept].reset_index(drop=True), labels[kept].to_numpy(object), codes)


def halves(
    codes: npt.NDArray[np.int64], seed: int, max_train_rows: int = MAX_TRAIN_ROWS, max_test_rows: int = MAX_TEST_ROWS
) -> Split:
    """A stratified half to fit and the other to test, at most so many rows of them, in random order.

    Test rows of a class that no training row has are left out: no model could name it.
    """
    train, test = train_test_split(np.arange(len(codes)), test_size=0.5, random_state=seed, stratify=codes)
    rng = np.random.RandomState(seed)
    train, test = rng.permutation(train)[:max_train_rows], rng.permutation(test)[:max_test_rows]
    return Split(train, test[np.isin(codes[test], codes[train])])


def add_data_arguments(parser: argparse.ArgumentParser, suites: str, *, required: bool = True) -> None:
    """Options that choose real tables."""
    parser.add_argument("--data", type=Path, required=required, metavar="DIR", help="folder of INDEX.csv and tables")
    parser.add_argument("--suites", default=suites, metavar="A,B", help=f"default: {suites or 'all'}")
    parser.add_argument("--only", default="", metavar="A,B", help="names of tables; default: all of the suites")


def tables_of(parser: argparse.ArgumentParser, args: argparse.Namespace) -> list[RealTable]:
    """The tables that the options of :func:`add_data_arguments` choose; ends the program if there are none."""
    index = args.data / "INDEX.csv"
    if not index.is_file():
        parser.error(f"--data must name a folder with INDEX.csv, however: {args.data} has none.")
    tables = index_of(args.data, args.suites.split(",") if args.suites else ())
    if args.only:
        names = args.only.split(",")
        if unknown := set(names) - {table.name for table in tables}:
            parser.error(f"--only must name tables of the suites, however: {', '.join(sorted(unknown))}.")
        tables = [table for table in tables if table.name in names]
    if not tables:
        parser.error(f"--suites must name suites of {index}, however: {args.suites}.")
    return tables


def index_of(folder: Path, suites: Collection[str] = ()) -> list[RealTable]:
    """All tables of some suites, or of all, in the order of the index."""
    with open(folder / "INDEX.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        RealTable(
            row["suite"],
            row["name"],
            folder / row["file"],
            tuple(name for name in row["categorical_columns"].split("|") if name),
        )
        for row in rows
        if not suites or row["suite"] in suites
    ]
