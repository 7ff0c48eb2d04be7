"""How the fix of a row is laid out: what was aligned stays so, and a line of its own goes with its empty one."""

import pytest
from patchscan.c.source import parse
from patchscan.match.fix import laid_out, leaves_two_blanks, opening


@pytest.mark.parametrize(
    ("text", "head", "tail", "before", "after"),
    [
        (
            'sysfs_emit(buf, "%d\\n",\n\0\t\t       level)',
            "\treturn ",
            ";",
            '\treturn sprintf(buf, "%d\\n",',
            ['\treturn sysfs_emit(buf, "%d\\n",', "\t\t\t  level);"],
        ),
        (
            "kmemdup(name,\n\0\t\tsize)",
            "\tcopy = ",
            ";",
            "\tcopy = kmemdup2(name,",
            ["\tcopy = kmemdup(name,", "\t\tsize);"],
        ),
        (
            'if (ret)\n\treturn dev_err_probe(dev, ret, "no %s\\n",\n\0\t\t\tname);',
            "\t",
            "",
            "\tif (ret) {",
            ["\tif (ret)", '\t\treturn dev_err_probe(dev, ret, "no %s\\n",', "\t\t\t\t     name);"],
        ),
        ("", "\t", "", "\treturn;", []),
    ],
)
def test_what_was_aligned_stays_so(text: str, head: str, tail: str, before: str, after: list[str]) -> None:
    assert laid_out(text, head, tail, before) == after


def test_the_open_parenthesis() -> None:
    assert opening('\tcall("(", f(x), y,') == len("        call(")
    assert opening("\tcall(x);") is None


@pytest.mark.parametrize(
    ("before", "behind", "two"),
    [("\n", "\n", True), ("\n", "}\n", True), ("\n", "\tgo();\n", False), ("", "\n", False)],
)
def test_a_line_that_goes_leaves_no_two_empty_ones(before: str, behind: str, two: bool) -> None:
    text = f"void f(void)\n{{\n\tstop();\n{before}\treturn;\n{behind}"
    line = text[: text.index("return")].count("\n") + 1
    assert leaves_two_blanks(parse(text.encode(), "part.c"), line, line) == two
