"""What C files declare and reach: file-level statements, members, parameters, includes and the closure of them."""

from patchscan.c.filelevel import statements
from patchscan.c.includes import includes
from patchscan.c.members import type_in
from patchscan.c.parameters import signature
from patchscan.lookup.closure import Closure
from patchscan.testing import MemoryTree
from patchscan.tree.overlay import View

FILE = b"""
#include <linux/walk.h>
struct walk;
struct walk {
	int depth;
};
static const struct { int a; } pairs[] = { { 1 }, { 2 } };
static int first, *second = &first, third[4];
extern unsigned long jiffies;
static struct walk walks[2] __ro_after_init = {
	[0] = { .depth = 1 },
};
typedef int (*step_t)(struct walk *walk);
static int (*step)(struct walk *walk) = NULL;
enum mode { FAST, SLOW };
int walk_begin(struct walk *walk, int (*done)(int));
MODULE_DEVICE_TABLE(of, ids);
DEFINE_WALK(deep)
static inline struct walk *walk_next(struct walk *walk)
{
	int here = 1;

	return walk + here;
}
#define WALK(x) \\
	static int x;
static struct walk walk_of(int depth)
{
	return (struct walk){ depth };
}
module_init(walk_init)
int last;
"""


def test_statements_of_a_file() -> None:
    found = [(each.kind, each.name) for each in statements(FILE)]
    assert found == [
        ("type", "walk"),
        ("variable", "pairs"),
        ("variable", "first"),
        ("variable", "second"),
        ("variable", "third"),
        ("variable", "jiffies"),
        ("variable", "walks"),
        ("typedef", "step_t"),
        ("variable", "step"),
        ("type", "mode"),
        ("prototype", "walk_begin"),
        ("call", "MODULE_DEVICE_TABLE"),
        ("call", "DEFINE_WALK"),
        ("function", "walk_next"),
        ("function", "walk_of"),
        ("call", "module_init"),
        ("variable", "last"),
    ]


def test_what_a_statement_says_of_a_variable() -> None:
    by_name = {each.name: each for each in statements(FILE)}
    assert by_name["walks"].array and by_name["walks"].static and by_name["walks"].value > 0
    assert by_name["third"].array and not by_name["second"].array
    assert by_name["jiffies"].extern and not by_name["last"].static
    for name, each in by_name.items():
        assert FILE[each.name_start :].startswith(name.encode())


def test_members_with_their_types_and_conditions() -> None:
    text = b"""
struct other { int a; };
struct walk {
	unsigned int depth:4, *far;
	const char *names[4];
#ifdef CONFIG_FAST
	int (*step)(struct walk *walk, int by);
#endif
	union {
		u32 word;
		struct { u16 low, high; };
	};
	struct other inner;
	struct { int x; } place;
	struct_group(both,
		int left;
		int right;
	);
	DECLARE_BITMAP(mask, 64);
	u8 tail[] __counted_by(depth);
} __packed;
"""
    found = type_in(text, "walk.h", "walk")
    assert found is not None and found.complete
    assert {each.name: each.type for each in found.members} == {
        # A bit-field is promoted by its width, so that no type is told of it.
        "depth": "",
        "far": "unsigned int *",
        "names": "const char *[]",
        "step": "int (*)()",
        "word": "u32",
        "low": "u16",
        "high": "u16",
        "inner": "struct other",
        "place": "struct",
        "both": "struct",
        "left": "int",
        "right": "int",
        "mask": "unsigned long []",
        "tail": "u8 []",
    }
    assert [each.expression for each in found.named("step")[0].conditions] == ["defined(CONFIG_FAST)"]
    assert not found.named("depth")[0].conditions


def test_a_macro_leaves_a_struct_open() -> None:
    for line in (b"MORE(x)", b"struct COMMON;", b"COMMON_FIELDS;", b"#include <fields.h>\n"):
        found = type_in(b"struct walk {\n\tint a;\n\t" + line + b"\n\tint b;\n};\n", "walk.h", "walk")
        assert found is not None and not found.complete, line


def test_parameters_without_their_names() -> None:
    found = signature("struct walk *walk, const char name[4], u64, int (*done)(int), ...)")
    assert found is not None
    assert found.parameters == ("struct walk *", "const char *", "u64", "?") and found.variadic
    assert found.takes(4) and found.takes(9) and not found.takes(3)
    none = signature("void) { }")
    assert none is not None and none.parameters == () and not none.takes(1)
    assert signature(")") is None


def test_what_contradicts() -> None:
    def differ(one: str, two: str) -> bool:
        left, right = signature(one), signature(two)
        assert left is not None and right is not None
        return left.contradicts(right)

    assert differ("int a)", "int a, int b)")
    assert differ("int a)", "struct walk *a)")
    assert not differ("walk_t a)", "struct walk *a)")
    assert not differ("const int a, u8 __user *b)", "int x, u8 *y)")


def test_includes_with_what_stands_around_them() -> None:
    text = b"""/* #include <no.h> */
#ifndef _WALK_H
#define _WALK_H
#include <linux/a.h>
#if defined(CONFIG_X) && \\
	!defined(MODULE)
#include "b.h"
#else
# include <linux/c.h>
#endif
#include WALK_HEADER
#endif
"""
    found = [(each.name, each.quoted, each.conditions) for each in includes(text)]
    condition = "defined(CONFIG_X) && !defined(MODULE)"
    assert [(name, quoted) for name, quoted, _ in found] == [
        ("linux/a.h", False),
        ("b.h", True),
        ("linux/c.h", False),
        ("", False),
    ]
    assert [[each.negated for each in around] for _, _, around in found] == [[], [False], [True], []]
    assert found[1][2][0].expression == condition


def closure(files: dict[str, bytes], architecture: str = "x86") -> Closure:
    tree = MemoryTree("a tree", files)
    return Closure(View(tree, {}), "drivers/tick/tick.c", files["drivers/tick/tick.c"], architecture)


def test_what_is_reached_always_and_sometimes() -> None:
    found = closure(
        {
            "drivers/tick/tick.c": b'#include <linux/a.h>\n#include "tick.h"\n#include <asm/io.h>\n',
            "drivers/tick/tick.h": b"#include <trace.h>\n",
            "drivers/tick/Makefile": b"ccflags-y += -I$(src)/inc\n",
            "drivers/tick/inc/trace.h": b"",
            "include/linux/a.h": b"#ifdef CONFIG_B\n#include <linux/b.h>\n#endif\n#ifdef __ASSEMBLY__\n"
            b"#include <linux/assembly.h>\n#endif\n",
            "include/linux/b.h": b"#include <linux/a.h>\n",
            "include/linux/assembly.h": b"",
            "include/asm-generic/io.h": b"",
        }
    )
    certain = {
        "include/linux/a.h",
        "drivers/tick/tick.h",
        "drivers/tick/inc/trace.h",
        "include/asm-generic/io.h",
    }
    assert set(found.certain()) == certain
    assert set(found.every()) == certain | {"include/linux/b.h"}
    assert set(found.under(lambda when: "B" not in when.atoms)) == certain
    assert set(found.beside()) == {"drivers/tick/tick.h", "drivers/tick/inc/trace.h"}
    assert found.unknown == ""


def test_an_architecture_has_headers_of_its_own() -> None:
    files = {
        "drivers/tick/tick.c": b"#include <asm/io.h>\n",
        "arch/arm64/include/asm/io.h": b"",
        "include/asm-generic/io.h": b"",
    }
    assert list(closure(files, "arm64").certain()) == ["arch/arm64/include/asm/io.h"]
    assert list(closure(files).certain()) == ["include/asm-generic/io.h"]


def test_an_include_that_is_nowhere_makes_a_file_unknown() -> None:
    assert "linux/gone.h" in closure({"drivers/tick/tick.c": b"#include <linux/gone.h>\n"}).unknown
    guarded = b"#ifdef CONFIG_X\n#include <linux/gone.h>\n#endif\n#include <generated/bounds.h>\n"
    assert closure({"drivers/tick/tick.c": guarded}).unknown == ""
