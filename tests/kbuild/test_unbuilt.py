"""Files that a series makes and that nothing builds yet; names that hunks show."""

import pytest
from patchscan.context import NO_SETTINGS, Context, contexts
from patchscan.kbuild.unbuilt import not_built_yet
from patchscan.lookup.hunks import users_in_hunks, was_there
from patchscan.lookup.runtime import compiler_calls
from patchscan.testing import MemoryTree, read_example
from patchscan.tree.overlay import lay

NEW = ">>> file drivers/x/new.c\n+int new;\n"


@pytest.mark.parametrize(
    ("patches", "unbuilt"),
    [
        ((NEW, ">>> file drivers/Makefile\n obj-y += a/\n+obj-y += x/new.o\n"), True),
        ((NEW, ">>> file drivers/x/Makefile\n obj-y += a.o\n+obj-$(CONFIG_X) += new.o\n"), True),
        ((NEW + ">>> file drivers/x/Makefile\n obj-y += a.o\n+obj-y += new.o\n", ""), False),
        # Nobody ever builds it: then it is not known how it is built.
        ((NEW, ">>> file drivers/x/other.c\n int a;\n+int b;\n"), False),
        # The composite object is older than the series.
        ((NEW + ">>> file drivers/x/Makefile\n obj-y += a.o\n+a-y += new.o\n", ""), False),
        (
            (
                NEW + ">>> file drivers/x/Makefile\n+obj-y += new.o\n",
                ">>> file drivers/Makefile\n a\n+obj-y += x/\n",
            ),
            True,
        ),
        # The option comes with the later patch.
        (
            (
                NEW + ">>> file drivers/x/Makefile\n obj-y += a.o\n+obj-$(CONFIG_X) += new.o\n",
                ">>> file drivers/x/Kconfig\n config A\n+config X\n+	bool\n",
            ),
            True,
        ),
    ],
)
def test_not_built_yet(patches: tuple[str, ...], unbuilt: bool) -> None:
    """A new file, by what the Makefiles say at the first patch."""
    text = "".join(f">>> patch x: part {number}\n{files}" for number, files in enumerate(patches, 1))
    series = read_example(text)[0]
    assert not_built_yet(series.patches, 1, "drivers/x/new.c") is unbuilt
    assert not not_built_yet(series.patches, len(patches), "drivers/x/new.c")


def test_a_new_header_is_built_with_its_first_user() -> None:
    """A header that only a file includes which nothing builds."""
    text = (
        ">>> patch x: first\n>>> file drivers/x/new.h\n+int new;\n>>> file drivers/x/new.c\n"
        '+#include "new.h"\n>>> patch x: second\n>>> file drivers/x/Makefile\n obj-y += a.o\n+obj-y += new.o\n'
    )
    series = read_example(text)[0]
    assert not_built_yet(series.patches, 1, "drivers/x/new.h")


def judged(text: str) -> tuple[Context, ...]:
    """The contexts of an example over a tree that lacks its files."""
    series = read_example(text)[0]
    return contexts(series, lay(series, MemoryTree("tree", {"Makefile": b"VERSION = 6\n"})), NO_SETTINGS)


TABLE = """>>> patch x: a table
>>> file drivers/x/new.c
 int before;
+static const struct ops table = {
+	.setup = example_setup,
+};
>>> file drivers/x/new.h
 int before;
+int example_setup(int x);
+DECLARE_STATIC_CALL(example_setup, example_default);
"""


def test_tables_in_hunks_are_users() -> None:
    """An initialiser at file level uses a name; a declaration does not."""
    found = list(users_in_hunks(judged(TABLE)[0], "example_setup"))
    assert [(use.path, use.line, use.function) for use in found] == [("drivers/x/new.c", 3, "")]


def test_names_on_context_and_removed_lines_were_there() -> None:
    """What a patch adds and the next one shows was not."""
    (first, second) = judged(
        ">>> patch x: one\n>>> file x/a.c\n int shown;\n-int gone;\n+int come;\n"
        ">>> patch x: two\n>>> file x/a.c\n int come;\n+int last;\n"
    )
    assert [was_there(second, name) for name in ("shown", "gone", "come", "last")] == [
        True,
        True,
        False,
        False,
    ]
    assert was_there(first, "gone")


@pytest.mark.parametrize("name", ["__hwasan_generate_tag", "__udivdi3", "memcpy", "__x86_return_thunk"])
def test_the_compiler_calls(name: str) -> None:
    """Names from the manuals of compilers."""
    assert compiler_calls(name)


@pytest.mark.parametrize("name", ["ktime_get", "kmemdup", "__memcpy_fromio", "add_i2", "strlcat_user"])
def test_the_compiler_does_not_call(name: str) -> None:
    """Names of the kernel's own."""
    assert not compiler_calls(name)
