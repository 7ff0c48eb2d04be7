"""What a series is expected to ask a tree for that has no index."""

from collections.abc import Callable, Sequence
from pathlib import Path

import patchscan.lookup.expected
import pytest
from patchscan.scan import scan
from patchscan.tree import Tree, open_tree

from tests.mails import mail, thread

BEFORE = """\
#define SHARE(x) (x)
struct table { int first; };

static int above(void)
{
	return call_above();
}

static int changed(struct walk *walk)
{
	walk_begin(walk);
	return SHARE_OF(walk, FIRST_PART);
}

static int below(void)
{
	return call_below();
}
"""
DIFF = """\
Why.

---
--- a/mm/walk.c
+++ b/mm/walk.c
@@ -11,3 +11,4 @@ static int changed(struct walk *walk)
 	walk_begin(walk);
+	walk_on(walk);
 	return SHARE_OF(walk, FIRST_PART);
 }
"""


def test_the_names_of_the_touched_function_are_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.joinpath("mm").mkdir()
    tmp_path.joinpath("mm/walk.c").write_text(BEFORE)
    found: list[str] = []

    def expect(tree: Tree, names: Callable[[], Sequence[str]]) -> None:
        found.extend(names())

    monkeypatch.setattr(patchscan.lookup.expected, "expect", expect)
    scan(thread(mail("[PATCH] mm: walk on", DIFF)), open_tree(str(tmp_path)), ())
    assert {"walk_on", "walk_begin", "changed", "walk", "SHARE_OF", "FIRST_PART", "SHARE"} <= set(found)
    assert {"call_above", "call_below", "above", "below"}.isdisjoint(found)
