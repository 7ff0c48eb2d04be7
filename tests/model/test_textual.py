"""Names that macros give another meaning, text that comes apart, and locks of which one of many is taken.

Each verdict was reasoned first: a macro is text, and which text it is depends on where it stands.
"""

import pytest

from tests.model.test_attacks import BROADCAST, Attack, check

STOP = f"static int stop(void) {{ {BROADCAST} return 0; }}"
NOTHING = "static int nothing(void) { return 0; }"
LOCKS = "extern spinlock_t locks[8];"
POOL = "struct bucket { spinlock_t lock; };"


def named(expected: str, helpers: str, call: str = BROADCAST, beside: str = "") -> Attack:
    return Attack(expected, call, helpers=helpers, beside=beside)


REPLACED = {
    "by nothing": named("unsure", "#define smp_call_function"),
    "by nothing, under a condition": named("unsure", "#ifdef FAST\n#define smp_call_function\n#endif"),
    "by nothing, as a call": named("unsure", "#ifdef FAST\n#define smp_call_function(f, a, w)\n#endif"),
    "by another": named(
        "unsure", "#define smp_call_function nothing\nstatic void nothing(void *f, void *a, int w) { }"
    ),
    "beside it": named("unsure", "", beside="#ifdef FAST\n#define smp_call_function(f, a, w)\n#endif\n"),
    "by itself": named("safe", "#define smp_call_function smp_call_function"),
    "another name": named("safe", "#ifdef FAST\n#define smp_call(f, a, w)\n#endif"),
}
BELOW = {
    "a macro": named("unsure", f"{STOP}\n#define stop() 0", "stop();"),
    "a macro of statements": named("unsure", f"{STOP}\n#define stop() do {{ }} while (0)", "stop();"),
    "a macro without parameters": named("unsure", f"{STOP}\n{NOTHING}\n#define stop nothing", "stop();"),
    "in a header": named(
        "unsure",
        "",
        "stop();",
        f"static inline int stop(void)\n{{\n{BROADCAST}\nreturn 0;\n}}\n#define stop() 0\n",
    ),
    "itself": named("safe", f"{STOP}\n#define stop stop", "stop();"),
    "a way to call it": named("safe", f"{STOP}\n#define stop() stop()", "stop();"),
    "above it, and gone": named("safe", f"#define stop() 0\n#undef stop\n{STOP}", "stop();"),
}


def summed(expected: str, helpers: str, name: str = "SUM") -> Attack:
    """Nobody waits where a sum and its negation both hold, as !1 + 2 and 1 + 2 do."""
    wait = f"if ({name}) {{ }} else {BROADCAST} if (!{name}) {{ }} else {BROADCAST}"
    return Attack(expected, wait, helpers=helpers)


APART = {
    "a sum": summed("unsure", "#define SUM 1 + 2"),
    "a sum by a small name": summed("unsure", "#define sum 1 + 2", "sum"),
    "a sum with a variable": summed("unsure", "static int a;\n#define SUM a + 2"),
    "a sum with a call": summed("unsure", "static int get(void) { return 1; }\n#define SUM get() + 2"),
    "a sum, shown": Attack(
        "unsure", f"if (2 * SUM == 6) {BROADCAST}", helpers="#define SUM 1 + 2", says="parse: SUM"
    ),
    "a sum in parentheses": summed("safe", "#define SUM (1 + 2)"),
    "a number below nothing": summed("safe", "#define SUM -1"),
    "a member": summed("safe", "static struct mm_struct *m;\n#define SUM m->users"),
}


def locked(expected: str, one: str, other: str, helpers: str = LOCKS) -> Attack:
    """An updater that takes and gives one lock, against a walker that holds another."""
    return Attack(
        expected,
        f"spin_lock({one}); spin_unlock({one});",
        begin=f"spin_lock({other});",
        end=f"spin_unlock({other});",
        helpers=helpers,
        walker=helpers,
    )


ELEMENTS = {
    "by what is hashed": locked("unsure", "&locks[hash(mm)]", "&locks[hash(addr)]"),
    "by one number and what is hashed": locked("unsure", "&locks[3]", "&locks[hash(addr)]"),
    "of a pool": locked(
        "unsure",
        "&pool[hash(mm)].lock",
        "&pool[hash(addr)].lock",
        f"{POOL} extern struct bucket pool[3];",
    ),
    "by one number": locked("safe", "&locks[3]", "&locks[3]"),
    "of no array": locked("safe", "&walk_lock", "&walk_lock"),
}


@pytest.mark.parametrize("name", REPLACED)
def test_names_that_a_macro_replaces(name: str) -> None:
    check(REPLACED[name])


@pytest.mark.parametrize("name", BELOW)
def test_macros_below_a_function_of_their_name(name: str) -> None:
    check(BELOW[name])


@pytest.mark.parametrize("name", APART)
def test_text_that_comes_apart(name: str) -> None:
    check(APART[name])


@pytest.mark.parametrize("name", ELEMENTS)
def test_which_lock_of_an_array(name: str) -> None:
    check(ELEMENTS[name])
