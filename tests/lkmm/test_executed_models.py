"""The models that scans execute, judged again by the slow oracles."""

import os
from pathlib import Path

import pytest
from patchscan.lkmm.answers.outcome import Answer

from tests.lkmm.executed import REFERENCE, judged, models_of

FIXTURES = Path(__file__).parents[2] / "fixtures"
TREE = os.environ.get("PATCHSCAN_KERNEL_TREE", "")
CORPUS = Path(os.environ.get("PATCHSCAN_SHARED", "")) / "corpus"
SETS = ("barriers/*.patch", "barriers/*/*", "judged/*.mbox", "list-series/*.mbox", "queue/*.mbox")
NEVER = """C t
{}
P0(int *x, int *y) { WRITE_ONCE(*x, 1); smp_wmb(); WRITE_ONCE(*y, 1); }
P1(int *x, int *y) { int r0; int r1; r0 = READ_ONCE(*y); smp_rmb(); r1 = READ_ONCE(*x); }
exists (1:r0=1 /\\ 1:r1=0)
"""


def test_a_wrong_answer_is_seen() -> None:
    assert judged({NEVER: Answer(False, "", ())}, 4000)[0] == []
    assert len(judged({NEVER: Answer(True, "", ())}, 4000)[0]) == 1


@pytest.mark.parametrize("series", ["collapse-without-sync", "hugetlb-unshare", "rmap-order"])
def test_models_of_fixtures(series: str) -> None:
    models = models_of(str(FIXTURES / "tree"), [FIXTURES / "series" / series / "series.mbox"])
    wrong, (searched, referred) = judged(models, 500)
    assert not wrong
    assert models and (searched or referred)


@pytest.mark.slow
@pytest.mark.skipif(not TREE or not REFERENCE.is_dir(), reason="PATCHSCAN_KERNEL_TREE, PATCHSCAN_SHARED")
def test_models_of_real_mail() -> None:
    boxes = [box for each in SETS for box in sorted(CORPUS.glob(each)) if box.is_file()]
    models = models_of(TREE, boxes)
    wrong, (_, referred) = judged(models, 500)
    assert not wrong
    assert len(models) > 40 and referred > len(models) * 0.9
