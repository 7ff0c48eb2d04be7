"""What was lowered for one scenario is taken again for another one only where that is told the same."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from patchscan.basics.record import replace
from patchscan.codebase.code import Codebase
from patchscan.codebase.remembered import Remembered
from patchscan.kconfig.configured import Config
from patchscan.model.extraction import extract
from patchscan.model.lowering.replays import Replays
from patchscan.model.lowering.stubs import load_stubs
from patchscan.model.scenarios.scenario import DEFAULT_STUBS, Atom, Role, Scenario

CODE = b"""
struct box { int full; struct mm_struct *mm; };
static int shared, flag;
DEFINE_PER_CPU(int, counted);
static int one(void) { WRITE_ONCE(shared, 1); return 1; }
static int two(void) { WRITE_ONCE(shared, 2); return 2; }
static int three(void) { int n = unknown_count(); n += 2; if (n > 4) { WRITE_ONCE(flag, 3); n--; } return n; }
static int four(void) { int n = 3; n += 1; return n; }
static void inside(void)
{
    int n = 0;
    rcu_read_lock();
    a_function_with_a_long_name_that_is_not_there(); a_function_with_a_long_name_that_is_not_there();
    a_function_with_a_long_name_that_is_not_there(); a_function_with_a_long_name_that_is_not_there();
    a_function_with_a_long_name_that_is_not_there(); a_function_with_a_long_name_that_is_not_there();
    rcu_read_unlock();
}
static int inner(struct box *box)
{
    int cpu;
    if (IS_ENABLED(CONFIG_SOME)) WRITE_ONCE(flag, 1);
    if (READ_ONCE(flag)) WRITE_ONCE(flag, CHOSEN);
    ops.go();
    if (three()) smp_mb();
    for_each_online_cpu(cpu) per_cpu(counted, cpu) = 1;
    for_each_cpu(cpu, mm_cpumask(box->mm)) WRITE_ONCE(flag, 7);
    WRITE_ONCE(flag, four());
    box->full = 4;
    inside();
    wait_event(queue, READ_ONCE(flag));
    synchronize_rcu();
    return READ_ONCE(shared);
}
int updates(struct box *box) { return inner(box); }
int reads(struct box *box) { return READ_ONCE(shared) + READ_ONCE(flag); }
int last(void) { smp_mb(); WRITE_ONCE(flag, 9); return 0; }
"""
READER = Role("reader", (("reads", "a.c"),), {}, 0, {})
UPDATER = Role("updater", (("updates", "a.c"),), {}, 1, {})
SCENARIO = Scenario(
    name="some",
    why="",
    source="",
    when=(),
    roles=(READER, UPDATER),
    bad=(Atom("reader", "0", False, "shared"),),
    init={},
    files=(),
    stubs=DEFAULT_STUBS,
    look_into=frozenset(),
    keep=frozenset({"shared", "flag"}),
    config={},
    columns={},
    choices={},
    doubt={},
    rule="",
    anchor="",
    assumptions=(),
)
SPACE = "struct mm_struct *"


def played(**changes: Any) -> Scenario:
    """The scenario with another updater."""
    return replace(SCENARIO, roles=(READER, replace(UPDATER, **changes)))


BOX = replace(SCENARIO, keep=frozenset({"shared", "flag", "box.full"}))
X86 = {"ARCH_X86": 1}
OTHERS: Mapping[str, Scenario] = {
    "configuration": replace(SCENARIO, config={"CONFIG_SOME": 1}),
    "architecture": replace(played(instances={SPACE: 1}), config=X86),
    "no architecture": played(instances={SPACE: 1}),
    "address spaces": replace(
        SCENARIO,
        roles=(replace(READER, instances={SPACE: 1}), replace(UPDATER, instances={SPACE: 1})),
        config=X86,
    ),
    "choices": replace(SCENARIO, choices={"CHOSEN": 5}),
    "table": replace(SCENARIO, given={"go": ("one", "a.c")}),
    "other table": replace(SCENARIO, given={"go": ("two", "a.c")}),
    "CPUs": replace(SCENARIO, roles=(READER, UPDATER, replace(READER, name="third", cpu=2))),
    "instances": played(instances={"struct box *": 1}),
    "CPU": played(cpu=2),
    "own": played(own={"shared": "shared@1"}),
    "after": played(after=("rcu_read_lock", "stubs/generic.c")),
    "stubs": replace(SCENARIO, stubs=("generic.c", "cpu.c", "quiet.c")),
    "looked into": replace(SCENARIO, look_into=frozenset({"four"})),
    "kept": BOX,
    "marked": replace(BOX, marked=frozenset({"box.full"})),
    "observer": replace(SCENARIO, bad=(Atom("updater", "0", False, "shared"),)),
}


@pytest.fixture
def memos() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def anew(patch: pytest.MonkeyPatch) -> None:
    """Forget all that was lowered."""
    patch.setattr(extract, "_replays", cache(lambda made_of: Replays(1000)))
    patch.setattr(extract, "_LOWERED", Remembered(1000, everything=False))


def code_of(config: Config, text: bytes = CODE) -> Codebase:
    return Codebase(lambda path: text if path == "a.c" else None, (), config)


def threads(scenario: Scenario, code: Codebase) -> object:
    functions = tuple(role.functions[0] for role in scenario.roles)
    found = extract.extract(scenario, functions, code, load_stubs(scenario.stubs, code.config))
    assert found is not None
    return found.threads, found.visited, found.assumptions, found.tables, found.merged, found.answers.keys()


def alone(scenario: Scenario, patch: pytest.MonkeyPatch) -> object:
    anew(patch)
    return threads(scenario, code_of(Config(scenario.config)))


# By name what differs in one thing from another, from the first scenario where nothing stands beside it.
BESIDE = {"marked": "kept", "no architecture": "architecture", "address spaces": "architecture"}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("same_code", [True, False])
def test_another_scenario_is_lowered_as_if_it_were_alone(
    name: str, same_code: bool, memos: pytest.MonkeyPatch
) -> None:
    first = OTHERS[BESIDE[name]] if name in BESIDE else SCENARIO
    codes: dict[Config, Codebase] = {}

    def code(scenario: Scenario) -> Codebase:
        config = Config(scenario.config)
        return codes.setdefault(config, code_of(config)) if same_code else code_of(config)

    for one, other in ((first, OTHERS[name]), (OTHERS[name], first)):
        expected = alone(one, memos), alone(other, memos)
        assert expected[0] != expected[1]
        anew(memos)
        assert (threads(one, code(one)), threads(other, code(other)), threads(one, code(one))) == (
            *expected,
            expected[0],
        )


def test_each_of_many_scenarios_is_lowered_as_if_it_were_alone(memos: pytest.MonkeyPatch) -> None:
    expected = [alone(each, memos) for each in OTHERS.values()]
    anew(memos)
    codes = [code_of(Config(each.config)) for each in OTHERS.values()]
    for _ in range(2):
        assert [threads(each, code) for each, code in zip(OTHERS.values(), codes, strict=True)] == expected


def test_what_no_function_asks_for_makes_no_difference(memos: pytest.MonkeyPatch) -> None:
    """A configuration with another symbol, and a choice of a name that does not occur: nothing is lowered again."""
    anew(memos)
    threads(SCENARIO, code_of(Config({})))
    lowered: list[object] = []
    memos.setattr(extract, "lower_function", lambda context, definition: lowered.append(definition))
    other = replace(SCENARIO, choices={"ABSENT": 1}, config={"CONFIG_ABSENT": 1})
    threads(other, code_of(Config(other.config)))
    assert not lowered


def test_who_observes_is_asked_though_no_function_tells(memos: pytest.MonkeyPatch) -> None:
    """What is stored in another variable may be used from there, which matters of who does not read what is bad."""
    text = b"""
static struct box *held;
static struct box *copied;
int updates(void) { copied = READ_ONCE(held); return 0; }
int reads(void) { return READ_ONCE(held) != 0; }
"""
    keep = frozenset({"held"})
    one = replace(SCENARIO, keep=keep, bad=(Atom("reader", "0", False, "held"),))
    other = replace(one, bad=(Atom("updater", "0", False, "held"),))
    expected = []
    for each in (one, other):
        anew(memos)
        expected.append(threads(each, code_of(Config({}), text)))
    anew(memos)
    assert expected[0] != expected[1]
    assert [threads(each, code_of(Config({}), text)) for each in (one, other)] == expected


@pytest.mark.parametrize("known", [True, False])
def test_who_decides_by_what_a_call_changes_is_asked(known: bool, memos: pytest.MonkeyPatch) -> None:
    """A number is forgotten behind a call that may write to it only where some thread decides by it."""
    feeds = (
        b"static void feed(struct box *box) { box->full = 2; if (box->mm) box->full = 3; }" if known else b""
    )
    text = (
        b"""
struct box { int full; struct mm_struct *mm; };
static int shared, flag;
%b
int updates(struct box *box) { box->full = 1; feed(box); WRITE_ONCE(flag, box->full); return 0; }
int reads(struct box *box) { return READ_ONCE(shared); }
int decides(struct box *box) { return box->full ? READ_ONCE(shared) : 0; }
"""
        % feeds
    )
    other = replace(SCENARIO, roles=(replace(READER, functions=(("decides", "a.c"),)), UPDATER))
    expected = []
    for each in (SCENARIO, other):
        anew(memos)
        expected.append(threads(each, code_of(Config({}), text)))
    for one, two, same_code in ((0, 1, False), (1, 0, False), (0, 1, True), (1, 0, True)):
        anew(memos)
        code = code_of(Config({}), text)
        again = code if same_code else code_of(Config({}), text)
        found = threads((SCENARIO, other)[one], code), threads((SCENARIO, other)[two], again)
        assert found == (expected[one], expected[two])
    assert repr(expected[0]).count("Const(number=1)") != repr(expected[1]).count("Const(number=1)")
