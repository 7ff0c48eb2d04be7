"""What is read without a value whichever way a function goes on behind one branch."""

import pytest
from patchscan.c.source import parse
from patchscan.flow.building import graph_of
from patchscan.flow.inevitable import inevitable_reads


def read(body: str, name: str = "x") -> list[tuple[int, int, bool]]:
    """(line of the branch, line of the read, whether it is read always) of a variable in a function's body."""
    source = parse(f"int f(int a, int b)\n{{\n\tint {name};\n{body}}}\n".encode(), "f.c")
    graph = graph_of(source.functions()[0])
    assert graph is not None
    return [(each.branch, each.line, each.always) for each in inevitable_reads(graph, [name])]


def test_a_branch_that_leaves_it_out() -> None:
    assert read("\tif (a)\n\t\tx = 1;\n\tif (b)\n\t\tx += 2;\n\treturn x;\n") == [(4, 7, False)]


def test_a_call_that_may_write_it_on_one_side() -> None:
    assert read("\tif (a)\n\t\tfill(&x);\n\tg(b);\n\treturn x;\n") == [(4, 7, False)]


def test_nothing_gives_it_a_value() -> None:
    assert read("\tg(a);\n\treturn x;\n") == [(5, 5, True)]


@pytest.mark.parametrize(
    "body",
    [
        "\tif (a)\n\t\tx = 1;\n\tif (a)\n\t\treturn x;\n\treturn 0;\n",
        "\tfor (a = 0; a < b; a++)\n\t\tx = a;\n\treturn x;\n",
        "\tif (a)\n\t\tx = 1;\n\telse\n\t\tBUG();\n\treturn x;\n",
        '\tif (a)\n\t\tasm("" : "=r" (x));\n\telse\n\t\tx = 2;\n\treturn x;\n',
        "\twalk_all(b, x) {\n\t\tif (a)\n\t\t\treturn x;\n\t}\n\treturn 0;\n",
        "\tif (0) {\n\t\tif (a)\n\t\t\tg(b);\n\t\treturn x;\n\t}\n\treturn 0;\n",
        "\tif (a)\n\t\tx = 1;\n\telse\n\t\tgoto out;\n\treturn x;\nout:\n\treturn a ? a : x;\n",
        "\tif (a)\n\t\tx = 1;\n\treturn sizeof(x);\n",
    ],
    ids=["alike conditions", "loop", "never on", "assembly", "loop macro", "dead", "part of", "sizeof"],
)
def test_where_it_is_not_sure(body: str) -> None:
    assert read(body) == []
