"""patchscan.c.fragment: hunks as C that parses, and whose function is named only where that is sure."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from patchscan.c.source import Function, Source, parse, parse_fragment

from tests.cut_hunks import compare, cut_hunks

TREE = os.environ.get("PATCHSCAN_KERNEL_TREE")
CTAGS = shutil.which("ctags")
DIRECTORIES = ("mm", "kernel", "net/core", "arch/x86/mm", "fs/ext4")


def read(text: bytes, section: bytes = b"") -> Source:
    return parse_fragment(text.split(b"\n"), 50, section, "mm/pool.c")


def only(source: Source) -> Function:
    (function,) = source.functions()
    assert not function.partial, source.repaired
    return function


def calls(source: Source) -> list[tuple[str, int]]:
    return [(call.name, call.line) for function in source.functions() for call in function.calls()]


@pytest.mark.parametrize(
    "text",
    [
        b"\tx(a);\n\ty(b);",
        b"\t} else if (c) {\n\t\tx(a);\n\t\ty(b);",
        b"\tx(a);\n\t} while (more);\n\ty(b);",
        b"\t\t  a, b);\n\tx(c);\n\tif (y(d)) {",
        b"\t    second(a)) {\n\t\tx(b);",
        b"\t     i < n; i++) {\n\t\tx(i);\n\t}",
        b"\tcase 3:\n\t\tx(a);\n\t\tbreak;\n\tdefault:\n\t\ty(b);\n\t}",
        b"\telse\n\t\tx(a);\n\ty(b);",
        b"\t\tx(a);\n\telse\n\t\ty(b);",
        b"\t\t= x(a);\n\ty(b);",
        b"\t\t&& x(a);\n\ty(b);",
        b"out:\n\tx(a);\n\treturn y(",
        b" * of a comment that began above\n */\n\tx(a);\n\t/* and one that goes on",
        b"\tx(a);\n#endif\n\ty(b);\n#ifdef CONFIG_SMP\n\tz(c);",
        b"\tdo {\n\t\tx(a);",
        b'\t\t"\tnop\\n"\n\t: : "r" (a));\n\tx(a);',
        b"\tx(a);\n\tswitch (y(b) |",
        b"\t    x(a))\n\t\ty(b);\n\telse\n\t\tz(c);",
        b"\tx(a);\n\tops = (struct ops){\n\t\t.a = {\n\t\t\t[1] = y(b),\n\t\t\t[2] =",
        b"\tx(a);\n\tb = y(c) ?",
        b'"a string at the margin",\n\t\t\ta);\n\tx(b);',
    ],
)
def test_the_inside_of_a_body_parses_and_is_named_by_the_section(text: bytes) -> None:
    function = only(read(text, b"static int pool_grow(struct pool *p,"))
    assert function.name == "pool_grow"
    assert not function.has_head and not function.has_tail
    assert function.first_line == 50
    assert function.last_line == 50 + text.count(b"\n")


def test_calls_and_lines_are_those_of_the_file() -> None:
    source = read(b"\t\tx(a);\n\t} else {\n\t\ty(b,\n\t\t  z(c));", b"int f(void)")
    assert calls(source) == [("x", 50), ("y", 52), ("z", 53)]


def test_no_section_no_name() -> None:
    assert only(read(b"\tx(a);\n")).name == ""
    assert only(read(b"\tx(a);\n", b"out:\tunlock(&lock);")).name == ""


@pytest.mark.parametrize(
    "section", [b"struct pool {", b"enum state {", b"static const struct ops pool_ops = {"]
)
def test_the_inside_of_a_struct_or_initialiser_is_no_function(section: bytes) -> None:
    assert read(b"\tint a;\n\tint b;\n", section).functions() == ()


def test_after_a_declaration_nothing_indented_is_a_body() -> None:
    text = b"\t x(A))\n#define B\ty(C)\n"
    assert read(text, b"void f(void);").functions() == ()


def test_a_struct_that_ends_before_a_function_begins() -> None:
    function = only(read(b"\tint a;\n};\n\nstatic int g(void)\n{\n\tif (x) {", b"struct pool {"))
    assert function.name == "g"


def test_a_fragment_outside_all_functions_does_not_belong_to_the_one_before() -> None:
    text = b'\t\t   0644);\nMODULE_PARM_DESC(size, "x");\n\nstatic int g(void)\n{\n\tx();\n}'
    assert [function.name for function in read(text, b"static int f(void)").functions()] == ["g"]


def test_a_header_whose_first_line_is_not_shown() -> None:
    function = only(read(b"\t\t     int b)\n{\n\tx(b);\n}\n", b"static int f(int a,"))
    assert function.name == "f" and not function.has_head and function.has_tail


def test_a_header_that_is_not_the_one_of_the_section_has_no_name() -> None:
    assert only(read(b"\t\t     int b)\n{\n\tx(b);\n}\n", b"static int f(int a)")).name == ""


def test_a_body_whose_header_stands_above() -> None:
    function = only(read(b"{\n\tx(b);\n}\n", b"static int f(int a)"))
    assert function.name == "f"


def test_a_comment_alone_lies_in_the_function_when_it_is_indented() -> None:
    assert only(read(b"\t * text\n\t * more", b"int f(void)")).name == "f"
    assert read(b" * text\n * more", b"int f(void)").functions() == ()


def test_the_tail_of_a_macro_is_no_function_body() -> None:
    source = read(b"\t\tx(a);\t\\\n\t} while (0)\n\nstatic int g(void)\n{\n\ty();\n}", b"int f(void)")
    assert [function.name for function in source.functions()] == ["g"]


def test_a_header_at_the_end_is_a_function_without_its_body() -> None:
    source = read(b"\nstatic int g(int a,\n\t     int b)")
    function = only(source)
    assert function.name == "g" and function.has_head and not function.has_tail


def test_text_that_is_added_is_blank_in_the_source() -> None:
    source = read(b"\t}\n\tx(a);", b"int f(void)")
    assert source.text.split() == [b"}", b"x(a);"]
    assert only(source).text.split() == ["}", "x(a);"]
    assert source.line_text(51) == "\tx(a);"


def test_an_empty_fragment() -> None:
    assert parse_fragment([], 1, b"int f(void)").functions() == ()


def kernel_files() -> list[Path]:
    return sorted(path for name in DIRECTORIES for path in (Path(TREE or "") / name).rglob("*.c"))


@pytest.mark.slow
@pytest.mark.skipif(not TREE, reason="PATCHSCAN_KERNEL_TREE is not set")
def test_functions_of_a_kernel_tree_parse_cleanly() -> None:
    functions = [f for path in kernel_files() for f in parse(path.read_bytes()).functions()]
    clean = sum(not function.partial for function in functions)
    print(f"{clean} of {len(functions)} functions clean: {clean / len(functions):.4%}")
    assert len(functions) > 25000
    assert clean / len(functions) >= 0.993


@pytest.mark.slow
@pytest.mark.skipif(not TREE, reason="PATCHSCAN_KERNEL_TREE is not set")
def test_hunks_cut_from_a_kernel_tree_read_like_the_whole_file() -> None:
    compared = [compare(hunk) for hunk in cut_hunks(kernel_files(), 1000, seed=2)]
    for what, bound in (("names", 0.97), ("calls", 0.99), ("controls", 0.99), ("clean", 0.98)):
        exact = sum(getattr(result, what) for result in compared) / len(compared)
        print(f"{what} {exact:.2%} of {len(compared)} hunks")
        assert exact >= bound, what


@pytest.mark.slow
@pytest.mark.skipif(not TREE or not CTAGS, reason="needs PATCHSCAN_KERNEL_TREE and universal ctags")
def test_the_functions_of_a_kernel_tree_are_those_ctags_finds() -> None:
    files = kernel_files()[::3]
    command = [str(CTAGS), "-x", "--language-force=C", "--kinds-C=f", "--_xformat=%N\t%n\t%F", "-L", "-"]
    listed = subprocess.run(
        command, input="\n".join(map(str, files)), capture_output=True, text=True, check=True
    )
    sources = {str(path): parse(path.read_bytes()) for path in files}
    expected = [line.split("\t") for line in listed.stdout.splitlines()]
    missed = [
        (path, name)
        for name, line, path in expected
        if not name.isupper()
        and not re.match(r"\w*SYSCALL_DEFINE|BPF_CALL", name)
        and getattr(sources[path].function_at(int(line)), "name", None) != name
    ]
    print(f"{len(missed)} of {len(expected)} functions missed: {missed}")
    assert len(expected) > 5000
    assert len(missed) / len(expected) <= 0.001
