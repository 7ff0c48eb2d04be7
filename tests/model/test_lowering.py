"""C to events: each construct on a few lines of C, as the litmus text that comes of it."""

import re
from pathlib import Path

import pytest
from patchscan.codebase.assembly import as_c
from patchscan.codebase.code import Codebase
from patchscan.codebase.conditionals import evaluate, plain_text
from patchscan.codebase.definition import number
from patchscan.kconfig.configured import Config, read_defconfig, read_selects
from patchscan.lkmm import run
from patchscan.model.extraction.clean import clean
from patchscan.model.extraction.slice import relevant_domains, without_holes
from patchscan.model.extraction.variants import _conditional
from patchscan.model.lowering.lower_expressions import evaluate as value_of
from patchscan.model.lowering.lower_expressions import location
from patchscan.model.lowering.lower_statements import lower_block, lower_function
from patchscan.model.lowering.lowered import Choice, Hole, Open, Place, Read, Thread, walk
from patchscan.model.lowering.memory import Context
from patchscan.model.lowering.reach import Reach
from patchscan.model.lowering.stubs import load_stubs
from patchscan.model.scenarios.scenario import load_scenarios, read_scenarios
from patchscan.model.verdicts.checks import context_faults
from patchscan.model.verdicts.litmus import write_litmus
from patchscan.model.verdicts.litmus_threads import comment

STUBS = ("generic.c", "cpu.c", "wait.c", "quiet.c")


def thread(body: str, cpu: int = 0, extra: str = "") -> Thread:
    """The thread of `void f(void) { body }`, everything kept."""
    text = f"{extra}\nvoid f(void)\n{{\n{body}\n}}\n".encode()
    code = Codebase(lambda path: text if path == "a.c" else None, (), Config({}))
    stubs = load_stubs(STUBS, code.config)
    reach = Reach(code, stubs, frozenset({"access", "fence", "wait", "open"}), frozenset())
    context = Context(code, stubs, reach, cpu, (0, 1), None, {}, frozenset(), lower_block, value_of, location)
    definition = code.function("f", "a.c")
    assert definition is not None
    return Thread("r", "f", cpu, lower_function(context, definition))


def litmus_lines(body: str, extra: str = "") -> list[str]:
    """The statements of the function as a litmus test writes them, registers renamed in order."""
    one = thread(body, extra=extra)
    kept = clean(without_holes(one.body), frozenset(registers(one)))
    text = write_litmus("t", [Thread("r", "f", 0, _conditional(kept))], {}, "0:r0=0")
    body_text = text[text.index("P0(") : text.index("exists")]
    lines = [re.sub(r"\s*/\*.*?\*/", "", line).strip() for line in body_text.splitlines()[2:-1]]
    wanted = [line for line in lines if line and not re.match(r"int \*?[\w]+;$", line) and line != "}"]
    names: dict[str, str] = {}
    rename = re.compile(r"\b[rv]\d+\b")
    return [rename.sub(lambda m: names.setdefault(m.group(), f"r{len(names)}"), line) for line in wanted]


def registers(one: Thread) -> set[str]:
    return {event.register.name for event in walk(one.body) if hasattr(event, "register")}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("WRITE_ONCE(x, 1); smp_mb(); READ_ONCE(y);", ["WRITE_ONCE(*x, 1);", "smp_mb();", "r0 = READ_ONCE(*y);"]),
        ("smp_store_release(&x, 2);", ["smp_store_release(x, 2);"]),
        ("xchg(&x, 1);", ["r0 = xchg(x, 1);"]),
        ("cmpxchg_acquire(&x, 0, 1);", ["r0 = cmpxchg_acquire(x, 0, 1);"]),
        ("set_bit(3, &x); clear_bit_unlock(0, &x);",
         ["atomic_or(8, x);", "r0 = atomic_fetch_andnot_release(1, x);"]),
        ("atomic_inc(&v); atomic_dec_return(&v);", ["atomic_add(1, v);", "r0 = atomic_fetch_sub(1, v);"]),
        ("if (READ_ONCE(x)) return; WRITE_ONCE(y, 1);",
         ["r0 = READ_ONCE(*x);", "if ((r0 == 0)) {", "WRITE_ONCE(*y, 1);"]),
        ("if (READ_ONCE(x)) goto out; WRITE_ONCE(y, 1); out: WRITE_ONCE(z, 1);",
         ["r0 = READ_ONCE(*x);", "if ((r0 != 0)) {", "WRITE_ONCE(*z, 1);", "} else {", "WRITE_ONCE(*y, 1);",
          "WRITE_ONCE(*z, 1);"]),
        ("if (READ_ONCE(x) && READ_ONCE(y)) WRITE_ONCE(z, 1);",
         ["r0 = READ_ONCE(*x);", "if ((r0 != 0)) {", "r1 = READ_ONCE(*y);", "r2 = (r1 != 0);", "} else {", "r2 = 0;",
          "if ((r2 != 0)) {", "WRITE_ONCE(*z, 1);"]),
        ("WRITE_ONCE(x, READ_ONCE(y) ? 3 : 4);",
         ["r0 = READ_ONCE(*y);", "if ((r0 != 0)) {", "r1 = 3;", "} else {", "r1 = 4;", "WRITE_ONCE(*x, r1);"]),
        ("switch (READ_ONCE(x)) { case 1: WRITE_ONCE(y, 1); break; default: WRITE_ONCE(y, 2); }",
         ["r0 = READ_ONCE(*x);", "if ((r0 == 1)) {", "WRITE_ONCE(*y, 1);", "} else {", "WRITE_ONCE(*y, 2);"]),
        ("this_cpu_write(flag, 1);", ["WRITE_ONCE(*flag_0, 1);"]),
        ("int one = 1, *p = &one; *p = 010; WRITE_ONCE(x, one);", ["WRITE_ONCE(*x, 8);"]),
        ("rcu_read_lock(); READ_ONCE(x); rcu_read_unlock(); synchronize_rcu();",
         ["rcu_read_lock();", "r0 = READ_ONCE(*x);", "rcu_read_unlock();", "synchronize_rcu();"]),
        ("while (READ_ONCE(x)) cpu_relax(); WRITE_ONCE(y, 1);",
         ["r0 = READ_ONCE(*x);", "if ((r0 == 0)) {", "WRITE_ONCE(*y, 1);"]),
    ],
)  # fmt: skip
def test_statements(body: str, expected: list[str]) -> None:
    assert litmus_lines(body) == expected


def test_a_callback_sees_what_it_is_given() -> None:
    extra = "static bool wanted(int cpu, void *info) { return READ_ONCE(per_cpu(flag, cpu)) == 1; }"
    lines = litmus_lines("on_each_cpu_cond(wanted, NULL, NULL, 1);", extra)
    assert lines[:3] == ["r0 = READ_ONCE(*flag_0);", "r1 = READ_ONCE(*flag_1);", "if ((r1 == 1)) {"]
    assert "synchronize_srcu(irq1);" in lines


def test_what_a_pointer_s_function_says_is_set_elsewhere() -> None:
    """Also behind a function of ours that asks it: its choice is one that a scenario's doubt can settle."""
    asks = "static bool known(void)\n{\n\tif (READ_ONCE(y))\n\t\treturn ops.known();\n\treturn false;\n}\n"
    body = thread("if (known()) WRITE_ONCE(x, 1);", extra=asks).body
    keys = [event.key for event in walk(body) if isinstance(event, Choice) and event.place.function == "f"]
    assert keys and all(re.search(r"serial='m\d", key) for key in keys)


def test_irqs_are_a_flag_and_rcu_is_a_count() -> None:
    nested = "unsigned long a, b; local_irq_save(a); local_irq_save(b); READ_ONCE(x); local_irq_restore(b); \
        READ_ONCE(y); local_irq_restore(a);"
    lines = [line for line in litmus_lines(nested) if "irq0" in line]
    assert lines == ["i_irq0 = srcu_read_lock(irq0);", "srcu_read_unlock(irq0, i_irq0);"]
    early = "unsigned long a; local_irq_save(a); local_irq_disable(); local_irq_enable(); READ_ONCE(y);"
    assert litmus_lines(early)[-1] == "r0 = READ_ONCE(*y);"


def test_what_is_not_followed_is_a_hole() -> None:
    body = thread("again: if (READ_ONCE(x)) goto again; ops->run(1);").body
    kinds = {hole.kind for hole in walk(body) if isinstance(hole, Hole)}
    assert kinds == {"goto", "indirect call"}


def test_sleeping_and_waiting_in_the_wrong_place() -> None:
    asleep = context_faults([thread("spin_lock(&l); synchronize_rcu(); spin_unlock(&l);")])
    assert any("sleeps while l is held" in fault for fault in asleep)
    faults = context_faults([thread("local_irq_disable(); smp_call_function(f2, NULL, 1);")])
    assert any(fault.startswith("deadlock") for fault in faults)
    assert not context_faults([thread("synchronize_rcu(); smp_call_function(f2, NULL, 1);")])


def test_two_targets_of_one_ipi_are_not_ordered_among_themselves() -> None:
    """The second CPU's section may begin after its own IPI was served and before the first CPU's ends."""
    updater = thread("WRITE_ONCE(x, 1); on_each_cpu(NULL, NULL, 1); WRITE_ONCE(z, 1);", cpu=2)
    bodies = ("READ_ONCE(x); WRITE_ONCE(a, 1);", "READ_ONCE(a); READ_ONCE(z);")
    readers = [
        thread(f"unsigned long f; local_irq_save(f); {body} local_irq_restore(f);", cpu)
        for cpu, body in enumerate(bodies)
    ]
    (seen_x,), (seen_a, seen_z) = (
        [event.register.name for event in walk(each.body) if isinstance(event, Read)] for each in readers
    )
    condition = f"0:{seen_x}=0 /\\ 1:{seen_a}=0 /\\ 1:{seen_z}=1"
    text = write_litmus("t", relevant_domains((*readers, updater)), {}, condition)
    assert text.count("synchronize_srcu(") == 2 and "smp_load_acquire(done1)" in text
    assert run(text).outcome == "Sometimes"


def test_preprocessor_conditions() -> None:
    config = Config({"CONFIG_A": 1, "CONFIG_LEVELS": 5})
    assert evaluate("defined(CONFIG_A) && CONFIG_LEVELS > 4 && !IS_ENABLED(CONFIG_B)", config.value)
    assert not evaluate("defined(CONFIG_B) || CONFIG_LEVELS < 3", config.value)
    assert evaluate("__GNUC__ ** 2 (", config.value)
    text = b"#ifdef CONFIG_B\none\n#elif defined(CONFIG_A)\ntwo\n#else\nthree\n#endif\n"
    resolved = plain_text(text).seen_through(config.value)
    assert len(resolved) == len(text) and resolved.split() == [b"two"]
    assert read_defconfig("CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_N=12\n") == {
        "CONFIG_A": 1,
        "CONFIG_N": 12,
    }
    assert read_selects("config X86\n\tselect A\n\tselect B if OTHER\n", ["X86"]) == {"CONFIG_A": 1}


@pytest.mark.parametrize(("text", "expected"), [("010", 8), ("0x10", 16), ("7", 7), ("0", 0)])
def test_integer_literals(text: str, expected: int) -> None:
    assert number(text) == expected


def test_two_bits_of_a_word_are_kept_apart() -> None:
    one = thread("set_bit(0, &x); clear_bit(1, &x); READ_ONCE(x);")
    register = [event.register.name for event in walk(one.body) if isinstance(event, Read)][-1]
    for value, outcome in ((1, "Always"), (0, "Never")):
        assert run(write_litmus("t", [one], {}, f"0:{register}={value}")).outcome == outcome


def reader_context(body: str, values: dict[str, int], extra: str = "") -> tuple[Context, Thread]:
    """As thread(), of a reader in a configuration, with the state of its lowering."""
    text = f"{extra}\nvoid f(void)\n{{\n{body}\n}}\n".encode()
    code = Codebase(lambda path: text if path == "a.c" else None, (), Config(values))
    stubs = load_stubs(STUBS, code.config)
    reach = Reach(code, stubs, frozenset({"access", "open"}), frozenset())
    context = Context(code, stubs, reach, 0, (0, 1), None, {}, frozenset(), lower_block, value_of, location)
    definition = code.function("f", "a.c")
    assert definition is not None
    return context, Thread("r", "f", 0, lower_function(context, definition))


@pytest.mark.parametrize("rt", [0, 1])
def test_an_ordinary_lock_leaves_interrupts_on_under_preempt_rt(rt: int) -> None:
    context, one = reader_context(
        "spin_lock_irq(&l); READ_ONCE(x); spin_unlock_irq(&l);", {"CONFIG_PREEMPT_RT": rt}
    )
    domains = {event.domain for event in walk(one.body) if isinstance(event, Open)}
    assert domains == ({"rcu"} if rt else {"irq", "rcu"})
    assert any("PREEMPT_RT" in text for text in context.assumptions) == (not rt)


def test_a_callback_in_place_is_an_assumption() -> None:
    callback = "void cb(void *h) { WRITE_ONCE(z, 1); }\nvoid quiet(void *h) { }"
    told, _ = reader_context("call_rcu(&p, cb);", {}, callback)
    assert told.assumptions == {"what call_rcu() runs later is over before its caller goes on"}
    silent, _ = reader_context("call_rcu(&p, quiet);", {}, callback)
    assert not silent.assumptions


def test_entry_assembly_keeps_its_lines() -> None:
    text = (
        b".macro ENTER reg:req\n\tmov \\reg, %cr3\n\tmovl $1, PER_CPU_VAR(seen)\n\tOTHER_MACRO \\reg\n.endm\n"
    )
    lines = as_c(text).split(b"\n")
    assert len(lines) == len(text.split(b"\n"))
    assert lines[1:4] == [
        b"native_write_cr3(0);",
        b"smp_store_release(this_cpu_ptr(&seen), 1);",
        b"OTHER_MACRO();",
    ]


def test_hostile_names_stay_inside_their_comment() -> None:
    text = comment(Place("a*/ b\x1b[31m.c", 1, "f*)"))
    assert text.count("*/") == 1 and "\x1b" not in text and "*)" not in text


GOOD = "[a]\nwhy='x'\nsource='y'\nbad=['r reads 1 from x']\n[[a.role]]\nname='r'\nfunction=['a.c:f']\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[a]\nwhy = 'x'\n", "lacks or misuses"),
        ("[a\n", "s.toml:"),
        (
            "[a]\nwhy='x'\nsource='y'\nbad=['r sees 1']\n[[a.role]]\nname='r'\nfunction=['a.c:f']\n",
            "ROLE reads VALUE",
        ),
        (
            "[a]\nwhy='x'\nsource='y'\nbad=['r reads 1 from x']\n[[a.role]]\nname='r'\nfunction=['f']\n",
            "file:function",
        ),
        ("a = 3\n", "a scenario is a table, not 3"),
        ('["b\\u000a"]\nrole=[]\nbad=[]\n', "the name 'b.n' is empty, or has a slash or control characters"),
        (GOOD + "wehn = ['x']\n", "'wehn' is no key of a role"),
        (GOOD.replace("[[", "kept = ['x']\n[["), "'kept' is no key of a scenario"),
        (GOOD + "[[a.role]]\nname='r'\nfunction=['a.c:g']\n", "two roles are called 'r'"),
        (GOOD.replace("'r reads 1 from x'", ""), "bad is empty"),
        (GOOD.partition("[[")[0] + "role=[]\n", "it has no role"),
        (GOOD.partition("[[")[0] + "role=['r']\n", "lacks or misuses"),
        (GOOD.replace("[[", "config={A='y'}\n[["), "config: A is 'y', which is no number of 64 bits"),
        (GOOD.replace("[[", "config={A=1e400}\n[["), "config: A is inf, which is no number"),
        (GOOD.replace("[[", f"choices={{A={10**30}}}\n[["), "choices: A is 1000.*, which is no number"),
        (GOOD + "instances={'struct s *'='one'}\n", "instances: struct s . is 'one'"),
        (GOOD.replace("[[", "columns={'a/b'={}}\n[["), "the name 'a/b' is empty, or has a slash"),
    ],
)
def test_bad_scenarios_say_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_scenarios(text.encode(), "s.toml")


def test_a_good_scenario_has_nothing_wrong() -> None:
    assert [each.name for each in read_scenarios(GOOD.encode(), "s.toml")] == ["a"]


@pytest.mark.parametrize("name", ["none.c", "../stubs/tlb.c", "/etc/passwd"])
def test_a_stub_file_that_is_nowhere_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "s.toml").write_text(GOOD.replace("[[", f"stubs=['{name}']\n[["))
    with pytest.raises(ValueError, match=r"s\.toml: a: no stub file"):
        load_scenarios([tmp_path])
    (tmp_path / "none.c").write_text("void none(void) { }\n")
    if name == "none.c":
        assert load_scenarios([tmp_path])


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("defined(LEVEL)", True),
        ("defined(UPPER) && 2UL > 0x1u", True),
        ("(LEVEL) == 1L", True),
        ("!(lower)", False),
        ("defined(EVEL)", False),
    ],
)
def test_a_name_after_a_parenthesis_is_read_whole(expression: str, holds: bool) -> None:
    values = {"LEVEL": 1, "UPPER": 1, "lower": 1}
    assert evaluate(expression, lambda symbol: values.get(symbol, 0)) == holds
