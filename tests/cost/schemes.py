"""The shipped schemes and constants, read once for all tests of costs."""

from functools import cache
from pathlib import Path
from typing import Any

from patchscan.cost.constants import Constant, draw, load_constants
from patchscan.cost.run import Outcome, Workload, run_once
from patchscan.cost.schemes import Scheme, load_schemes

FILE = Path(__file__).parents[2] / "fixtures" / "cost" / "schemes.toml"


@cache
def schemes() -> dict[str, Scheme]:
    found = load_schemes(FILE)
    assert not found.problems
    return {scheme.name: scheme for scheme in found.schemes}


@cache
def constants() -> dict[str, Constant]:
    return dict(load_constants())


def outcome(name: str, end: int = 0, **workload: Any) -> Outcome:
    """One run of a scheme, with the constants at their low (0) or high (1) end."""
    return run_once(schemes()[name], Workload(**workload), draw(constants(), end, 1), 1)
