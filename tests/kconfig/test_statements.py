"""The statements of Kconfig files: continued lines, help texts, quotes, comments."""

import pytest
from patchscan.kconfig.configured import read_selects
from patchscan.kconfig.demands import parse
from patchscan.kconfig.entries import ALWAYS, definitions_in, read_entries, statement_lines
from patchscan.kconfig.logical_lines import statements


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("config A\n\tbool\n", [(1, "config A"), (2, "bool")]),
        (
            "select X \\\n\tif Y\nselect Z\n",
            [(1, "select X  if Y".replace("  ", "         ")), (3, "select Z")],
        ),
        ('bool "a # b" # c\n', [(1, 'bool "a # b"')]),
        ("# config A\n\nconfig B # not A\n", [(3, "config B")]),
        ("help\n  if it is\n  config X\nconfig B\n", [(1, "help"), (4, "config B")]),
        ("help\n\n\tfirst\n\n\t  more \\\n\tlast\n  select X\n", [(1, "help"), (7, "select X")]),
        ("help\nconfig A\n", [(1, "help"), (2, "config A")]),
        ("\thelp\n\t  text\n\t# a comment ends it, too\n\tbool\n", [(1, "help"), (4, "bool")]),
        ('default "it\\"s # fine"\n', [(1, 'default "it\\"s # fine"')]),
    ],
)
def test_statements(text: str, found: list[tuple[int, str]]) -> None:
    assert [(each.line, " ".join(each.text.split())) for each in statements(text)] == [
        (line, " ".join(words.split())) for line, words in found
    ]


ALL = """\
config ARCH
\tdef_bool y
\tselect A \\
\t\tif B
\tselect C # not D
\tselect E
\thelp
\t  if this were a block
\t  config NOT
\t  select NEITHER
"""


def test_every_reader_sees_the_same_selects() -> None:
    (definition,) = definitions_in(ALL.encode())
    assert definition.selects == ["A", "C", "E"]
    (entry,) = read_entries(statement_lines(ALL.encode()), ALWAYS).entries
    assert [name for name, _ in entry.selects] == ["A", "C", "E"]
    selects = parse(ALL.encode()).entries[1].selects
    assert {(name, tuple(when)) for name, when, _ in selects} == {("A", ("B",)), ("C", ()), ("E", ())}
    assert read_selects(ALL, ["ARCH", "B"]) == {"CONFIG_A": 1, "CONFIG_C": 1, "CONFIG_E": 1}


@pytest.mark.parametrize("text", ["", "# a comment\n", "bool\n", "help\n"])
def test_a_file_without_entries_has_none(text: str) -> None:
    found = read_entries(statement_lines(text.encode()), ALWAYS)
    assert (found.entries, found.sources) == ((), ())
