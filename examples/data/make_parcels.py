"""Draws the example table: parcels of an invented carrier, and how each delivery ended (on time, late, returned).

Run it to write ``parcels_train.csv`` and ``parcels_heldout.csv`` beside this file, or into the folder that is named:

    python examples/data/make_parcels.py [FOLDER]

Only ``random.Random.random`` is drawn from, whose sequence Python guarantees, and every number is rounded: the bytes
are the same on every machine.
"""

from __future__ import annotations

import csv
import math
import sys
from pathlib import Path
from random import Random

SEED = 20
TRAIN_ROWS, HELDOUT_ROWS = 1100, 400
HEADER = [
    "depot", "route", "service", "packaging", "weight_kg", "declared_value_eur", "distance_km", "drop_off_hour",
    "pieces", "signature_required", "failed_attempts_at_address", "outcome",
]  # fmt: skip
DEPOTS = {  # name: how much it delays
    "Århus": 0.0, "Brno, south": 0.9, "Gdańsk": -0.4, "Liège": 0.3, "Porto": 0.2, "Tartu": -0.7, "Zadar": 0.6, "": 0.4,
}  # fmt: skip
SERVICES = {"economy": 0.8, "standard": 0.0, "express": -1.1}
PACKAGINGS = {"box": 0.0, "tube": 0.5, "pallet": 0.7, "envelope": -0.6, "": 0.1}


class Draws:
    """The few distributions needed, from uniform numbers alone."""

    def __init__(self, seed: int) -> None:
        self.uniform = Random(seed).random

    def normal(self) -> float:
        return sum(self.uniform() for _ in range(12)) - 6  # Irwin-Hall

    def choice(self, options: list[str], power: float = 1.0) -> str:
        return options[int(len(options) * self.uniform() ** power)]

    def chance(self, probability: float) -> bool:
        return self.uniform() < probability


def parcel(draws: Draws, routes: dict[str, float]) -> list[str]:
    """One row: what the carrier knew at drop-off, then the outcome."""
    depot, service = draws.choice(list(DEPOTS), 1.3), draws.choice(list(SERVICES), 0.8)
    packaging, route = draws.choice(list(PACKAGINGS), 1.6), draws.choice(list(routes), 3)
    weight = 0.2 + 3 * math.exp(draws.normal()) * (6 if packaging == "pallet" else 1)
    unweighed = draws.chance(0.25 if packaging == "envelope" else 0.08)
    value = 20 + 60 * math.exp(0.9 * draws.normal())
    undeclared = draws.chance(0.35)
    distance = int(15 + 900 * draws.uniform() ** 2)
    hour = 6 + int(15 * (draws.uniform() + draws.uniform()) / 2)
    pieces = 1 + int(4 * draws.uniform() ** 4)
    signature = draws.chance(0.6 if value > 120 else 0.2)
    attempts = int(4 * draws.uniform() ** 3)

    late = -1.5 + DEPOTS[depot] + SERVICES[service] + PACKAGINGS[packaging] + routes[route] + distance / 400
    late += 1.4 if hour >= 17 and service != "express" else 0.0  # misses the evening truck
    late += 0.05 * min(weight, 30) + (0.8 if unweighed else 0.0)
    returned = -3.0 + 1.1 * attempts + (1.8 if signature and attempts else 0.0) - (0.5 if undeclared else 0.0)
    scores = {
        "on_time": 0.7 * draws.normal(),
        "late": 1.3 * late + 0.7 * draws.normal(),
        "returned": returned + 0.7 * draws.normal(),
    }
    outcome = max(scores, key=lambda name: scores[name])
    return [
        depot, route, service, packaging, "" if unweighed else f"{weight:.2f}", "" if undeclared else f"{value:.0f}",
        str(distance), str(hour), str(pieces), str(signature), str(attempts), outcome,
    ]  # fmt: skip


def main(folder: Path) -> None:
    """Write both files."""
    draws = Draws(SEED)
    routes = {f"R-{int(9000 * draws.uniform()) + 1000}": 0.8 * draws.normal() for _ in range(180)}
    rows = [parcel(draws, routes) for _ in range(TRAIN_ROWS + HELDOUT_ROWS)]
    for name, part in (("train", rows[:TRAIN_ROWS]), ("heldout", rows[TRAIN_ROWS:])):
        with open(folder / f"parcels_{name}.csv", "w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([HEADER, *part])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent)
