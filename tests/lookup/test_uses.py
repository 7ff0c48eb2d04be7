"""Uses of an identifier: each occurrence is what a reader of the C text would call it."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from patchscan.c.occurrences import Use, occurrences
from patchscan.lookup.uses import Uses, find_uses, near_directories
from patchscan.tree import Directory, GitRevision, open_tree
from patchscan.tree.index.search import holding
from patchscan.tree.overlay import View, lay

from tests.diffs import change, patch, series

KERNEL = os.environ.get("PATCHSCAN_KERNEL_TREE", "")

# Each line that names f says in its trailing comment what the occurrences on it are, in order.
EXAMPLE = """\
#ifndef _F_H
#define _F_H
/* f in a comment, with a brace { and a quote " */  // comment
extern int f(int x);                                // declaration
static inline __must_check struct page *
f(struct page *page, int (*cb)(int))                // definition
{
	return NULL;
}
int __attribute__((noinline)) f(void) __acquires(x) // definition
{
	const char *s = "calls f()";                    // string
	char c = '"'; f(1);                             // call
	int (*p)(int) = f;                              // reference
	struct ops o = { .go = f, };                    // initialiser
	g(&f, (struct ops){ f });                       // address initialiser
	if (c == '{') { return f(2) + f(3); }           // call call
	o.f(1); o.f = 3; q->f(2);                       // member member member
	x = y & f;                                      // reference
	goto f;                                         // reference
	return sizeof(f) + f(4);                        // reference call
}
EXPORT_SYMBOL_GPL(f);                               // export
#define CALLS_F(x) do { f(x); } while (0)           // macro
#define PASTES(x) x##f f##_x                        // reference reference
#define PARAMETER(f) f(1)
#define LONGER(x) \\
	f(x)                                            // macro
#if defined(f)                                      // reference
#endif
static const struct file_operations fops = {
	.open = f,                                      // initialiser
	[f] = { f, },                                   // reference initialiser
};
static int table[] = { f(1) };                      // call
struct f { int a; };                                // definition
struct f;                                           // declaration
enum e { A, f, C = f };                             // definition reference
struct g { int f; int (*f)(void); };                // member member
module_init(f);                                     // reference
static DEFINE_PER_CPU(int, f);                      // definition
DECLARE_STATIC_KEY_FALSE(f);                        // declaration
static int f;                                       // definition
extern struct g *f;                                 // declaration
typedef struct { int a; } f;                        // definition
SYSCALL_DEFINE2(name, int, y, int, x)
{
	int i, *f, f[2];                                // local local
	struct g *f = NULL;                             // local
	int (*f)(void);                                 // local
	x = (*f)(1) + g(*f);                            // reference reference
	for (int f = 0; f < 2; f++)                     // local reference reference
		x = i * f;                                  // reference
	return f ? f : 0;                               // reference reference
}
#endif
"""


def expected(text: str) -> list[tuple[int, str]]:
    """(line, kind) of each occurrence, from the words after the last // of a line."""
    return [
        (number, kind)
        for number, line in enumerate(text.split("\n"), 1)
        if "//" in line
        for kind in line.rpartition("//")[2].split()
    ]


def without_notes(text: str) -> str:
    return "\n".join(line.rpartition("//")[0] if "//" in line else line for line in text.split("\n"))


def test_each_occurrence_is_what_its_line_says() -> None:
    found = [(use.line, use.kind) for use in occurrences(without_notes(EXAMPLE).encode(), "f", "a.c")]
    wanted = expected(EXAMPLE)
    assert [pair for pair in found if pair not in wanted] == []
    assert found == wanted


def test_enclosing_functions() -> None:
    text = (
        b"SYSCALL_DEFINE2(name, int, a, int, b)\n{\n\tf();\n}\n"
        b"static struct g *get(void)\n{ f(); }\n"
        b"int f2(void) { f(); }\n"
        b"#ifdef A\nint two(int a) {\n#else\nint two(long a) {\n#endif\n\tf();\n}\n"
        b"int last(void)\n{\n\tstruct s x = { .y = ({ f(); }) };\n}\n"
        b"#define M() f()\nint v = f();\n"
    )
    functions = [use.function for use in occurrences(text, "f", "a.c")]
    assert functions == ["name", "get", "f2", "two", "last", "M", ""]


def test_conditions() -> None:
    text = b"""\
#ifndef GUARD
#define GUARD
#ifdef CONFIG_A
f();
# if defined(CONFIG_B) && \\
     X > 2 /* why */
f();
# elif IS_ENABLED(CONFIG_C)
f();
# else
f();
# endif
#else
f();
#endif
f();
#endif
"""
    both = "defined(CONFIG_B) && X > 2"
    assert [use.conditions for use in occurrences(text, "f", "a.h")] == [
        ("defined(CONFIG_A)",),
        ("defined(CONFIG_A)", both),
        ("defined(CONFIG_A)", f"!({both}) && IS_ENABLED(CONFIG_C)"),
        ("defined(CONFIG_A)", f"!({both}) && !IS_ENABLED(CONFIG_C)"),
        ("!defined(CONFIG_A)",),
        (),
    ]


def test_assembly() -> None:
    text = b"SYM_FUNC_START(f)\n\tcall f\n\tbl\tf /* f */\nf:\n\t.quad f\nEXPORT_SYMBOL(f)\n"
    kinds = [use.kind for use in occurrences(text, "f", "a.S")]
    assert kinds == ["definition", "call", "call", "comment", "definition", "reference", "export"]


@pytest.mark.parametrize(
    "text", [b"f", b"/* f", b'"f', b"f(", b"{{{{ f", b"}}}} f(", b"#define f", b"\xff f \0 f("]
)
def test_broken_text_does_not_raise(text: bytes) -> None:
    assert occurrences(text, "f", "a.c")


@pytest.mark.parametrize(
    "text",
    [
        b"void g(void)\n{\n" + b"\tif (a) { f(); }\n" * 4000 + b"}\n",
        (b"struct (" * 85 + b"{ f\n") * 50,
        (b"int a," + b"a," * 190 + b"f x;\n") * 50,
        b"#if f\n" + b"#elif f\n" * 1500,
        b"{" * 20000 + b"f\n",
    ],
)
def test_hostile_text_takes_no_long_time(text: bytes) -> None:
    began = time.process_time()
    assert occurrences(text, "f", "a.c")
    assert time.process_time() - began < 5


def test_whole_identifiers_only() -> None:
    assert occurrences(b"ff _f f1 f$ $f", "f", "a.c") == ()
    assert [use.text for use in occurrences(b"ff\nf()\r\n", "f", "a.c")] == ["f()"]


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """A tree where old() is called directly and through a macro of a header, and m() is defined twice."""
    files = {
        "include/linux/old.h": "void old(void);\n#define wrapper() old()\n#define alias old\n",
        "mm/a.c": "void old(void)\n{\n}\nint a(void)\n{\n\told();\n\twrapper();\n}\n",
        "mm/b.c": "#define m() old()\nint b(void)\n{\n\tm();\n\twrapper;\n\talias();\n}\n",
        "net/c.c": "struct t t = { .f = old };\nint c(void)\n{\n\tm();\n\treturn call(old);\n}\n",
        "tools/d.c": "int d(void)\n{\n\told();\n}\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def short(uses: Uses) -> list[tuple[str, int, str, str]]:
    return [(use.path, use.line, use.kind, use.via) for use in uses.uses]


IN_TREE = [
    ("include/linux/old.h", 1, "declaration", ""),
    ("include/linux/old.h", 2, "macro", ""),
    ("include/linux/old.h", 3, "macro", ""),
    ("mm/a.c", 1, "definition", ""),
    ("mm/a.c", 6, "call", ""),
    ("mm/a.c", 7, "call", "wrapper"),
    ("mm/b.c", 1, "macro", ""),
    ("mm/b.c", 4, "call", "m"),
    ("mm/b.c", 6, "call", "alias"),
    ("net/c.c", 1, "initialiser", ""),
    ("net/c.c", 5, "address", ""),
]


def test_uses_through_one_level_of_macros(kernel: Path) -> None:
    uses = find_uses(View(Directory(str(kernel)), {}), "old")
    assert short(uses) == IN_TREE
    assert (uses.complete, uses.why) == (True, "")


def test_a_git_revision_gives_the_same(kernel: Path) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for arguments in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *arguments], cwd=kernel, check=True)
    tree = open_tree(str(kernel), "HEAD")
    assert isinstance(tree, GitRevision)
    assert short(find_uses(View(tree, {}), "old")) == IN_TREE
    assert holding(tree, ["OLD", "none"]) == holding(Directory(str(kernel)), ["OLD", "none"])


def test_the_series_is_seen(kernel: Path) -> None:
    after = (kernel / "net/c.c").read_text().replace("call(old)", "call(newer)")
    one = patch(
        1,
        change("net/c.c", (kernel / "net/c.c").read_text(), after),
        change("mm/e.c", None, "int e = old();\n"),
    )
    view = lay(series(one), Directory(str(kernel)))[0].view
    uses = short(find_uses(view, "old"))
    assert ("mm/e.c", 1, "call", "") in uses
    assert ("net/c.c", 5, "address", "") not in uses
    assert ("net/c.c", 1, "initialiser", "") in uses


def test_a_macro_expands_to_its_body(kernel: Path) -> None:
    assert find_uses(View(Directory(str(kernel)), {}), "wrapper").expansion == ("old",)


def test_no_claim_on_the_whole_tree_is_made_where_it_was_not_searched(kernel: Path) -> None:
    for number in range(70):
        (kernel / f"net/{number}.c").write_text("int n = old();\n")
    tree = Directory(str(kernel))
    one = patch(1, change("mm/e.c", None, "int e;\n"))
    near = find_uses(lay(series(one), tree)[0].view, "old", whole=False)
    assert not near.complete
    assert "mm/" in near.why and "include/" in near.why
    assert {use.path for use in near.uses} == {"include/linux/old.h", "mm/a.c", "mm/b.c"}
    none = find_uses(View(None, {"x.c": b"old();\n"}), "old")
    assert (none.complete, [use.path for use in none.uses]) == (False, ["x.c"])


@pytest.mark.parametrize("symbol", ["", "a b", "a.*", "-x", "1a", "a\0"])
def test_what_is_no_identifier_is_not_searched(kernel: Path, symbol: str) -> None:
    assert find_uses(View(Directory(str(kernel)), {}), symbol).uses == ()


def test_near_directories() -> None:
    assert near_directories(["mm/gup.c", "arch/arm64/mm/mmu.c"]) == ("arch/arm64", "include", "mm")
    assert near_directories(["Makefile", "net/ipv4/tcp.c", "net/core.c"]) == ("arch/x86", "include", "net")


def test_many_files_are_read_by_two_processes(tmp_path: Path) -> None:
    for number in range(2100):
        (tmp_path / f"f{number}.c").write_text("old();\n" if number % 7 == 0 else "older(); bold();\n")
    os.symlink("f0.c", tmp_path / "link.c")
    found = holding(Directory(str(tmp_path)), ["old", "older"])
    assert found["old"] == tuple(sorted(f"f{number}.c" for number in range(0, 2100, 7)))
    assert len(found["older"]) == 2100 - 300


@pytest.mark.skipif(not KERNEL, reason="PATCHSCAN_KERNEL_TREE is not set")
def test_callers_in_a_real_tree() -> None:
    uses = find_uses(View(open_tree(KERNEL), {}), "tlb_remove_table_sync_one")
    calls = {(use.path, use.function, use.via) for use in uses.of_kind("call")}
    assert {
        ("mm/khugepaged.c", "collapse_huge_page", ""),
        ("mm/khugepaged.c", "retract_page_tables", "pmdp_get_lockless_sync"),
        ("mm/mmu_gather.c", "tlb_remove_table_one", ""),
    } <= calls
    macros = uses.of_kind("macro")
    assert [(use.path, use.function) for use in macros] == [
        ("include/linux/pgtable.h", "pmdp_get_lockless_sync")
    ]
    assert isinstance(macros[0], Use) and uses.complete
