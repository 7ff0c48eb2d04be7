"""Verdicts that are kept: the same as those that are made, and taken only where nothing differs that they rest on."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import patchscan
import pytest
from patchscan.basics.record import replace
from patchscan.facts.store import store_of
from patchscan.model.extraction.extract import Extraction
from patchscan.model.lowering.lowered import Fence, Hole, Place
from patchscan.model.verdicts import kept_verdicts
from patchscan.model.verdicts.gate import execute, program_of
from patchscan.model.verdicts.kept_verdicts import judged
from patchscan.model.verdicts.verdict import Verdict, judge
from patchscan.tree import Directory
from patchscan.tree.index.build import build_index

from tests.model.test_schemes import ROWS, extracted, texts

SOME = ("no wait at all", "broadcast IPI", "targeted IPIs, smp_rmb()")
NOBODY: frozenset[str] = frozenset()


def extraction_of(name: str) -> Extraction:
    return extracted(next(row for row in ROWS if row["name"] == name), texts())


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Directory:
    """A tree without an index yet, and nothing kept of any."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    store_of.cache_clear()
    (tmp_path / "tree" / "mm").mkdir(parents=True)
    (tmp_path / "tree" / "mm" / "gup.c").write_text("int one;\n")
    return Directory(str(tmp_path / "tree"))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the verdicts that were made, not taken."""
    names: list[str] = []

    def counted(extraction: Extraction, name: str, config: str, doubted: frozenset[str] = NOBODY) -> Verdict:
        names.append(name)
        return judge(extraction, name, config, doubted)

    monkeypatch.setattr(kept_verdicts, "judge", counted)
    return names


def written(tree: Directory) -> Path:
    """The store as another process would find it."""
    store_of(tree).write()
    path = Path(store_of(tree).path)
    store_of(tree).close()
    store_of.cache_clear()
    return path


@pytest.mark.parametrize("name", SOME)
def test_a_kept_verdict_is_the_one_that_was_made(name: str, tree: Directory, made: list[str]) -> None:
    build_index(tree.root)
    extraction = extraction_of(name)
    first = judged(extraction, name, "fixture", NOBODY, tree)
    written(tree)
    again = judged(extraction, name, "fixture", NOBODY, tree)
    assert made == [name]
    assert again == first == judge(extraction, name, "fixture")
    assert repr(again.interleaving) == repr(first.interleaving)


def test_a_tree_without_an_index_keeps_none(tree: Directory, made: list[str]) -> None:
    extraction = extraction_of(SOME[0])
    for _ in range(2):
        assert judged(extraction, "m", "fixture", NOBODY, tree).verdict == "unsafe"
    assert judged(extraction, "m", "fixture", NOBODY, None).verdict == "unsafe"
    assert made == ["m"] * 3 and not Path(store_of(tree).path).exists()


def test_a_verdict_is_taken_only_for_all_that_it_rests_on(tree: Directory, made: list[str]) -> None:
    build_index(tree.root)
    extraction = extraction_of(SOME[0])
    updater = extraction.threads[-1]
    fenced = replace(updater, body=(Fence("mb", Place("mm/gup.c", 1, "f")), *updater.body))
    others = (
        extraction_of(SOME[1]),
        replace(extraction, threads=(*extraction.threads[:-1], fenced)),
        replace(extraction, assumptions=extraction.assumptions | {"one more"}),
        replace(extraction, scenario=replace(extraction.scenario, why="another rule")),
    )
    judged(extraction, "m", "fixture", NOBODY, tree)
    written(tree)
    for other in others:
        judged(other, "m", "fixture", NOBODY, tree)
    judged(extraction, "n", "fixture", NOBODY, tree)
    judged(extraction, "m", "x86", NOBODY, tree)
    unknown = Hole("helper", "call", NOBODY, NOBODY, False, Place("mm/gup.c", 1, "f"))
    calling = replace(
        extraction, threads=(*extraction.threads[:-1], replace(updater, body=(unknown, *updater.body)))
    )
    judged(calling, "m", "fixture", NOBODY, tree)
    judged(calling, "m", "fixture", frozenset({"helper"}), tree)
    assert len(made) == 1 + len(others) + 4


def test_a_name_that_no_hole_has_changes_no_verdict(tree: Directory, made: list[str]) -> None:
    build_index(tree.root)
    extraction = extraction_of(SOME[0])
    names = {hole.name for hole in extraction.holes()}
    assert "helper" not in names
    first = judged(extraction, "m", "fixture", frozenset({"helper"}), tree)
    assert judged(extraction, "m", "fixture", NOBODY, tree) == first and made == ["m"]
    assert judge(extraction, "m", "fixture", frozenset({"helper"})) == first


def test_other_sources_find_nothing_of_these(
    tree: Directory, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    build_index(tree.root)
    extraction = extraction_of(SOME[0])
    judged(extraction, "m", "fixture", NOBODY, tree)
    written(tree)
    monkeypatch.setattr(kept_verdicts, "_version", lambda: "another")
    assert judged(extraction, "m", "fixture", NOBODY, tree).verdict == "unsafe"
    assert made == ["m", "m"]


def test_what_code_said_that_may_be_gone_is_not_kept(
    tree: Directory, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    build_index(tree.root)
    extraction = extraction_of(SOME[0])
    with monkeypatch.context() as patched:
        patched.setattr(patchscan, "BEGAN", 0)
        judged(extraction, "m", "fixture", NOBODY, tree)
    for _ in range(2):
        judged(extraction, "m", "fixture", NOBODY, tree)
    assert made == ["m", "m"]


def cut_short(rows: bytes) -> bytes:
    return rows[:-3]


def one_bit(rows: bytes) -> bytes:
    return rows[:20] + bytes([rows[20] ^ 1]) + rows[21:]


@pytest.mark.parametrize("harm", [cut_short, one_bit, lambda rows: b""])
def test_a_damaged_verdict_is_made_again(
    harm: Callable[[bytes], bytes], tree: Directory, made: list[str]
) -> None:
    build_index(tree.root)
    extraction = extraction_of(SOME[1])
    first = judged(extraction, "m", "fixture", NOBODY, tree)
    with sqlite3.connect(written(tree)) as database:
        ((rows,),) = database.execute("SELECT rows FROM facts_verdicts")
        database.execute("UPDATE facts_verdicts SET rows = ?", (harm(rows),))
    assert judged(extraction, "m", "fixture", NOBODY, tree) == first
    assert made == ["m", "m"]


def test_what_a_limit_cut_short_is_not_kept(
    tree: Directory, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    build_index(tree.root)
    extraction = extraction_of(SOME[0])
    unknown = replace(
        judge(extraction, "m", "fixture"), verdict="unknown", reasons=("the time limit was met",)
    )

    def cut(*_: object) -> Verdict:
        made.append("m")
        return unknown

    monkeypatch.setattr(kept_verdicts, "judge", cut)
    for _ in range(2):
        assert judged(extraction, "m", "fixture", NOBODY, tree) == unknown
    assert made == ["m", "m"]


TEXT = """C %s

{
	int *x = &a;
	int a = 1;
}

P0(int **x)
{
	int *r%d;
	r%d = READ_ONCE(*x);  /* mm/%s.c:%d f */
}

exists (0:r%d=%s)
"""


def test_tests_that_differ_in_names_and_places_are_one_program() -> None:
    one, other = TEXT % ("one", 7, 7, "a", 5, 7, "a"), TEXT % ("other", 9, 9, "b", 50, 9, "a")
    assert program_of(one) == program_of(other)
    assert execute(one) is execute(other)
    assert program_of(one) != program_of(TEXT % ("one", 7, 7, "a", 5, 7, "x"))
    # Of two registers the one that is asked counts.
    crossed = one.replace("exists (0:r7=a)", "exists (0:r8=a)")
    assert program_of(one) != program_of(crossed)
