"""One header that was found at once is enough to stay silent on; what an old index knew is never enough to speak."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from patchscan.lookup.definer import find_definer
from patchscan.lookup.types import find_type
from patchscan.lookup.uses import shared_headers_among
from patchscan.scan import scan
from patchscan.settling.registry import load_rules
from patchscan.tree import Directory, open_tree
from patchscan.tree.index import lookup as index
from patchscan.tree.index.build import build_index
from patchscan.tree.overlay import View

from tests.mails import mail, thread

CODE = """\
#include <linux/walk.h>

static int changed(struct walk *walk)
{
	return 0;
}
"""
DIFF = """\
Why.

---
--- a/mm/walk.c
+++ b/mm/walk.c
@@ -3,4 +3,5 @@
 static int changed(struct walk *walk)
 {
+	walk_on(walk, 1);
 	return 0;
 }
"""
HEADER = "struct walk { int at; };\nvoid walk_on(struct walk *walk, int steps);\n"
NAMES = ("argument-count", "incompatible-type", "undeclared-name")


def written(tree: Path, path: str, text: str) -> None:
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(text)


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    top = tmp_path / "linux"
    written(top, "Makefile", "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\nEXTRAVERSION =\nNAME = Made\n")
    written(top, "mm/Makefile", "obj-y += walk.o\n")
    written(top, "mm/walk.c", CODE)
    written(top, "include/linux/walk.h", HEADER)
    written(top, "include/linux/far.h", "int far;\n")
    # Let files grow old enough for their times to be trusted.
    time.sleep(0.12)
    assert build_index(str(top)) == 0
    return top


def said(kernel: Path, names: Sequence[str] = NAMES, diff: str = DIFF) -> list[tuple[str, str]]:
    """What some rules say of a patch, by default the three of one that calls what a header declares."""
    rules = [each for each in load_rules()[0] if each.name in names]
    index.open_index.cache_clear()
    report = scan(thread(mail("[PATCH] mm: walk on", diff)), open_tree(str(kernel)), rules)
    assert not report.problems
    return [(each.rule, each.message) for each in report.findings]


def test_a_call_that_fits_asks_for_no_comparison(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def compare(*_: object) -> None:
        raise AssertionError("the tree was compared with the index")

    monkeypatch.setattr(index, "compare", compare)
    assert said(kernel) == []


def moved_away(kernel: Path) -> None:
    written(kernel, "include/linux/walk.h", "struct walk { int at; };\n")
    written(kernel, "include/linux/far.h", HEADER)


CHANGES: dict[str, Callable[[Path], object]] = {
    "another count": lambda kernel: written(
        kernel, "include/linux/walk.h", HEADER.replace(", int steps", "")
    ),
    "moved away": moved_away,
    "another type": lambda kernel: written(
        kernel, "include/linux/walk.h", HEADER.replace("int steps", "struct step *step")
    ),
    "a header more": lambda kernel: written(
        kernel, "include/linux/more.h", "void walk_on(struct walk *walk);\n"
    ),
    "under an option": lambda kernel: written(
        kernel, "include/linux/walk.h", f"#ifdef CONFIG_WALK\n{HEADER}#endif\n"
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_old_index_says_what_none_says(
    kernel: Path, change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CHANGES[change](kernel)
    old = said(kernel)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    assert said(kernel) == old
    if change == "another count":
        assert [rule for rule, _ in old] == ["argument-count"]
    if change == "moved away":
        assert [rule for rule, _ in old] == ["undeclared-name"]


def test_a_header_that_the_series_takes_away_is_not_seen(kernel: Path) -> None:
    from patchscan.lookup.uses import seen_headers

    tree = Directory(str(kernel))
    assert seen_headers(View(tree, {}), "walk_on") == ["include/linux/walk.h"]
    assert seen_headers(View(tree, {"include/linux/walk.h": None}), "walk_on") == []
    changed = {"include/linux/new.h": b"int walk_on;\n", "mm/walk.h": b"int walk_on;\n"}
    assert seen_headers(View(tree, changed), "walk_on") == ["include/linux/new.h", "include/linux/walk.h"]


def test_a_header_that_defines_a_function_rules_out_a_file(
    kernel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = Directory(str(kernel))
    written(kernel, "lib/walk.c", "void walk_on(struct walk *walk, int steps)\n{\n}\n")
    found = find_definer(View(tree, {}), "walk_on")
    assert found is not None and found.path == "lib/walk.c"
    inline = "static inline void walk_on(struct walk *walk, int steps)\n{\n}\n"
    written(kernel, "include/linux/walk.h", inline)
    index.open_index.cache_clear()
    monkeypatch.setattr(index, "compare", None)
    assert find_definer(View(Directory(str(kernel)), {}), "walk_on") is None


def test_a_struct_of_a_header_beside_the_file_asks_for_no_comparison(
    kernel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(kernel, "mm/walk.h", "struct walk { int beside; };\n")
    view = View(Directory(str(kernel)), {})
    common = find_type(view, "mm/walk.c", b"", "walk")
    assert common is not None and common[0] == "include/linux/walk.h"
    index.open_index.cache_clear()
    monkeypatch.setattr(index, "compare", None)
    found = find_type(View(Directory(str(kernel)), {}), "mm/walk.c", b"", "walk", ("mm/walk.h",))
    assert found is not None and found[0] == "mm/walk.h"


def patched(lines: str) -> str:
    """The diff, with other added lines."""
    count = lines.count("\n")
    added = "".join(f"+\t{line}\n" for line in lines.splitlines())
    return DIFF.replace("+\twalk_on(walk, 1);\n", added).replace("+3,5", f"+3,{4 + count}")


CALLED = {
    "use-after-free": (
        "walk_free(walk);\nwalk->at = 1;\n",
        ("include/linux/walk.h", HEADER + "static inline void walk_free(struct walk *walk)\n{\n}\n"),
        ("{\n}", "{\n\tkfree(walk);\n}"),
    ),
    "error-pointer-or-null": (
        "struct walk *next = walk_next(walk);\nif (!next)\n\treturn 1;\n",
        (
            "mm/next.c",
            "struct walk *walk_next(struct walk *walk)\n{\n\tif (!walk)\n\t\treturn NULL;\n\treturn find(walk);\n}\n",
        ),
        ("NULL;\n\treturn find(walk)", "ERR_PTR(-EINVAL);\n\treturn &walk[1]"),
    ),
    # What it hands on comes from its file.
    "error-pointer-or-null, handed on": (
        "struct walk *next = walk_next(walk);\nif (!next)\n\treturn 1;\n",
        (
            "lib/next.c",
            "static struct walk *next_of(struct walk *walk)\n"
            "{\n\tif (!walk)\n\t\treturn NULL;\n\treturn find(walk);\n}\n"
            "struct walk *walk_next(struct walk *walk)\n{\n\treturn next_of(walk);\n}\n",
        ),
        ("NULL;\n\treturn find(walk)", "ERR_PTR(-EINVAL);\n\treturn &walk[1]"),
    ),
}


@pytest.mark.parametrize("name", CALLED)
def test_one_definition_of_what_is_called_is_enough_to_stay_silent(
    kernel: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, (path, text), change = CALLED[name]
    rule = name.partition(",")[0]
    written(kernel, path, text)
    written(kernel, "include/linux/far.h", "struct walk *walk_next(struct walk *walk);\n")
    time.sleep(0.12)
    assert build_index(str(kernel)) == 0
    with monkeypatch.context() as patch:
        patch.setattr(index, "compare", None)
        assert said(kernel, (rule,), patched(lines)) == []
    written(kernel, path, text.replace(*change))
    old = said(kernel, (rule,), patched(lines))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    assert said(kernel, (rule,), patched(lines)) == old
    assert [rule for rule, _ in old] == [rule]


UNTESTED = """\
Why.

---
--- a/mm/ask.c
+++ b/mm/ask.c
@@ -4,8 +4,6 @@
 {
 	struct walk *next = walk_next(walk);
 
-	if (IS_ERR(next))
-		return PTR_ERR(next);
 	next->at = 1;
 	return 0;
 }
"""
ASKING = """\
#include <linux/walk.h>

static int ask(struct walk *walk)
{
	struct walk *next = walk_next(walk);

	if (IS_ERR(next))
		return PTR_ERR(next);
	next->at = 1;
	return 0;
}
"""
NEXT = """\
struct walk *walk_next(struct walk *walk)
{
	if (!walk)
		return ERR_PTR(-EINVAL);
	if (!walk->at)
		return NULL;
	return &walk[1];
}
"""


def test_a_failure_that_is_told_both_ways_asks_for_no_comparison(
    kernel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(kernel, "mm/ask.c", ASKING)
    written(kernel, "mm/next.c", NEXT)
    time.sleep(0.12)
    assert build_index(str(kernel)) == 0
    with monkeypatch.context() as patch:
        patch.setattr(index, "compare", None)
        assert said(kernel, ("unchecked-result",), UNTESTED) == []
    written(kernel, "mm/next.c", NEXT.replace("return NULL", "return ERR_PTR(-ENOENT)"))
    old = said(kernel, ("unchecked-result",), UNTESTED)
    assert [rule for rule, _ in old] == ["unchecked-result"]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    assert said(kernel, ("unchecked-result",), UNTESTED) == old


def test_a_definition_that_is_always_there_asks_for_no_comparison(
    kernel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from patchscan.lookup.definer import seen_definer

    written(kernel, "lib/walk.c", "void walk_on(struct walk *walk, int steps)\n{\n}\n")
    written(kernel, "lib/Makefile", "obj-y += walk.o\n")
    written(kernel, "Kbuild", "obj-y += lib/ mm/\n")
    written(kernel, "Kconfig", "config WALK\n\tbool\n")
    time.sleep(0.12)
    assert build_index(str(kernel)) == 0
    with monkeypatch.context() as patch:
        patch.setattr(index, "compare", None)
        found = seen_definer(View(Directory(str(kernel)), {}), "walk_on")
        assert found is not None and found.path == "lib/walk.c"
        assert said(kernel, ("undefined-reference",)) == []
    # What is seen is looked up as it is now.
    written(kernel, "lib/walk.c", "void walk_off(struct walk *walk)\n{\n}\n")
    assert seen_definer(View(Directory(str(kernel)), {}), "walk_on") is None


TYPED = "struct walk *next = walk->next;\n"
TYPE = "struct walk { int at; struct walk *next; };\n"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("include/linux/walk.h", TYPE.replace("walk *next", "step *next")),
        ("include/linux/more.h", TYPE),
        ("include/linux/walk.h", ""),
    ],
)
def test_a_struct_of_one_header_lets_a_rule_be_silent(
    kernel: Path, path: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(kernel, "include/linux/walk.h", TYPE)
    time.sleep(0.12)
    assert build_index(str(kernel)) == 0
    with monkeypatch.context() as patch:
        patch.setattr(index, "compare", None)
        assert said(kernel, ("incompatible-type",), patched(TYPED)) == []
    written(kernel, path, text)
    old = said(kernel, ("incompatible-type",), patched(TYPED))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    assert said(kernel, ("incompatible-type",), patched(TYPED)) == old
    assert bool(old) is ("step" in text)


def test_a_struct_that_another_header_defines_since_says_nothing(kernel: Path) -> None:
    """The index knows one header, by which a rule would speak; there are two."""
    wrong = TYPE.replace("walk *next", "step *next")
    written(kernel, "include/linux/walk.h", wrong)
    time.sleep(0.12)
    assert build_index(str(kernel)) == 0
    assert [rule for rule, _ in said(kernel, ("incompatible-type",), patched(TYPED))] == ["incompatible-type"]
    written(kernel, "include/linux/more.h", TYPE)
    assert said(kernel, ("incompatible-type",), patched(TYPED)) == []


HEADERS = ("include/linux/walk.h", "include/linux/far.h", "include/linux/more.h", "include/linux/none.h")


def linked(kernel: Path) -> None:
    (kernel / "include/linux/walk.h").rename(kernel / "walk.h")
    (kernel / "include/linux/walk.h").symlink_to(kernel / "walk.h")


@pytest.mark.parametrize(
    ("change", "held"),
    [
        (None, ["walk"]),
        (CHANGES["another count"], ["walk"]),
        (moved_away, ["far"]),
        (CHANGES["a header more"], ["more", "walk"]),
        (lambda kernel: (kernel / "include/linux/walk.h").unlink(), []),
        (linked, []),
    ],
)
def test_some_headers_alone_are_compared(
    kernel: Path, change: Callable[[Path], object] | None, held: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "compare", None)
    if change is not None:
        change(kernel)
    view = View(Directory(str(kernel)), {})
    found = shared_headers_among(view, "walk_on", HEADERS)
    assert found == [f"include/linux/{name}.h" for name in held]
    # The next question is for another one.
    assert shared_headers_among(view, "walk_on", HEADERS[1:2]) == [each for each in found if "far" in each]
    changed = View(view.tree, {"include/linux/walk.h": None, "include/linux/none.h": b"int walk_on;\n"})
    others = [each for each in found if "walk.h" not in each]
    assert shared_headers_among(changed, "walk_on", HEADERS) == sorted([*others, "include/linux/none.h"])


def test_a_macro_is_looked_for_in_what_is_reached_alone(
    kernel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = [each for each in load_rules()[0] if each.name == "macro-redefined"]
    diff = DIFF.replace(
        "@@ -3,4 +3,5 @@\n", "@@ -1,3 +1,4 @@\n #include <linux/walk.h>\n+#define WALK 1\n \n"
    )
    diff = diff[: diff.index(" {\n")]

    def told() -> list[str]:
        index.open_index.cache_clear()
        report = scan(thread(mail("[PATCH] mm: walk on", diff)), open_tree(str(kernel)), rules)
        assert not report.problems
        return [each.rule for each in report.findings]

    with monkeypatch.context() as patch:
        patch.setattr(index, "compare", None)
        assert told() == []
        written(kernel, "include/linux/walk.h", HEADER + "#define WALK 2\n")
        assert told() == ["macro-redefined"]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    assert told() == ["macro-redefined"]
