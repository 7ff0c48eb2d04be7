"""What is remembered of one test says of another what reading and searching it anew would."""

import re

import pytest
from patchscan.lkmm.answers.running import execution
from patchscan.lkmm.dialect import parser
from patchscan.lkmm.dialect.litmus_syntax import Litmus, LitmusError
from patchscan.lkmm.dialect.parser import parse
from patchscan.lkmm.solving.unfold import unfold
from patchscan.model.verdicts.gate import execute, limits, shown

from tests.lkmm.programs import program

SEEDS = range(3000, 3060)
CALL = re.compile(r"\b([a-z]\w+|[A-Z_]{2,})\(")


def anew(text: str) -> Litmus:
    """The test, read by a reader that remembers nothing."""
    parser._FUNCTIONS.clear()
    return parse(text)


def variants(text: str) -> list[str]:
    """The test, and others that have functions of it: on other lines, and behind a thread that does more."""
    longer = re.sub(r"^P0\((.*)\)\s*\{\n", r"P0(\1)\n{ smp_mb();\n", text, count=1, flags=re.M)
    return [text, text.replace("\nP0(", "\n\n\nP0(", 1), longer, text]


def test_functions_that_were_read_are_read_alike() -> None:
    remembered = 0
    for seed in SEEDS:
        parser._FUNCTIONS.clear()
        for text in variants(program(seed)):
            before = len(parser._FUNCTIONS)
            litmus = parse(text)
            remembered += len(parser._FUNCTIONS) - before < len(litmus.threads)
            unfolded = repr(unfold(litmus))
            assert litmus.functions == {name for name in CALL.findall(text) if name not in ("if", "while")}
            known = dict(parser._FUNCTIONS)
            again = anew(text)
            assert (repr(litmus), litmus.functions) == (repr(again), again.functions)
            assert unfolded == repr(unfold(again))
            parser._FUNCTIONS.update(known)
    assert remembered > len(SEEDS)


@pytest.mark.parametrize(
    "body",
    [
        "\tWRITE_ONCE(*x, 1);\n}\n\tWRITE_ONCE(*x, 2);\n}",
        "\tif (1) {\n\tWRITE_ONCE(*x, 1);\n}\n}",
        "\tWRITE_ONCE(*x, 1); }",
    ],
)
def test_a_function_ends_where_its_brackets_do(body: str) -> None:
    """A bracket at the start of a line may end less than a function, or more."""
    text = (
        f"C t\n{{}}\nP0(int *x)\n{{\n{body}\nP1(int *x)\n{{\n\tint r0 = READ_ONCE(*x);\n}}\nexists (1:r0=1)\n"
    )
    said = []
    for _ in range(2):
        try:
            said.append(repr(parse(text)))
        except LitmusError as error:
            said.append(str(error))
    try:
        expected = repr(anew(text))
    except LitmusError as error:
        expected = str(error)
    assert said == [expected, expected]


def numbered(text: str, step: int) -> str:
    """The test's question alone, and its registers with other numbers: in the same order where the step is positive."""
    alone = re.sub(r"^(locations|filter)\b.*\n", "", text, flags=re.M)
    return re.sub(r"\br(\d+)\b", lambda found: f"r{50 + step * int(found[1])}", alone)


def test_an_execution_that_was_found_is_the_one_that_is_searched() -> None:
    same = 0
    for seed in SEEDS:
        for text in (numbered(program(seed), 1), numbered(program(seed), -1)):
            answer = execute(text)
            assert answer.witness is None
            if answer.held:
                test = parse(text)
                found = shown(text, test)
                if found is not None:
                    assert repr(found) == repr(execution(test, limits()))
                    same += 1
    assert same > len(SEEDS) // 3


ORDERED = (
    "C t\n{{}}\nP0(int *x, int *y)\n{{\n\tint {0} = READ_ONCE(*x);\n\tint {1} = READ_ONCE(*y);\n}}\n"
    + (
        "P1(int *x, int *y)\n{{\n\tWRITE_ONCE(*x, 1);\n\tWRITE_ONCE(*y, 1);\n}}\nexists (0:{0}=1 /\\ 0:{1}=0)\n"
    )
)


def test_an_execution_is_not_taken_where_the_search_might_go_another_way() -> None:
    """Registers of the final state in another order, what is no register, statements on other lines."""
    asked = {text: execute(text).held for text in (ORDERED.format("r3", "r4"), ORDERED.format("r10", "r9"))}
    assert all(asked.values())
    kept = [shown(text, parse(text)) is not None for text in (*asked, ORDERED.format("r9", "r10"))]
    assert kept == [True, True, False]
    shared = ORDERED.format("r3", "r4").replace("*x", "*r0")
    broad = ORDERED.format("r3", "r4").replace("{}", "/* on\nmore lines */\n{}")
    for text in (shared, broad):
        assert execute(text).held and shown(text, parse(text)) is None
