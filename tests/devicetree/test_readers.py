"""The readers of schemas and Devicetree sources: what they give, and where hostile input ends them."""

import subprocess
import sys

import pytest
from patchscan.basics.budget import BUDGET
from patchscan.devicetree.dts import Node, Unread, read_source
from patchscan.devicetree.yaml_text import Unreadable, Value, read_yaml

SCHEMA = b"""\
---
title: A part
properties:
  compatible:
    const: acme,part
  clocks: &clocks
    maxItems: 1
"""


def read(text: str) -> Value:
    found = read_yaml(text.encode())
    assert isinstance(found, Value)
    return found


def nodes(text: str) -> tuple[Node, ...]:
    found = read_source(text.encode())
    assert not isinstance(found, Unread)
    return found


def unreadable(data: bytes) -> Unreadable:
    found = read_yaml(data)
    assert isinstance(found, Unreadable)
    return found


def test_values_have_their_lines_and_their_way_of_writing() -> None:
    found = read("a: |\n  one\n  two\n\nb: ['c', d]\ne:\n  - f: >-\n      g\n    h: i\n")
    block, flow, blocks = (found.get(name) for name in "abe")
    assert block is not None and (block.text, block.style, block.line) == ("one\ntwo\n", "|", 1)
    assert (
        flow is not None
        and flow.flow
        and [(each.text, each.style) for each in flow.items]
        == [
            ("c", "'"),
            ("d", ""),
        ]
    )
    assert blocks is not None and blocks.items[0].names == {"f", "h"}
    inner = blocks.items[0].get("h")
    assert inner is not None and (inner.line, inner.column, inner.text) == (9, 7, "i")


@pytest.mark.parametrize(
    ("text", "line", "bound"),
    [
        (SCHEMA.decode(), 6, True),
        ("a: b: c\n", 1, False),
        ("a:\n\tb: c\n", 2, False),
        ("a: 'b\n", 2, False),
        ("a: b\n\x01", 2, False),
        ("a: b\n---\nc: d\n", 2, False),
        ("[" * 100, 1, True),
        ("- " * 5000, 1, True),
        ("a:\n- *b\n", 2, True),
    ],
)
def test_what_is_no_schema_ends_in_one_line(text: str, line: int, bound: bool) -> None:
    found = unreadable(text.encode())
    assert (found.line, found.bound) == (line, bound) and found.why and "\n" not in found.why


def test_anchors_do_not_multiply() -> None:
    """Nine anchors of nine of each other would be hundreds of millions of values."""
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    assert unreadable(bomb.encode()) == Unreadable(
        1, "schemas have no anchors (& and *): this one is not followed", bound=True
    )


def test_tags_make_no_objects() -> None:
    found = read("a: !!python/object/apply:os.system ['true']\n").get("a")
    assert found is not None and [each.text for each in found.items] == ["true"]


def test_a_schema_has_bounds() -> None:
    assert unreadable(b"a: b\n" * (BUDGET.schema_bytes.most // 4)).bound
    assert unreadable(b"a: b\n" * (BUDGET.schema_values.most // 2)).why.startswith("holds more values")


def test_nodes_have_names_properties_and_lines() -> None:
    (root,) = nodes(
        '/ {\n\tlab: soc@1000 {\n\t\treg = <0x1000 (1 + 2)>,\n\t\t      <M(1)>;\n\t\tname = "a", "b";\n\t};\n};\n'
    )
    (soc,) = root.nodes
    assert (soc.name, soc.unit, soc.labels, soc.line, soc.last) == ("soc", "1000", ("lab",), 2, 6)
    reg, name = soc.properties
    assert [value.parts for value in reg.values] == [("0x1000", "1 + 2"), ("M(1)",)]
    assert [value.line for value in reg.values] == [3, 4] and not reg.broken
    assert name.strings == ("a", "b") and soc.get("missing") is None


def test_what_is_not_understood_is_told() -> None:
    by_label, root = nodes(
        '&uart {\n\tstatus = "okay";\n};\n/ {\n\ta = LED_GREEN;\n#ifdef X\n\tb { };\n#endif\n};\n'
    )
    assert by_label.refers and not by_label.guarded
    broken = root.get("a")
    assert broken is not None and broken.broken and root.guarded and root.nodes[0].name == "b"


def test_a_source_has_bounds() -> None:
    for text in (
        "a {" * 200 + "};" * 200,
        "x;" * (5 * BUDGET.schema_bytes.most),
        "a{};" * (BUDGET.schema_values.most + 1),
    ):
        found = read_source(text.encode())
        assert isinstance(found, Unread) and found.why and "\n" not in found.why


def test_nothing_is_loaded_for_other_files() -> None:
    """What the readers need takes longer to load than a small patch to judge."""
    program = (
        "import sys; from patchscan.cli import main; main(['rules', '--format', 'json']); "
        "sys.exit(bool({'yaml', 'tree_sitter_devicetree'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == 0
