"""What is passed over as a whole is found as if it were walked step by step: the same ways out, by the same ways."""

import random

import pytest
from patchscan.c.source import parse
from patchscan.flow import ways
from patchscan.flow.building import graph_of
from patchscan.flow.graph import Graph
from patchscan.flow.holding import Follower
from patchscan.flow.taking import resources
from patchscan.flow.trails import lines_of

Out = tuple[object, ...]


def outs(graph: Graph) -> tuple[list[Out], int]:
    """The ways out of the walk for each resource in a fresh view of a graph, and how many steps were passed over."""
    view = ways.Ways(graph)
    found: list[Out] = []
    passed = 0
    for resource in resources(graph):
        walk = ways.Walk(view, Follower(graph, resource), ())
        assert walk.complete
        passed += walk.tour is not None
        found += [
            (resource.key, each.point, each.token, each.signs, each.facts, *lines_of(graph, each.trail, 0))
            for each in walk.exits
        ]
    return found, passed


def body(of: random.Random) -> str:
    """Statements that take, give back, test, jump on and come back, of a few variables."""
    labels: list[int] = []
    lines: list[str] = []
    for at in range(of.randrange(6, 20)):
        name = f"p{of.randrange(5)}"
        match of.randrange(9):
            case 0 | 1 | 2:
                lines += [f"{name} = kmalloc(n, GFP_KERNEL);", f"if (!{name})", f"\tgoto out{at};"]
                labels.append(at)
            case 3:
                lines += [f"{name} = kmalloc(n, GFP_KERNEL);", f"if (!{name})", "\treturn -ENOMEM;"]
            case 4:
                lines += ["if (ready(n))", f"\tkfree({name});"]
            case 5:
                lines += [f"while (more({name})) {{", f"\tif (use({name}) < 0)", "\t\tbreak;", "}"]
            case 6:
                lines += [f"if (ret < {at}) {{", f"\tkfree({name});", "\treturn ret;", "}"]
            case 7:
                lines += ["switch (ret) {", "case 1:", f"\tkeep({name});", "case 2:", "\tbreak;", "}"]
            case _:
                lines += [f"ret = use({name});", "if (ret)", "\treturn ret;"]
    lines.append("return 0;")
    for at in labels[::-1]:
        lines += [f"kfree(p{of.randrange(5)});", f"out{at}:"]
    declared = "".join(f"\tchar *p{k};\n" for k in range(5))
    return (
        f"int f(int n, int ret)\n{{\n{declared}"
        + "".join(f"\t{line}\n" for line in lines)
        + "\treturn ret;\n}\n"
    )


@pytest.mark.parametrize("seed", range(60))
def test_a_tour_finds_what_single_steps_find(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(parse(body(random.Random(seed)).encode(), "drivers/example.c").functions()[0])
    assert graph is not None
    monkeypatch.setattr(ways, "MANY_PLACES", 1)
    toured, _ = outs(graph)
    monkeypatch.setattr(ways, "MANY_PLACES", 10**9)
    assert toured == outs(graph)[0]


def test_many_resources_are_toured() -> None:
    ladder = "".join(
        f"\tp{k} = kmalloc(n, GFP_KERNEL);\n\tif (!p{k})\n\t\treturn -ENOMEM;\n" for k in range(9)
    )
    text = (
        f"int f(int n)\n{{\n{''.join(f'	char *p{k};{chr(10)}' for k in range(9))}{ladder}\treturn 0;\n}}\n"
    )
    graph = graph_of(parse(text.encode(), "drivers/example.c").functions()[0])
    assert graph is not None
    found, toured = outs(graph)
    assert toured >= 9 - ways.MANY_CLIENTS
    # Behind each call all later ways out hold what it took, and its own does not.
    assert sum(each[2].state == "held" for each in found) == sum(range(1, 10))  # type: ignore[attr-defined]
