"""Bodies taken again (patchscan.model.lowering.replays) come to what lowering each of them comes to."""

import os
import random
from functools import cache
from pathlib import Path
from typing import Protocol

import pytest
from patchscan.codebase.code import Codebase
from patchscan.codebase.remembered import Remembered
from patchscan.codebase.sources import sources
from patchscan.kconfig.configured import Config
from patchscan.model.extraction import extract
from patchscan.model.extraction.extract import Extraction
from patchscan.model.lowering.abstract_values import Value
from patchscan.model.lowering.environment import Environment
from patchscan.model.lowering.lower_expressions import evaluate, location
from patchscan.model.lowering.lower_statements import lower_block, lower_function
from patchscan.model.lowering.lowered import Body
from patchscan.model.lowering.memory import Context, Frame, Out, Run
from patchscan.model.lowering.reach import Reach
from patchscan.model.lowering.replays import Replays
from patchscan.model.lowering.stubs import load_stubs
from patchscan.model.scenarios.one_case import extract_case
from patchscan.model.scenarios.players import with_players
from patchscan.model.scenarios.series_models import cases
from patchscan.model.scenarios.touched import shipped_scenarios
from patchscan.tree import open_tree
from patchscan.tree.overlay import View

STUBS = ("generic.c", "cpu.c", "wait.c", "free.c", "quiet.c")
TREE = Path(__file__).parents[2] / "fixtures" / "tree"
KERNEL = os.environ.get("PATCHSCAN_KERNEL_TREE", "")


class Bodies(Protocol):
    made: int

    def run(self, context: Context, frame: Frame, env: Environment, out: Out, make: Run) -> Value: ...


class Anew:
    """Lowers each body."""

    def __init__(self) -> None:
        self.made = 0

    def run(self, context: Context, frame: Frame, env: Environment, out: Out, make: Run) -> Value:
        self.made += 1
        return make(context, frame, env, out)


class Again(Replays):
    """Takes bodies again."""

    def __init__(self) -> None:
        super().__init__(1000)
        self.made = 0

    def run(self, context: Context, frame: Frame, env: Environment, out: Out, make: Run) -> Value:
        def counted(context: Context, frame: Frame, env: Environment, out: Out) -> Value:
            self.made += 1
            return make(context, frame, env, out)

        return super().run(context, frame, env, out, counted)


DECLARED = """
struct box { int full; int *inside; spinlock_t lock; struct box *next; int mood, weight; struct srcu_struct users; };
static struct box first, second;
static int mood;
static void cheer(struct box *box) { box->mood = 3; mood = 3; }
static void feed(struct box *box) { box->weight++; if (box->full) box->weight++; }
static struct box *held, *last;
static int shared, other, flag;
DEFINE_PER_CPU(int, counted);
#define STORE(p, v) do { *(p) = (v); } while (0)
static int called_back(void *p) { WRITE_ONCE(other, READ_ONCE(shared)); smp_mb(); return 1; }
static int apply(int (*fn)(void *), struct box *box) { return fn(box); }
static void on_cpu(void *info) { struct box *box = info; box->full = 2; WRITE_ONCE(flag, smp_processor_id()); }
static void later(struct rcu_head *head) { WRITE_ONCE(flag, 9); }
"""
# {} is a name, of which each helper has some of its own.
STATEMENTS = [
    "WRITE_ONCE(shared, 1);",
    "int {} = READ_ONCE(other);",
    "smp_mb();",
    "if (READ_ONCE(shared)) {{ smp_wmb(); }} else {{ other = 2; }}",
    "if (box && box->full) return number;",
    "box->full = number;",
    "*out = number + READ_ONCE(flag);",
    "if (number == 1) return 0;",
    "spin_lock(&first.lock); shared++; spin_unlock(&first.lock);",
    "spin_lock(&box->lock); box->full = 0; spin_unlock(&box->lock);",
    "unknown_call(&number);",
    "unknown_call(out);",
    "number = unknown_answer(box);",
    "int {} = cpumask_test_cpu(smp_processor_id(), &some_mask) ? 1 : 0;",
    "local_irq_disable(); WRITE_ONCE(flag, 1); local_irq_enable();",
    "while (READ_ONCE(flag) && number) {{ number--; }}",
    "for (int {} = 0; {} < number; {}++) {{ WRITE_ONCE(other, {}); }}",
    "switch (number) {{ case 0: smp_mb(); break; default: return 3; }}",
    "if (unknown_answer(box)) goto out_{};\nWRITE_ONCE(shared, 5);\nout_{}: smp_rmb();",
    "this_cpu_write(counted, number);",
    "static int kept; kept++; WRITE_ONCE(shared, kept);",
    "STORE(out, number); STORE(&number, READ_ONCE(flag));",
    "apply(called_back, box);",
    "smp_call_function_single(1, on_cpu, box, 1);",
    "rcu_read_lock(); number = READ_ONCE(other); rcu_read_unlock();",
    "call_rcu(&box->head, later);",
    "struct cpumask m{}; cpumask_copy(&m{}, &some_mask); smp_call_function_many(&m{}, on_cpu, box, 1);",
    "int c{}; for_each_online_cpu(c{}) {{ per_cpu(counted, c{}) = number; }}",
    "int old{} = cmpxchg(&shared, number, 5); if (old{} != number) return old{};",
    "again_{}: if (READ_ONCE(flag)) goto again_{};",
    "smp_cond_load_acquire(&flag, VAL == number);",
    "int *q{} = number ? out : &number; *q{} = 4;",
    "while (READ_ONCE(flag)) {{ struct box *n{} = box->next; kfree(box); box = n{}; }}",
    "do {{ if (READ_ONCE(flag)) kfree(last); last = box->next; }} while (number);",
    "cheer(box);",
    "ops.act(box);",
    "feed(box);",
    "mood = 1; box->mood = 1; box->weight = number;",
    "if (box->mood == 1 && mood == 1) smp_mb(); else if (box->weight) smp_rmb();",
    "struct box b{}; b{}.full = number; unknown_call(&b{}); b{} = *box; if (b{}.full) smp_wmb();",
    "struct box *p{} = READ_ONCE(held); int i{} = srcu_read_lock(&p{}->users); srcu_read_unlock(&p{}->users, i{});",
    "int k{} = srcu_read_lock(&first.users); number = READ_ONCE(shared); srcu_read_unlock(&first.users, k{});",
    "cpumask_var_t v{}; cpumask_copy(v{}, &some_mask); if (!cpumask_empty(v{})) unknown_call(v{});",
]
BOX = ("box", "&first", "&second", "box->next", "unknown_box()")
NUMBER = ("number", "1", "0", "READ_ONCE(flag)", "unknown_answer(box)", "shared")
OUT = ("out", "&mine", "&shared", "box->inside")


def program(seed: int) -> str:
    """Functions that call those before them, some twice and in both arms of a branch; f() calls the last ones."""
    choose = random.Random(seed)

    def call(last: int) -> str:
        given = choose.choice(BOX), choose.choice(NUMBER), choose.choice(OUT)
        return f"helper{choose.randrange(last)}({', '.join(given)})"

    def body(last: int, size: int) -> str:
        lines = ["int mine = 7;"]
        for index in range(size):
            kinds = [
                choose.choice(STATEMENTS).replace("{}", f"v{index}").replace("{{", "{").replace("}}", "}")
            ]
            if last:
                kinds += [f"number = {call(last)};", f"if ({call(last)}) {call(last)}; else {call(last)};"]
            lines.append(choose.choice(kinds))
        return "\n\t".join(lines)

    head = "(struct box *box, int number, int *out)"
    helpers = [
        f"static int helper{index}{head}\n{{\n\t{body(index, choose.randrange(1, 5))}\n\treturn number;\n}}\n"
        for index in range(5)
    ]
    return DECLARED + "\n".join([*helpers, f"int f{head}\n{{\n\t{body(5, 6)}\n\treturn mine;\n}}\n"])


def lowered(
    text: str,
    bodies: Bodies,
    keep: frozenset[str] | None,
    budget: int = 5000,
    watched: tuple[str, ...] | None = None,
) -> tuple[Body, Context]:
    code = Codebase(lambda path: text.encode() if path == "a.c" else None, (), Config({}))
    stubs = load_stubs(STUBS, code.config)
    # In a thread that is waited for nobody looks at the second round of a loop.
    effects = {"access", "fence", "wait", "open" if keep is None else "free"}
    reach = Reach(code, stubs, frozenset(effects), frozenset())
    context = Context(code, stubs, reach, 0, (0, 1), keep, {}, frozenset(), lower_block, evaluate, location)
    context.again, context.budget, context.watched = bodies.run, budget, watched
    definition = code.function("f", "a.c")
    assert definition is not None
    return lower_function(context, definition), context


def state(context: Context) -> tuple[object, ...]:
    """What else a lowering gives: numbers, statements, questions, and what it notes."""
    noted = context.accesses, context.assumptions, context.visited, context.merged, context.tables
    # Whether a call writes to a variable is asked where that is watched and there: of one that changes nothing, or not.
    asked = {key: answer for key, answer in context._asked.items() if key[0] not in ("writes", "forgotten")}
    return context.counter, context.budget, asked, noted, context.unfollowed, context.owned


WATCHED = (None, (), ("mood",), ("box.mood", "mood"), ("box.mood", "box.weight"))


@pytest.mark.parametrize("keep", [None, frozenset({"shared", "box.full", "held", "*"})])
def test_random_functions_come_to_the_same(keep: frozenset[str] | None) -> None:
    made = [0, 0]
    for seed in range(30):
        again, anew, text = Again(), Anew(), program(seed)
        # The second one is lowered with what was kept of the first.
        watch = WATCHED[seed % 5], WATCHED[seed * 2 % 5 - 1]
        for budget, watched in ((5000, None), (40, None), *((5000, each) for each in watch)):
            one, other = (lowered(text, each, keep, budget, watched) for each in (again, anew))
            assert one[0] == other[0], text
            assert state(one[1]) == state(other[1]), text
        made[0] += again.made
        made[1] += anew.made
    assert made[0] < 0.6 * made[1]


ALIKE = {
    # Inside a() what b() calls is not looked into once more.
    "callers": """
static int a(int n) { int got = READ_ONCE(shared); smp_mb(); got += 2; return b(got); }
static int b(int n) { int got = READ_ONCE(other); smp_rmb(); got += 2; return a(got); }
int f(void) { b(1); a(1); return b(1); }
""",
    "one value or two": """
static int same(int one, int two) { if (one == two) smp_mb(); else smp_rmb(); return 0; }
int f(void) { int x = READ_ONCE(shared), y = READ_ONCE(other); same(x, y); same(x, x); return same(y, y); }
""",
    "frames in another order": """
static int set(int *p, int *q) { if (READ_ONCE(shared)) { *p = 1; *q = 2; } return 0; }
static int own(int *p) { int it = 0; set(p, &it); set(p, &it); set(&it, p); WRITE_ONCE(other, it); return 0; }
int f(void) { int it = 0; own(&it); WRITE_ONCE(other, it); return it; }
""",
    "a lock that is called as a register": """
static int hold(void) { spinlock_t r99; spin_lock(&r99); smp_mb(); spin_unlock(&r99); return 0; }
int f(void) { hold(); return hold(); }
""",
    "a lock that is called as a register on one way": """
static int hold(void) { spinlock_t r99; smp_mb(); if (READ_ONCE(other)) { spin_lock(&r99); smp_mb(); } return 0; }
int f(void) { hold(); return hold(); }
""",
    "a field that was not there": """
static int reset(struct box *box) { smp_mb(); unknown_call(box); return 0; }
int f(void) { struct box mine; reset(&mine); reset(&mine); mine.full = 1; reset(&mine);
    WRITE_ONCE(shared, mine.full); return 0; }
""",
    "a field that was not there two calls above": """
static int reset(struct box *box) { smp_mb(); unknown_call(box); return 0; }
static int wrap(struct box *box, int n) { if (n == 2) smp_mb(); smp_rmb(); reset(box); return 0; }
int f(void) { struct box mine; reset(&mine); wrap(&mine, 1); wrap(&mine, 2); mine.full = 1; wrap(&mine, 2);
    WRITE_ONCE(shared, mine.full); return 0; }
""",
    "a later round in a later round": """
static int drop(void) { do { if (READ_ONCE(other)) kfree(last); last = READ_ONCE(shared); } while (1); return 0; }
int f(struct box *box) { while (READ_ONCE(other)) { drop(); kfree(box); box = box->next; } drop(); return drop(); }
""",
    "a member that was not there": """
static int fill(struct box *it) { smp_mb(); it->mood = 3; return 0; }
int f(struct box *box) { struct box mine; mine.mood = 1; last = &mine; flag = 1; fill(&mine); box->mood = 1;
    fill(&mine); WRITE_ONCE(shared, box->mood); return 0; }
""",
    "a number that was not there": """
static int turn(int n) { smp_mb(); while (READ_ONCE(other)) { last->weight = n; last->weight++; } return 0; }
int f(int n) { turn(n); turn(n); first.weight = 1; turn(n); WRITE_ONCE(shared, first.weight); return 0; }
""",
    "a call of anything": """
static int act(struct box *box) { smp_mb(); ops.act(box); return 0; }
int f(struct box *box) { box->mood = 1; act(box); WRITE_ONCE(shared, box->mood); return 0; }
""",
    "interrupts": """
static int on(void) { if (irqs_disabled()) smp_mb(); else smp_rmb(); return 0; }
int f(void) { on(); local_irq_disable(); on(); local_irq_enable(); return on(); }
""",
}


@pytest.mark.parametrize("name", ALIKE)
def test_calls_that_are_nearly_alike(name: str) -> None:
    again, anew, text = Again(), Anew(), DECLARED + ALIKE[name]
    for watched in (None, None, (), ("box.mood",), ()):
        one, other = (
            lowered(text, each, frozenset({"shared", "other"}), watched=watched) for each in (again, anew)
        )
        assert one[0] == other[0] and state(one[1]) == state(other[1])


def of_scenarios(
    tree: str, bodies: type[Bodies], names: frozenset[str]
) -> tuple[list[Extraction | None], int]:
    """The threads of the scenarios in a tree."""
    made: list[Bodies] = []

    @cache
    def replays(made_of: object) -> Bodies:
        made.append(bodies())
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extract, "_replays", replays)
        patch.setattr(extract, "_LOWERED", Remembered(1000, everything=False))
        opened = open_tree(tree)
        at = sources((), View(opened, {}))
        found = [
            extract_case(scenario, functions, column, at)[0]
            for scenario in (with_players(each, (), at.read) for each in shipped_scenarios())
            if not scenario.is_shape and (not names or scenario.name in names)
            for functions in cases(scenario)
            for column in scenario.columns
        ]
    return found, sum(each.made for each in made)


@pytest.mark.parametrize(
    ("tree", "names"),
    [
        (str(TREE), frozenset()),
        pytest.param(
            KERNEL,
            frozenset({"page-table-walk-against-freeing", "secondary-tlb"}),
            marks=pytest.mark.skipif(not KERNEL, reason="needs PATCHSCAN_KERNEL_TREE"),
        ),
    ],
)
def test_the_threads_of_scenarios_are_the_same(tree: str, names: frozenset[str]) -> None:
    (again, fewer), (anew, more) = of_scenarios(tree, Again, names), of_scenarios(tree, Anew, names)
    assert again == anew and any(each is not None for each in again)
    assert [each and each.answers.keys() for each in again] == [each and each.answers.keys() for each in anew]
    assert fewer < more or not names
