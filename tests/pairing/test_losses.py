"""Comments that count on a barrier that a patch takes away: in the changed file, beside it, far from it."""

from pathlib import Path

import pytest
from patchscan.changedfile import ChangedFile
from patchscan.pairing.losses import _MOST, counting_on, losses
from patchscan.tree import open_tree
from patchscan.tree.overlay import lay

from tests.diffs import change, patch, series

PUBLISH = """\
%svoid publish(struct ring *ring)
{
	ring->data = 1;
	smp_wmb();
	WRITE_ONCE(ring->ready, 1);
}
"""
CONSUME = """\
%sint consume(struct ring *ring)
{
	int ready = READ_ONCE(ring->ready);

	/* Pairs with smp_wmb() in publish(). */
	smp_rmb();
	return ready ? ring->data : 0;
}
"""


def found(tmp_path: Path, other: str, head: str = "", before: str = "") -> tuple[list[tuple[str, int]], str]:
    """Where the comments stand that count on publish(), and what was not searched."""
    files = {
        "lib/ring.c": head + PUBLISH % ("static " if "static" in before else ""),
        other: CONSUME % before,
    }
    for path, text in {"Makefile": "VERSION = 6\n", "Kbuild": "", "Kconfig": "", **files}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    after = files["lib/ring.c"].replace("\tsmp_wmb();\n", "")
    (state,) = lay(
        series(patch(1, change("lib/ring.c", files["lib/ring.c"], after))), open_tree(str(tmp_path))
    )
    file = ChangedFile(state.files[0])
    (loss,) = losses(file)
    assert (loss.function.name, loss.barrier, file.text_at(loss.line).strip()) == (
        "publish",
        "smp_wmb",
        "WRITE_ONCE(ring->ready, 1);",
    )
    sites, missed = counting_on(state.view, file, loss.function)
    return [(site.path, site.line) for site in sites], missed


@pytest.mark.parametrize("other", ["lib/reader.c", "include/linux/ring.h"])
def test_a_comment_near_by_is_found(other: str, tmp_path: Path) -> None:
    sites, _ = found(tmp_path, other)
    assert sites == [(other, 6)]


def test_a_comment_far_away_is_found(tmp_path: Path) -> None:
    assert found(tmp_path, "net/far/reader.c") == ([("net/far/reader.c", 6)], "")


def test_of_a_name_that_stands_everywhere_it_is_said_what_was_not_searched(tmp_path: Path) -> None:
    (tmp_path / "net/far").mkdir(parents=True)
    for number in range(_MOST):
        (tmp_path / f"net/far/{number}.c").write_text("void f(void)\n{\n\tpublish();\n}\n")
    sites, missed = found(tmp_path, "net/far/reader.c")
    assert sites == []
    assert missed.startswith("only ")
    assert "lib/" in missed


def test_a_file_that_defines_another_function_of_the_name_speaks_of_that(tmp_path: Path) -> None:
    sites, _ = found(tmp_path, "lib/reader.c", before=PUBLISH % "")
    assert sites == []


def test_a_static_function_is_named_beside_it_or_in_its_headers(tmp_path: Path) -> None:
    mark = "/* static */\n"
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert found(tmp_path / "a", "include/linux/ring.h", before=mark)[0] == []
    included = "#include <linux/ring.h>\n"
    assert found(tmp_path / "b", "include/linux/ring.h", included, mark)[0] == [("include/linux/ring.h", 7)]
