"""Places of a verdict in the numbering of a patch that applies with an offset."""

from patchscan.diff.apply import apply_hunks
from patchscan.model.scenarios.numbering import patch_numbers, renumbered
from patchscan.model.verdicts.model_timeline import Interleaving, Moment
from patchscan.model.verdicts.verdict import Mutation, Verdict
from patchscan.testing import file_change
from patchscan.tree.overlay import FileState, PatchState, View

from tests.diffs import patch

CHANGE = file_change("mm/walk.c", [" one", "+\tsmp_rmb();", " two"])
IN_TREE = b"first\nsecond\none\ntwo\n"


def unread(path: str) -> bytes | None:
    raise AssertionError(f"{path} need not be read")


def state(before: bytes) -> PatchState:
    applied = apply_hunks(before, CHANGE.hunks)
    file = FileState(CHANGE, "tree", "", before, applied.content, applied.offsets)
    return PatchState(patch(1, CHANGE), (file,), View(None, {}))


def verdict(line: int) -> Verdict:
    step = Moment("CPU 0: walk()", "smp_rmb()", "mm/walk.c", line, None, None)
    place = f"mm/walk.c:{line}"
    return Verdict(
        name="walk",
        scenario="walk",
        why="",
        config="generic",
        functions=(),
        verdict="unsafe",
        outcome="Sometimes",
        repair=f"smp_mb() in place of smp_rmb() at {place}",
        mutations=(Mutation(f"without smp_rmb() at {place}", "Sometimes"),),
        litmus=f"smp_rmb();  /* {place} walk */\nexists (0:r1=0 /\\ 1:r2=9)",
        interleaving=Interleaving((step,), (f"nothing orders {place} before mm/other.c:3",)),
    )


def test_places_are_the_patch_s_own() -> None:
    states = (state(IN_TREE),)
    added = next(line.new for line in CHANGE.hunks[0].lines if line.kind == "+")
    assert added is not None
    in_tree = added + states[0].files[0].offsets[0]
    assert states[0].files[0].after and states[0].files[0].after.split(b"\n")[in_tree - 1] == b"\tsmp_rmb();"
    assert in_tree != added
    assert renumbered(verdict(in_tree), patch_numbers(states, 0, unread)) == verdict(added)


def test_without_an_offset_nothing_changes() -> None:
    states = (state(IN_TREE[len(b"first\nsecond\n") :]),)
    assert states[0].files[0].offsets == (0,)
    assert renumbered(verdict(2), patch_numbers(states, 0, unread)) == verdict(2)


def test_lifted_lines_have_the_patch_s_numbers_and_others_keep_theirs() -> None:
    file = FileState(CHANGE, "hunk", "context differs", None, None)
    states = (PatchState(patch(1, CHANGE), (file,), View(None, {})),)
    lifted = b"first\nsecond\nother\none\n\tsmp_rmb();\ntwo\nlast\n"
    number = patch_numbers(states, 0, {"mm/walk.c": lifted}.get)
    new = [line.new for line in CHANGE.hunks[0].lines if line.new is not None]
    assert [number("mm/walk.c", line) for line in (4, 5, 6)] == new
    assert number("mm/walk.c", 7) == 7 and number("mm/other.c", 5) == 5
