"""What a patch only renames changes nothing that code does; what it changes beside that is judged as ever."""

from collections.abc import Mapping
from difflib import unified_diff

import pytest
from patchscan.context import Context, Settings, contexts
from patchscan.diff.apply import apply_hunks
from patchscan.diff.renamings import renamings
from patchscan.renaming import changing, renamed
from patchscan.rule import Rule
from patchscan.scan import scan
from patchscan.series import FileChange, Series, Thread
from patchscan.settling.registry import load_rules
from patchscan.testing import MemoryTree, example_patch, file_change
from patchscan.tree.fit import place

FILL = """\
static int fill(struct port *port)
{
	struct entry *entry, *other;

	entry = kzalloc(sizeof(*entry), GFP_KERNEL);
	if (!entry)
		return -ENOMEM;
	other = kzalloc(sizeof(*other), GFP_KERNEL);
	if (!other) {
		kfree(entry);
		return -ENOMEM;
	}
	use(port, entry, other);
	kfree(other);
	kfree(entry);
	return 0;
}
"""
FREES = "\t\tkfree(entry);\n"
HEADER = "void *kzalloc(size_t size, gfp_t flags);\n"
ALLOC = "void *kzalloc(size_t size, gfp_t flags)\n{\n\treturn take(size, flags);\n}\n"


def change_of(path: str, old: str, new: str, context: int = 1000) -> FileChange:
    lines = list(unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=context))[3:]
    return file_change(path, [line if line[:2] != "@@" else "@@" for line in lines])


def series_of(changes: Mapping[str, tuple[str, str]]) -> Series:
    made = tuple(change_of(path, old, new) for path, (old, new) in changes.items())
    return Series("s", 1, "s@example.org", None, (example_patch(1, 1, "mm: change", [], made),), ())


def tree_of(changes: Mapping[str, tuple[str, str]], more: Mapping[str, str] = {}) -> MemoryTree:
    contents = {path: old for path, (old, _) in changes.items()} | dict(more)
    return MemoryTree("few files", {path: text.encode() for path, text in contents.items()})


def context_of(changes: Mapping[str, tuple[str, str]], more: Mapping[str, str] = {}) -> Context:
    series = series_of(changes)
    states, fit = place(series, tree_of(changes, more))
    return contexts(series, states, Settings({}), fit)[0]


def rules(*names: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in load_rules()[0] if rule.name in names)


def said(changes: Mapping[str, tuple[str, str]], more: Mapping[str, str] = {}) -> list[tuple[str, int]]:
    thread = Thread((series_of(changes),), (), ())
    every = tuple(rule for rule in load_rules()[0] if rule.by_effect)
    report = scan(thread, tree_of(changes, more), every, Settings({}))
    assert not report.problems
    return [(each.rule, each.line) for each in report.findings if not each.preexisting]


def anew(text: str) -> str:
    """A text with the new name, and an argument on a line of its own, as a longer name may need it."""
    return text.replace("kzalloc(", "kzalloc_zeroed(").replace("*other), GFP", "*other),\n\t\t\t\tGFP")


def test_rules_on_effects_judge_by_file() -> None:
    every = load_rules()[0]
    assert len([rule for rule in every if rule.by_effect]) > 20
    assert [rule.name for rule in every if rule.by_effect and not rule.by_file] == []


@pytest.mark.parametrize(
    "old, new, names",
    [
        ("\ta = old(b);\n", "\ta = fresh(b);\n", {"fresh": "old"}),
        ("\ta = old(b, c);\n", "\ta = fresh(b,\n\t\t  c);\n", {"fresh": "old"}),
        ("\told_one(b);\n\told_two(b);\n", "\tone(b);\n\ttwo(b);\n", {"one": "old_one", "two": "old_two"}),
        ("\tif (old)\n", "\tif (fresh && b)\n", None),
        ("\told(a);\n", "\tfresh(b, a);\n", None),
        ("\told(1);\n", "\told(ONE);\n", None),
        ("\told(a, a);\n", "\told(a, b);\n", {"b": "a"}),
        ("\told(a) + old(b);\n", "\tfresh(a) + fresh(b);\n", {"fresh": "old"}),
        ("\told(a) + other(b);\n", "\tfresh(a) + fresh(b);\n", None),
        ("\tint a;\n", "\tfresh a;\n", None),
        ("#define A old\n#define B\n", "#define A\n#define B old\n", None),
        ("#define A old(1)\n", "#define A fresh(1)\n", {"fresh": "old"}),
        ("", "\tfresh(a);\n", None),
        ("\told(a);\n", "", None),
    ],
)
def test_runs_that_rename(old: str, new: str, names: Mapping[str, str] | None) -> None:
    change = change_of("mm/a.c", f"int a;\n{old}int b;\n", f"int a;\n{new}int b;\n")
    (run,) = renamings(change.hunks)
    assert run.names == names
    assert run.added == new.removesuffix("\n")


def test_a_renaming_of_what_our_tables_know_says_nothing() -> None:
    assert said({"mm/fill.c": (FILL, anew(FILL))}) == []


def test_where_it_is_all_that_a_file_changes_the_file_is_left_out() -> None:
    other = "int used(void)\n{\n\treturn 1;\n}\n"
    context = context_of({"mm/fill.c": (FILL, anew(FILL)), "mm/o.c": (other, other.replace("1", "2"))})
    assert renamed(context) == {"kzalloc_zeroed": "kzalloc"}
    left = changing(context)
    assert left is not None and [file.path for file in left.files] == ["mm/o.c"]
    assert changing(context_of({"mm/fill.c": (FILL, anew(FILL))})) is None


def test_what_is_changed_beside_it_is_judged() -> None:
    lost = FILL.replace(FREES, "")
    line = lost.splitlines().index("\t\treturn -ENOMEM;", 7) + 1
    assert said({"mm/fill.c": (FILL, lost)}) == [("held-at-exit", line)]
    assert said({"mm/fill.c": (FILL, anew(lost))}) == [("held-at-exit", line + 1)]
    # The old code has the new names and line ends, so what remains is the line that is gone.
    context = context_of({"mm/fill.c": (FILL, anew(lost))})
    left = changing(context)
    assert left is not None
    (file,) = left.files
    assert file.state.before is not None
    assert file.state.before.decode() == anew(FILL)
    assert [line.text for line in (*file.added, *file.removed)] == [FREES.rstrip("\n")]
    assert apply_hunks(file.state.before, file.change.hunks).content == file.state.after
    assert file.removed_numbers == {11}


@pytest.mark.parametrize(
    "more",
    [
        {"include/linux/fresh.h": "void *kzalloc_zeroed(size_t size, gfp_t flags);\n"},
        {"mm/other.c": "int a(void)\n{\n\treturn kzalloc_zeroed(1, 2) != 0;\n}\n"},
    ],
)
def test_a_name_that_the_tree_knows_is_another_thing(more: Mapping[str, str]) -> None:
    changes = {"mm/fill.c": (FILL, anew(FILL))}
    assert renamed(context_of(changes, {"mm/near.c": "int near_kzalloc_zeroed_too;\n"}))
    context = context_of(changes, more)
    assert renamed(context) == {}
    assert changing(context) is context


def test_a_name_that_our_tables_know_is_another_thing() -> None:
    changes = {"mm/fill.c": (FILL, FILL.replace("kzalloc(", "kmalloc("))}
    assert renamed(context_of(changes)) == {}


@pytest.mark.parametrize(
    "path, old, new",
    [
        # A prototype, what it defines, and what stands beside it for the old name.
        ("include/linux/a.h", HEADER, anew(HEADER)),
        ("include/linux/a.h", HEADER, anew(HEADER) + "#define kzalloc(a, b) kzalloc_zeroed(a, b)\n"),
        ("mm/slab.c", ALLOC, anew(ALLOC)),
        ("mm/slab.c", ALLOC, anew(ALLOC) + "EXPORT_SYMBOL(kzalloc_zeroed);\n"),
        ("mm/slab.c", ALLOC, anew(ALLOC) + "int more;\n"),
        ("mm/slab.c", ALLOC, anew(ALLOC) + "void *kzalloc(size_t a)\n{\n\treturn kzalloc_zeroed(a, 0);\n}\n"),
    ],
)
def test_a_definition_that_is_renamed_too_is_the_same(path: str, old: str, new: str) -> None:
    assert renamed(context_of({path: (old, new), "mm/fill.c": (FILL, anew(FILL))}))


@pytest.mark.parametrize(
    "path, old, new",
    [
        ("mm/slab.c", ALLOC, anew(ALLOC).replace("return take(size, flags)", "return ERR_PTR(-ENOMEM)")),
        ("mm/slab.c", ALLOC, ALLOC + anew(ALLOC)),
        ("include/linux/a.h", HEADER, HEADER + "#define kzalloc_zeroed(a, b) kmalloc(a, b)\n"),
        ("include/linux/a.h", "int a;\n", "int a;\nstruct port {\n\tvoid *(*kzalloc_zeroed)(void);\n};\n"),
    ],
)
def test_a_definition_that_is_new_or_changed_is_another_thing(path: str, old: str, new: str) -> None:
    changes = {path: (old, new), "mm/fill.c": (FILL, anew(FILL))}
    assert renamed(context_of(changes)) == {}


def test_what_calls_another_thing_is_another_thing() -> None:
    """Its definition differs by a name that stands for something new."""
    old = "int fill_one(int a)\n{\n\treturn take(a);\n}\nint b;\n"
    new = "int fresh_fill(int a)\n{\n\treturn fresh_take(a);\n}\nint c;\n"
    user = "int user(int a)\n{\n\treturn fill_one(a);\n}\n"
    changes = {"mm/fill.c": (old, new), "mm/user.c": (user, user.replace("fill_one", "fresh_fill"))}
    assert renamed(context_of(changes)) == {"fresh_fill": "fill_one", "fresh_take": "take", "c": "b"}
    made = {"mm/take.c": ("int a;\n", "int a;\nint fresh_take(int a)\n{\n\treturn 0;\n}\n")}
    assert renamed(context_of(changes | made)) == {"c": "b"}


def test_an_option_is_another_thing() -> None:
    text = "int fill(void)\n{\n#ifdef CONFIG_OLD\n\treturn 1;\n#endif\n\treturn 0;\n}\n"
    assert renamed(context_of({"mm/fill.c": (text, text.replace("CONFIG_OLD", "FRESH"))}))
    assert renamed(context_of({"mm/fill.c": (text, text.replace("CONFIG_OLD", "CONFIG_FRESH"))})) == {}


def test_without_a_tree_nothing_is_known_to_be_only_renamed() -> None:
    series = series_of({"mm/fill.c": (FILL, anew(FILL))})
    states, fit = place(series, None)
    context = contexts(series, states, Settings({}), fit)[0]
    assert renamed(context) == {}
    assert changing(context) is context


def test_names_are_still_judged() -> None:
    text = FILL.replace("entry, *other;", "entry, *other;\n\tint unused;")
    thread = Thread((series_of({"mm/fill.c": (FILL, anew(text))}),), (), ())
    report = scan(thread, tree_of({"mm/fill.c": (FILL, "")}), rules("unused-variable"), Settings({}))
    assert [each.rule for each in report.findings] == ["unused-variable"]
