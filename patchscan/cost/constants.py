"""What operations take: ranges with their source, and the values that one run draws from them."""

import math
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Literal

from patchscan.basics.files import Unreadable, read_toml_file
from patchscan.basics.record import field, frozen, record

SHIPPED = Path(__file__).with_name("constants.toml")
CALIBRATED, ESTIMATED, COUNTED = "calibrated", "estimated", "counted"


Measured = Literal["calibrated", "estimated"]


@frozen
class Constant:
    """low, high: nanoseconds; kind: "calibrated" or "estimated"; date: of the source, YYYY-MM-DD."""

    name: str
    low: float
    high: float
    kind: Measured
    source: str
    date: str


def load_constants(path: Path = SHIPPED) -> Mapping[str, Constant]:
    """The constants of a TOML file by name. Raises ValueError with "file: reason" for one that cannot be used."""
    try:
        tables = read_toml_file(str(path))[1]
        constants = {name: Constant(name, **table) for name, table in tables.items()}
    except (Unreadable, TypeError) as error:
        raise ValueError(f"{path.name}: {error}") from None
    for constant in constants.values():
        if constant.kind not in (CALIBRATED, ESTIMATED):
            raise ValueError(f"{path.name}: {constant.name} is neither calibrated nor estimated")
        if not 0 <= constant.low <= constant.high:
            raise ValueError(f"{path.name}: the range of {constant.name} is empty or negative")
    return constants


@record
class Prices:
    """One value for each constant, in nanoseconds; used: the names of those that a run asked for."""

    values: Mapping[str, float]
    used: set[str] = field(default_factory=set)

    def of(self, name: str) -> float:
        self.used.add(name)
        return self.values[name]


def draw(constants: Mapping[str, Constant], run: int, seed: int) -> Prices:
    """The prices of one run: run 0 has every low end, run 1 every high end, others are drawn by the seed.

    A draw is uniform in the logarithm, because the ranges span orders of magnitude.
    """
    if run < 2:
        return Prices({name: (each.low, each.high)[run] for name, each in constants.items()})
    random = Random(f"{seed} {run}")
    return Prices({name: _between(constants[name], random.random()) for name in sorted(constants)})


def _between(constant: Constant, share: float) -> float:
    if constant.low <= 0 or constant.low == constant.high:
        return constant.low + share * (constant.high - constant.low)
    return math.exp(math.log(constant.low) + share * math.log(constant.high / constant.low))


def kind_of(used: set[str], constants: Mapping[str, Constant]) -> str:
    """How sure a time is that was made of these constants: calibrated only if each of them is."""
    kinds = {constants[name].kind for name in used}
    return ESTIMATED if ESTIMATED in kinds else CALIBRATED if kinds else COUNTED
