"""The matcher: holes, spellings that are one, and what a pattern must not match."""

import pytest
from patchscan.c.source import parse
from patchscan.c.syntax import descendants
from patchscan.match.matching import match_parts
from patchscan.match.shape import PatternError, read_pattern


def found(find: str, code: str, frame: str = "") -> list[dict[str, str]]:
    """What stands in the holes at each place of a text that fits a pattern."""
    pattern = read_pattern(find, frame)
    source = parse(code.encode())
    root = source.functions()[0].node if source.functions() else source.root
    matches = []
    for node in descendants(root):
        if node.type == pattern.parts[0].kind:
            match = next(match_parts(pattern.parts, node, source), None)
            if match is not None:
                matches.append({hole: bound.text for hole, bound in match[1].items()})
    return matches


def body(*lines: str) -> str:
    return "void f(void)\n{\n" + "".join(f"\t{line}\n" for line in lines) + "}\n"


@pytest.mark.parametrize(
    "code",
    [
        "if (x) put(x);",
        "if (x != NULL) put(x);",
        "if (NULL != x) put(x);",
        "if ((x)) put((x));",
        "if (x) { put(x); }",
        "if (x) /* why */ put(x);",
    ],
)
def test_spellings_that_are_one(code: str) -> None:
    assert found("if ($X) put($X);", body(code)) == [{"X": "x"}]


@pytest.mark.parametrize(
    "code",
    [
        "if (x) put(y);",
        "if (!x) put(x);",
        "if (x == NULL) put(x);",
        "if (x) put(x); else count();",
        "if (x) { put(x); count(); }",
        "while (x) put(x);",
        "for_each_child(x) put(x);",
        "if (x > 0) put(x);",
    ],
)
def test_what_is_another_thing(code: str) -> None:
    assert found("if ($X) put($X);", body(code)) == []


def test_a_negated_pointer_is_one_that_equals_null() -> None:
    for code in ("if (!x) stop();", "if (x == NULL) stop();", "if (NULL == x) stop();"):
        assert found("if (!$X) stop();", body(code)) == [{"X": "x"}]
        assert found("if ($X == NULL) stop();", body(code)) == [{"X": "x"}]
    assert found("if (!$X) stop();", body("if (x != NULL) stop();")) == []


def test_a_loop_macro_matches_itself_alone() -> None:
    code = body("for_each_child(node, child) use(child);")
    assert found("for_each_child($P, $C) use($C);", code) == [{"P": "node", "C": "child"}]
    assert found("while ($P) use($C);", code) == []


def test_holes_of_any_number() -> None:
    assert found("print($B, $$$A);", body("print(b);")) == [{"B": "b", "A": ""}]
    assert found("print($B, $$$A);", body('print(b, "%d", 1 + 2);')) == [{"B": "b", "A": '"%d", 1 + 2'}]
    code = body("init(&m);", "m.x = 1;", "/* then */", "add(&t, &m);")
    assert found("init($M); $$$S; add($T, $M);", code) == [{"M": "&m", "S": "m.x = 1;", "T": "&t"}]
    assert found("init($M); $$$S; add($T, $M);", body("init(&m);", "add(&t, &n);")) == []
    assert found("init($M); $$$; add($T, $M);", body("init(&m);", "again:", "add(&t, &m);")) == []


def test_members_types_and_initialisers() -> None:
    struct = "struct s {\n\tunsigned int on:1;\n};\n"
    assert found("unsigned int $F:1;", struct, "members") == [{"F": "on"}]
    table = "static struct d d = {\n\t.driver = { .owner = THIS_MODULE, },\n};\n"
    assert found(".owner = THIS_MODULE", table, "initialiser") == [{}]
    assert found("$T $V = 0;", body("struct x y = 0;")) == [{"T": "struct x", "V": "y"}]
    assert found("$T $V = 0;", body("static int y = 0;")) == []


@pytest.mark.parametrize("text", ["foo($X", "$X", "if (", "} {"])
def test_what_is_no_pattern(text: str) -> None:
    with pytest.raises(PatternError):
        read_pattern(text)
