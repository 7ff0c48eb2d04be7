"""The ways through a function: the graph, the facts of a way, and what is held at its ways out."""

from collections.abc import Callable

import pytest
from patchscan.c.source import Function, parse
from patchscan.flow.building import graph_of
from patchscan.flow.flowstates import Running
from patchscan.flow.heeding import Client
from patchscan.flow.held import GIVEN, GONE, MANY, MOST_SETS, Keepers, Taken
from patchscan.flow.holding import Follower
from patchscan.flow.joining import JoinedWalk
from patchscan.flow.ladder import Ladder
from patchscan.flow.state import UNKNOWN
from patchscan.flow.taking import resources
from patchscan.flow.trails import fails, lines_of
from patchscan.flow.wayouts import holdings
from patchscan.flow.ways import MAX_FACTS, ways_of


def function(text: str) -> Function:
    return parse(text.encode(), "drivers/example.c").functions()[0]


def exits(text: str) -> list[tuple[int, bool | None]]:
    """(line, whether it fails) of the ways out, once each."""
    graph = graph_of(function(text))
    assert graph is not None
    walk = ways_of(graph).walk(Client())
    assert walk.complete
    return sorted({(graph.points[each.point].line, fails(each.signs, False)) for each in walk.exits}, key=str)


def held(text: str) -> set[tuple[str, int]]:
    """(key, line of the way out) of what is held."""
    one = function(text)
    graph = graph_of(one)
    assert graph is not None
    return {
        (key, way.line)
        for (_, key), found in holdings(graph, lambda _: True).items()
        for holding in found
        for way in holding.at("held")
    }


def test_a_condition_that_was_decided_is_not_decided_again() -> None:
    text = """int f(int flag)
{
	int ret = 0;

	if (flag)
		ret = -EINVAL;
	if (flag)
		return ret;
	return ret;
}
"""
    assert exits(text) == [(8, True), (9, False)]


@pytest.mark.parametrize(
    ("loop", "ends"),
    [
        ("for (i = 0; i < n; i++)\n\t\tif (bad(i))\n\t\t\treturn -1;", {5, 6}),
        ("while (more(n))\n\t\tif (bad(n))\n\t\t\treturn -1;", {5, 6}),
        ("do {\n\t\tif (bad(n))\n\t\t\treturn -1;\n\t} while (n--);", {5, 7}),
        ("do {\n\t\tif (bad(n))\n\t\t\treturn -1;\n\t} while_each_port(i, n);", {5, 7}),
        ("for (;;)\n\t\tif (bad(n))\n\t\t\treturn -1;", {5}),
        ("list_for_each_entry(p, list, node)\n\t\tif (bad(p))\n\t\t\treturn -1;", {5, 6}),
        ("switch (n) {\n\tcase 1:\n\t\treturn -1;\n\tdefault:\n\t\treturn -2;\n\t}", {5, 7}),
        ("switch (n) {\n\tcase 1:\n\t\treturn -1;\n\tcase 2:\n\t\tn = 3;\n\t}", {5, 9}),
        ("if (n)\n\t\tgoto out;\n\treturn -1;\nout:", {5, 7}),
        ("#ifdef CONFIG_X\n\tif (n)\n\t\treturn -1;\n#endif", {5, 7}),
        ("if (n) {\n\t\tBUG();\n\t}", {6}),
    ],
)
def test_ways_out(loop: str, ends: set[int]) -> None:
    text = f"int f(int n)\n{{\n\t{loop}\n\treturn 0;\n}}\n"
    assert {line for line, _ in exits(text)} == ends


def test_the_steps_of_a_way_are_its_decisions() -> None:
    graph = graph_of(
        function("int f(int a, int b)\n{\n\tif (a)\n\t\tif (!b)\n\t\t\treturn -1;\n\treturn 0;\n}\n")
    )
    assert graph is not None
    walk = ways_of(graph).walk(Client())
    (way,) = [each for each in walk.exits if graph.points[each.point].line == 5]
    assert lines_of(graph, way.trail, way.point) == ((3, "yes"), (4, "no"), (5, ""))


def test_a_lock_that_one_condition_takes_and_gives_back() -> None:
    text = """void f(struct port *p, bool wait)
{
	if (wait)
		mutex_lock(&p->lock);
	send(p);
	if (wait)
		mutex_unlock(&p->lock);
}
"""
    assert held(text) == set()
    assert held(text.replace("\tif (wait)\n\t\tmutex_unlock", "\tif (late)\n\t\tmutex_unlock")) == {
        ("&p->lock", 8)
    }


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("return 0;", {("node", 6)}),
        ("p->node = node; return 0;", set()),
        ("*out = node; return 0;", set()),
        ("copy = node; of_node_put(copy); return 0;", set()),
        ("p->set_node(node); return 0;", set()),
        ("value = read(node); return value;", {("node", 6)}),
        ("set_node(p, node); return 0;", set()),
        ("release_all(&node); return 0;", set()),
    ],
)
def test_who_keeps_a_reference(last: str, expected: set[tuple[str, int]]) -> None:
    text = (
        "int f(struct port *p, struct device_node **out)\n{\n"
        "\tstruct device_node *copy, *node = of_get_parent(p->parent); int value;\n"
        "\tif (!node)\n\t\treturn -ENODEV;\n"
        f"\t{last}\n}}\n"
    )
    assert held(text) == expected


def test_a_function_that_is_nothing_but_branches_is_walked_in_bounds() -> None:
    body = "".join(f"\tif (a{number})\n\t\tb{number} = f{number}();\n" for number in range(300))
    again = "".join(f"\tif (a{number})\n\t\tg{number}(b{number});\n" for number in range(300))
    one = function(
        f"int f(void)\n{{\n\tmutex_lock(&lock);\n{body}{again}\tmutex_unlock(&lock);\n\treturn 0;\n}}\n"
    )
    graph = graph_of(one)
    assert graph is not None
    assert all(not each.at("held") for found in holdings(graph, lambda _: True).values() for each in found)


def test_deep_nesting_is_not_read() -> None:
    deep = "{" * 400 + "a();" + "}" * 400
    assert graph_of(function(f"int f(void)\n{{\n\t{deep}\n}}\n")) is None


def branches(number: int) -> str:
    """One failure after another, each of which gives back what was taken."""
    failures = "".join(
        f"\tret = step{at}(port);\n\tif (ret)\n\t\tgoto out;\n\tport->value{at} = ret;\n"
        for at in range(number)
    )
    return (
        "int f(struct port *port)\n{\n\tint ret;\n\n\tmutex_lock(&port->lock);\n"
        f"{failures}out:\n\tmutex_unlock(&port->lock);\n\treturn ret;\n}}\n"
    )


def correlated(number: int) -> str:
    """Conditions that have nothing to do with each other, all of which are asked for again at the end."""
    first = "".join(f"\tif (port->a{at})\n\t\tstart{at}(port);\n" for at in range(number))
    again = "".join(f"\tif (port->a{at})\n\t\tstop{at}(port);\n" for at in range(number))
    locked = f"\tmutex_lock(&port->lock);\n{first}{again}\tmutex_unlock(&port->lock);\n"
    return f"void f(struct port *port)\n{{\n{locked}}}\n"


def nested(number: int) -> str:
    """One condition inside of another."""
    deep = "".join(f"if (port->a{at}) {{ use{at}(port); " for at in range(number))
    return (
        "void f(struct port *port)\n{\n\tmutex_lock(&port->lock);\n\t"
        f"{deep}{'}' * number}\n\tmutex_unlock(&port->lock);\n}}\n"
    )


def steps(text: str) -> int:
    """The steps that it takes to follow the lock of a function."""
    graph = graph_of(function(text))
    assert graph is not None
    (resource,) = [each for each in resources(graph) if each.key == "&port->lock"]
    walk = ways_of(graph).walk(Follower(graph, resource))
    assert walk.complete
    return walk.steps


@pytest.mark.parametrize("shape", [branches, correlated, nested])
def test_the_steps_of_a_walk_grow_with_the_function_only(shape: Callable[[int], str]) -> None:
    small, large = 15, 60
    assert steps(shape(large)) <= 1.3 * (large / small) * steps(shape(small))


def undone(number: int) -> str:
    """Steps that are undone one after the other, each by the opposite of its name."""
    starts = (f"\ta{at}_start(port);\n\tif (g(port))\n\t\tgoto out{at};\n" for at in range(number))
    stops = (f"out{at}:\n\ta{at}_stop(port);\n" for at in reversed(range(number)))
    return f"int f(struct port *port)\n{{\n{''.join((*starts, *stops))}\treturn 0;\n}}\n"


def steps_of_first(text: str) -> int:
    graph = graph_of(function(text))
    assert graph is not None
    (resource,) = [each for each in resources(graph) if each.row.calls.keys() == {"a0_start"}]
    walk = ways_of(graph).walk(Follower(graph, resource))
    assert walk.complete
    assert {each.token.state for each in walk.exits} == {GIVEN}
    return walk.steps


def test_the_ways_to_a_step_that_is_undone_grow_with_the_function_only() -> None:
    small, large = 15, 60
    assert steps_of_first(undone(large)) <= 1.3 * (large / small) * steps_of_first(undone(small))


def test_calls_that_may_have_kept_it_are_told_apart_until_they_are_many() -> None:
    first = Taken(GONE, frozenset(("port",)), via="a_stop(port)")
    second = first.kept_by("b_stop(port)")
    assert not second.is_kept_as(first)
    assert second.is_kept_as(first.kept_by("b_stop(port)"))
    assert second.kept_by("a_stop(port)") == second
    third, other = second.kept_by("c_stop(port)"), second.kept_by("d_stop(port)")
    assert third.is_kept_as(third) and not third.is_kept_as(other)
    assert third.kept_by("d_stop(port)") == other.kept_by("c_stop(port)") == third.kept_by("e_stop(port)")
    assert not third.kept_by("d_stop(port)").is_kept_as(third.kept_by("d_stop(port)"))


def test_sets_of_calls_that_may_have_kept_it_are_told_apart_until_they_are_many() -> None:
    keepers = Keepers()
    sets = [f"a{at}_stop(port)" for at in range(MOST_SETS + 2)]
    told = [keepers.told(each) for each in sets]
    assert told[:MOST_SETS] == sets[:MOST_SETS] and set(told[MOST_SETS:]) == {MANY}
    assert keepers.told(sets[0]) == sets[0]


@pytest.mark.parametrize(("conditions", "coarse"), [(10, False), (60, True)])
def test_so_much_is_known_of_a_way_and_no_more(conditions: int, coarse: bool) -> None:
    graph = graph_of(function(correlated(conditions)))
    assert graph is not None
    walk = ways_of(graph).walk(Client())
    assert all(len(each.facts) <= MAX_FACTS for each in walk.exits)
    assert all(each.coarse for each in walk.exits) == coarse


def locked(number: int) -> str:
    """Locks of their own that are taken where conditions hold, and never given back."""
    body = "".join(f"\tif (port->a{at})\n\t\tmutex_lock(&port->lock{at});\n" for at in range(number))
    return f"void f(struct port *port)\n{{\n{body}}}\n"


@pytest.mark.parametrize("shape", [branches, correlated, nested, locked])
def test_so_do_those_of_the_state_of_locks(shape: Callable[[int], str]) -> None:
    def taken(number: int) -> int:
        graph = graph_of(function(shape(number)))
        assert graph is not None
        walk = JoinedWalk(ways_of(graph), Running(UNKNOWN, None))
        assert walk.complete
        return walk.steps

    small, large = 15, 60
    assert taken(large) <= 1.3 * (large / small) * taken(small)


def test_a_way_that_never_ends_is_no_rung() -> None:
    graph = graph_of(
        function("void f(int n)\n{\n\tif (n)\n\t\tfor (;;)\n\t\t\tcpu_relax();\n\tstop(n);\n\treturn;\n}\n")
    )
    assert graph is not None
    assert [each.leave != each.go_on for each in Ladder(graph).rungs] == [True]
    assert all("stop(n)" in each.gives for each in Ladder(graph).rungs)
