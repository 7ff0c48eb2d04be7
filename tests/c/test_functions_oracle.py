"""Where functions begin and end against Universal Ctags, over the C files of a kernel tree.

PATCHSCAN_KERNEL_TREE: the tree. A difference is right in the ways named here, and in no other.
"""

import json
import os
import random
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from patchscan.basics.record import frozen
from patchscan.c.lexical import next_byte
from patchscan.c.source import Function, parse

TREE = os.environ.get("PATCHSCAN_KERNEL_TREE", "")
CTAGS = shutil.which("ctags")
pytestmark = pytest.mark.skipif(not TREE or CTAGS is None, reason="needs a kernel tree and Universal Ctags")

# ctags takes the macro that makes a function, SYSCALL_DEFINE3(read, ...), for its name.
MACRO = re.compile(r"_*[A-Z][A-Z0-9_]*|define_machine|poly_step_func|__flag|__msg|__description")


@frozen
class Tag:
    """A function as ctags names it: its name, the line of that name, and its last line."""

    name: str
    line: int
    last_line: int


def tags(paths: Sequence[str]) -> Mapping[str, list[Tag]]:
    """What ctags takes for functions, by file."""
    assert CTAGS is not None
    options = ["--languages=C", "--kinds-c=f", "--fields=+ne", "--output-format=json", "-f", "-", "-L", "-"]
    run = subprocess.run(
        [CTAGS, *options], cwd=TREE, input="\n".join(paths).encode(), capture_output=True, check=True
    )
    found: dict[str, list[Tag]] = defaultdict(list)
    for line in run.stdout.decode("utf-8", "replace").splitlines():
        tag = json.loads(line)
        found[tag["path"]].append(Tag(tag["name"], tag["line"], tag.get("end", tag["line"])))
    return found


def differences(path: str, theirs: Sequence[Tag]) -> list[str]:
    """What only one of both finds in a file, or ends elsewhere, and what no known difference explains."""
    source = parse(Path(TREE, path).read_bytes(), path)
    left = {id(function): function for function in source.functions()}
    wrong = []
    for tag in theirs:
        explained = [each for each in source.functions() if is_the_same(each, tag)]
        for function in explained:
            left.pop(id(function), None)
        if not explained and not MACRO.fullmatch(tag.name):
            wrong.append(f"{path}:{tag.line}: {tag.name}() to line {tag.last_line}: only ctags")
    wrong += [
        f"{path}:{each.first_line}: {each.name}() to line {each.last_line}: only we"
        for each in left.values()
        if not is_left_out(each) and not is_passed_over(each)
    ]
    return wrong


def is_the_same(ours: Function, tag: Tag) -> bool:
    """Whether both found a body, and its name or one that ctags is known to take for it."""
    if ours.last_line != tag.last_line:
        return False
    if ours.first_line <= tag.line <= ours.last_line:
        return ours.name == tag.name or MACRO.fullmatch(tag.name) is not None
    # A macro call before the function that no semicolon ends, as module_init(f).
    called = re.match(r"(?:static\s+)?(\w+)\s*\(", ours.source.line_text(tag.line))
    return tag.line < ours.first_line and called is not None and called[1] == tag.name


def is_left_out(function: Function) -> bool:
    """Whether a function stands under #if 0: there ctags reads nothing, and we read every branch."""
    around = function.source.conditions_at(function.first_line)
    return any(each.expression == "0" and not each.negated for each in around)


def is_passed_over(function: Function) -> bool:
    """Whether a macro with an expression in its list makes it: ctags finds no name in TEST_F(a, b, 2 * SECOND)."""
    made = function.source.slice(function.name_start, function.brace)
    return MACRO.match(made) is not None and re.search(r"[*+]\s*\w+\)\s*$", made) is not None


def sample(number: int) -> list[str]:
    paths = sorted(str(path.relative_to(TREE)) for path in Path(TREE).glob("**/*.c"))
    return sorted(random.Random(5).sample(paths, number))


def compare(paths: Sequence[str]) -> tuple[int, list[str]]:
    found = tags(paths)
    return sum(map(len, found.values())), [each for path in paths for each in differences(path, found[path])]


def test_functions_are_those_of_ctags_in_a_small_sample() -> None:
    number, wrong = compare(sample(60))
    assert number > 500
    assert wrong == []


@pytest.mark.slow
def test_functions_are_those_of_ctags() -> None:
    number, wrong = compare(sample(3000))
    assert number > 50_000
    assert wrong == []


def test_a_block_closed_at_the_margin_does_not_end_its_function() -> None:
    text = b"int f(void)\n{\n\tif (a) {\n\t\tb();\n}\n\treturn 0;\n}\n\nint g(void)\n{\n\treturn 1;\n}\n"
    assert [(each.name, each.last_line) for each in parse(text).functions()] == [("f", 7), ("g", 12)]


def test_a_function_that_an_else_holds_is_found() -> None:
    text = b"#ifndef A\n#define f NULL\n#else\nstatic int f(int a)\n{\n\treturn a;\n}\n#endif\n"
    assert [(each.name, each.first_line) for each in parse(text).functions()] == [("f", 4)]


def test_a_function_that_returns_a_pointer_to_one_has_its_name() -> None:
    text = b"static void (*pick(int width))(void *, long *)\n{\n\treturn width ? a : b;\n}\n"
    assert [each.name for each in parse(text).functions()] == ["pick"]


def test_the_structure_of_a_test_is_no_function() -> None:
    text = b"FIXTURE(tls)\n{\n\tint fd;\n};\n\nTEST_F(tls, sends)\n{\n\trun();\n}\n"
    functions = parse(text).functions()
    assert [(each.name, each.first_line) for each in functions] == [("tls", 6)]
    assert next_byte(text, functions[0].end) == b""
