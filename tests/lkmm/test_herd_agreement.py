"""Verdict, flags and exact final states of herd7 on every test whose answers we have.

Needs PATCHSCAN_SHARED (herd7's answers) and, for the kernel's own tests, PATCHSCAN_KERNEL_TREE.
"""

import csv
import gzip
import json
import os
import re
from functools import cache
from pathlib import Path

import pytest
from patchscan.lkmm import run

SHARED = os.environ.get("PATCHSCAN_SHARED", "")
KERNEL = os.environ.get("PATCHSCAN_KERNEL_TREE", "")
LKMM = Path(SHARED) / "lkmm"

FILES = {
    "kernel": (Path(KERNEL) / "tools/memory-model/litmus-tests", LKMM / "kernel-verdicts.tsv"),
    "kernel-doc": (Path(KERNEL) / "Documentation/litmus-tests", LKMM / "kernel-doc-verdicts.tsv"),
    "schemes": (LKMM / "schemes", LKMM / "schemes/verdicts.tsv"),
    "ipi": (LKMM / "ipi", LKMM / "ipi/verdicts.tsv"),
    "mckenney": (LKMM / "mckenney", LKMM / "mckenney/verdicts.tsv"),
}

needs_answers = pytest.mark.skipif(
    not LKMM.is_dir() or not KERNEL, reason="PATCHSCAN_SHARED, PATCHSCAN_KERNEL_TREE"
)


def rows(table: Path) -> list[dict[str, str]]:
    with table.open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


@cache
def herd_states() -> dict[tuple[str, str], list[str]]:
    """(set, file) -> states. herd7 numbers unknown values (S8) by its own count; which is which does not
    matter.
    """
    found = {}
    with gzip.open(LKMM / "states.jsonl.gz", "rt") as file:
        for line in file:
            entry = json.loads(line)
            states = sorted(re.sub(r"=S\d+;", "=S1;", state) for state in entry["states"])
            found[entry["set"], entry["file"]] = states
    return found


@needs_answers
@pytest.mark.parametrize("name", sorted(FILES))
def test_verdict_flags_and_states_are_those_of_herd7(name: str) -> None:
    directory, table = FILES[name]
    answers = rows(table)
    differences = []
    for answer in answers:
        file = answer["file"]
        result = run((directory / file).read_text(errors="replace"), file, states=True, witness=False)
        ours = (result.outcome, {*result.flags} - {"deadlock", "vacuous"}, sorted(result.states or ()))
        flags = {flag for flag in (answer["flags"] or "").split(",") if flag}
        herd = (answer["verdict"], flags, herd_states()[name, file])
        if ours != herd:
            differences.append((file, ours, herd))
        no_execution = answer["positive"] == answer["negative"] == "0"
        assert no_execution == bool({"deadlock", "vacuous"} & {*result.flags}), file
    assert len(answers) >= {"kernel": 35, "kernel-doc": 12, "schemes": 37, "ipi": 26, "mckenney": 599}[name]
    assert not differences


@needs_answers
def test_families_have_the_verdicts_of_herd7() -> None:
    checked = 0
    for answer in rows(LKMM / "families/verdicts.tsv"):
        file = LKMM / "families" / f"{answer['family']}-{int(answer['N']):02}.litmus"
        if answer["verdict"] != "TIMEOUT" and file.exists():
            checked += 1
            assert run(file.read_text(), file.name, witness=False).outcome == answer["verdict"], file.name
    assert checked > 50
