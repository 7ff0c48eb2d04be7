"""patchscan.flow: the context of every statement, three-valued."""

import pytest
from patchscan.c.source import Function, parse, parse_fragment
from patchscan.flow.callbacks import callbacks, entry_state
from patchscan.flow.callee import CalleeSummary, rename
from patchscan.flow.flowstates import FlowStates, states
from patchscan.flow.state import IRQS_OFF, PROCESS, UNKNOWN, State
from patchscan.flow.summary import local_summaries, summarise


def function_of(body: str, header: str = "static void f(struct pool *p)") -> Function:
    indented = "\n".join(line if line.startswith("#") else "\t" + line for line in body.split("\n"))
    (function,) = parse(f"{header}\n{{\n{indented}\n}}\n".encode()).functions()
    assert not function.partial
    return function


def state_at(body: str, entry: State = UNKNOWN, name: str = "here") -> State:
    """The state at the call of here()."""
    function = function_of(body)
    flow = states(function, entry)
    assert flow.complete
    (call,) = [call for call in function.calls() if call.name == name]
    return flow.at(call.node)


def test_nothing_is_known_on_entry() -> None:
    state = state_at("here();")
    assert (state.irqs_off, state.preempt_off, state.bh_off, state.in_rcu, state.may_sleep) == (None,) * 5
    assert state.locks == ()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("local_irq_disable(); here();", True),
        ("local_irq_save(flags); here(); local_irq_restore(flags);", True),
        ("local_irq_save(flags); local_irq_restore(flags); here();", None),
        ("local_irq_disable(); local_irq_enable(); here();", False),
        ("local_irq_enable(); local_irq_save(flags); a(); local_irq_restore(flags); here();", False),
        ("local_irq_disable(); local_irq_save(flags); local_irq_restore(flags); here();", True),
        ("local_irq_disable(); local_irq_save(flags); local_irq_enable(); here();", False),
        ("raw_spin_lock_irqsave(&p->lock, flags); here();", True),
        ("raw_spin_lock_irqsave(&p->lock, flags); raw_spin_unlock(&p->lock); here();", True),
        ("raw_spin_lock_irq(&p->lock); raw_spin_unlock_irq(&p->lock); here();", False),
        ("spin_lock_irqsave(&p->lock, flags); here();", None),
        ("lockdep_assert_irqs_disabled(); here();", True),
        ("WARN_ON_ONCE(!irqs_disabled()); here();", True),
        ("if (WARN_ON(!irqs_disabled())) return; here();", True),
        ("if (irqs_disabled()) here();", True),
        ("if (!irqs_disabled()) here();", False),
        ("if (irqs_disabled()) return; here();", False),
        ("guard(irqsave)(); here();", True),
        ("scoped_guard(irqsave) here();", True),
        ("scoped_guard(irqsave) a(); here();", None),
        ("{ guard(irq)(); a(); } here();", False),
        ("might_sleep(); here();", False),
        ("local_irq_disable(); fetch_lock(p); here();", None),
        ("if (x) local_irq_disable(); here();", None),
        ("if (x) local_irq_disable(); else raw_local_irq_disable(); here();", True),
        ("if (x) { local_irq_disable(); } else { return; } here();", True),
    ],
)
def test_interrupts(body: str, expected: bool | None) -> None:
    assert state_at(body).irqs_off is expected


def test_a_spinlock_does_not_switch_interrupts_off_on_preempt_rt() -> None:
    state = state_at("spin_lock_irqsave(&p->lock, flags);\nhere();")
    assert (state.irqs_off_not_rt, state.irqs_off) == (True, None)
    assert (state.preempt_off_not_rt, state.preempt_off) == (True, None)
    assert state.may_sleep is False
    assert [(lock.kind, lock.name, lock.line) for lock in state.locks] == [("spin", "p->lock", 3)]
    assert state.evidence("may_sleep") == 3


def test_the_inner_interrupt_state_is_what_is_restored() -> None:
    body = "raw_spin_lock_irqsave(&a, x); spin_lock_irqsave(&b, y); spin_unlock_irqrestore(&b, y); here();"
    assert state_at(body).irqs_off is True


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("for (i = 0; i < n; i++) { here(); local_irq_disable(); }", None),
        ("local_irq_disable(); for_each_online_cpu(cpu) { a(cpu); } here();", True),
        ("local_irq_disable(); for_each_online_cpu(cpu) { if (x) local_irq_enable(); } here();", None),
        ("while (1) { local_irq_disable(); if (x) break; local_irq_enable(); } here();", True),
        ("do { local_irq_disable(); } while (0); here();", True),
        (
            "local_irq_disable(); do { local_irq_enable(); a(); local_irq_disable(); } while (more()); here();",
            True,
        ),
        ("while (x) { if (y) { local_irq_disable(); continue; } } here();", None),
        ("switch (x) { case 1: local_irq_disable(); break; default: local_irq_disable(); } here();", True),
        ("switch (x) { case 1: local_irq_disable(); break; } here();", None),
        ("local_irq_disable(); switch (x) { case 1: local_irq_enable(); case 2: here(); }", None),
        ("local_irq_disable(); goto out; a(); out: here();", True),
        ("if (x) goto out; local_irq_disable(); out: here();", None),
        ("local_irq_disable(); again: here(); local_irq_enable(); if (x) goto again;", None),
        (
            "local_irq_disable(); again: if (x) { local_irq_enable(); local_irq_disable(); goto again; } here();",
            True,
        ),
        ("local_irq_disable(); if (x) { local_irq_enable(); BUG(); } here();", True),
        ("local_irq_disable(); for (;;) { preempt_disable(); if (x) break; } here();", True),
        ("again: preempt_disable(); local_irq_disable(); if (x) goto again; here();", True),
        ("#ifdef A\nlocal_irq_disable();\n#endif\nhere();", None),
        ("#ifdef A\nlocal_irq_disable();\n#else\nlocal_irq_disable();\n#endif\nhere();", True),
        ("x = y ? local_irq_disable(), 1 : 2; here();", None),
    ],
)
def test_paths_merge(body: str, expected: bool | None) -> None:
    assert state_at(body).irqs_off is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("preempt_disable(); here();", True),
        ("preempt_disable(); preempt_disable(); preempt_enable(); here();", True),
        ("preempt_disable(); preempt_enable(); here();", None),
        ("might_sleep(); preempt_disable(); preempt_enable(); here();", False),
        ("preempt_enable(); here();", None),
        ("cpu = get_cpu(); here();", True),
        ("cpu = get_cpu(); put_cpu(); here();", None),
        ("raw_spin_lock(&p->lock); here();", True),
        ("spin_lock(&p->lock); here();", None),
        ("raw_spin_lock(&a); raw_spin_lock(&b); raw_spin_unlock(&b); here();", True),
        ("raw_spin_lock(&a); raw_spin_unlock(other); here();", None),
        ("local_bh_disable(); here();", None),
        ("lockdep_assert_preemption_disabled(); here();", True),
        ("mutex_lock(&m); here();", False),
        ("guard(preempt)(); here();", True),
    ],
)
def test_preemption(body: str, expected: bool | None) -> None:
    assert state_at(body).preempt_off is expected


@pytest.mark.parametrize(
    ("body", "locks"),
    [
        ("mutex_lock(&p->lock); here();", ["p->lock"]),
        ("mutex_lock(&p->lock); mutex_unlock(&p->lock); here();", []),
        ("if (mutex_trylock(&p->lock)) here();", ["p->lock"]),
        ("if (!mutex_trylock(&p->lock)) here();", []),
        ("if (!mutex_trylock(&p->lock)) return; here();", ["p->lock"]),
        ("if (unlikely(!spin_trylock(&p->lock) || x)) return; here();", ["p->lock"]),
        ("if (mutex_lock_interruptible(&p->lock)) return; here();", ["p->lock"]),
        ("ret = mutex_lock_killable(&p->lock); if (ret) return; here();", ["p->lock"]),
        ("ret = down_read_killable(&p->sem); if (ret < 0) return; here();", ["p->sem"]),
        ("if (!down_read_trylock(&p->sem)) return; here();", ["p->sem"]),
        ("if (down_trylock(&p->sem)) return; here();", ["p->sem"]),
        ("pte = pte_offset_map_lock(mm, pmd, addr, &ptl); if (!pte) return; here();", ["ptl"]),
        ("pte = pte_offset_map_lock(mm, pmd, addr, &ptl); if (!pte) here();", []),
        ("ptl = pmd_lock(mm, pmd); here();", ["ptl"]),
        ("ptl = pmd_lock(mm, pmd); spin_unlock(ptl); here();", []),
        ("lockdep_assert_held(&p->lock); here();", ["p->lock"]),
        ("guard(mutex)(&p->lock); here();", ["p->lock"]),
        ("scoped_guard(spinlock, &p->lock) { here(); }", ["p->lock"]),
        ("for (;;) { guard(mutex)(&p->lock); if (x) break; } here();", []),
        ("if (x) mutex_lock(&p->lock); here();", []),
        ("guard(mutex)(&p->lock); again: if (x) goto again; here();", ["p->lock"]),
        ("if (x) { guard(mutex)(&p->lock); goto out; } out: here();", []),
        ("for (;;) { guard(mutex)(&p->lock); if (x) continue; if (y) break; a(); } here();", []),
        ("if (x) { guard(mutex)(&p->lock); if (y) return; } here();", []),
        ("int x = y; if (x) mutex_lock(&p->lock); a(); if (x) here();", ["p->lock"]),
        ("if (global) mutex_lock(&p->lock); a(); if (global) here();", []),
        ("int taken = mutex_trylock(&p->lock); a(); if (taken) here();", ["p->lock"]),
        ("if (p->n < n) { mutex_lock(&p->lock); if (p->n < n) return; here(); }", ["p->lock"]),
        ("if (p->flag) mutex_lock(&p->lock); a(p); if (p->flag) here();", []),
        ("if (*p) mutex_lock(&p->lock); a(p); if (*p) here();", []),
        ("if (x == A) mutex_lock(&p->lock); if (x == B) return; if (x == A) here();", ["p->lock"]),
        ("if (x == A) return; mutex_lock(&p->lock); if (x == B) here();", ["p->lock"]),
        ("block_until(x) { mutex_lock(&p->lock); break; } here();", []),
        ("mmap_read_lock(mm); here();", ["mm"]),
        ("rtnl_lock(); here();", ["rtnl_lock"]),
    ],
)
def test_locks(body: str, locks: list[str]) -> None:
    assert [lock.name for lock in state_at(body).locks] == locks


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("migrate_disable(); here();", True),
        ("migrate_disable(); migrate_enable(); here();", None),
        ("spin_lock(&p->lock); here();", True),
        ("guard(migrate)(); here();", True),
    ],
)
def test_migration(body: str, expected: bool | None) -> None:
    assert state_at(body).migration_off is expected


def test_a_lock_taken_on_one_path_may_be_held() -> None:
    state = state_at("if (x)\n\traw_spin_lock(&p->lock);\nhere();")
    assert [lock.name for lock in state.maybe_locks] == ["p->lock"]
    assert state.preempt_off is None and state.may_sleep is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("rcu_read_lock(); here();", True),
        ("rcu_read_lock(); rcu_read_unlock(); here();", None),
        ("guard(rcu)(); here();", True),
        ("scoped_guard(rcu) { a(); } here();", None),
        ("synchronize_rcu(); here();", False),
        ('RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "no"); here();', True),
        ("pte = pte_offset_map_lock(mm, pmd, addr, &ptl); if (!pte) return; here();", True),
    ],
)
def test_rcu(body: str, expected: bool | None) -> None:
    assert state_at(body).in_rcu is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("msleep(1); here();", True),
        ("p = kmalloc(8, GFP_KERNEL); here();", True),
        ("p = kmalloc(8, GFP_ATOMIC); here();", None),
        ("rcu_read_lock(); here();", False),
        ("spin_lock_bh(&p->lock); here();", False),
        ("srcu_read_lock(&s); here();", None),
        ("mutex_lock(&p->lock); here();", True),
        ("mutex_lock(&p->lock); spin_lock(&p->inner); here();", False),
        ("spin_lock(&p->lock); might_sleep(); here();", False),
    ],
)
def test_sleeping(body: str, expected: bool | None) -> None:
    assert state_at(body).may_sleep is expected


def test_entry_states() -> None:
    assert state_at("here();", IRQS_OFF).irqs_off is True
    assert state_at("here();", PROCESS).may_sleep is True
    assert state_at("spin_lock(&a); spin_unlock(&a); here();", PROCESS).may_sleep is True


def test_evidence_is_the_line_in_the_file() -> None:
    function = parse(b"void f(void)\n{\n\tlocal_irq_disable();\n\tx();\n}\n", first_line=40).functions()[0]
    state = states(function).at(function.calls()[1].node)
    assert state.evidence("irqs_off") == 42


def test_a_node_takes_the_state_of_what_holds_it() -> None:
    function = function_of("local_irq_disable(); x = y + z;")
    node = function.nodes("binary_expression")[0]
    assert states(function).at(node).irqs_off is True


def test_code_that_is_not_reached() -> None:
    function = function_of("return; here();")
    flow = states(function)
    assert not flow.reached(function.calls()[0].node)
    assert flow.at(function.calls()[0].node) == UNKNOWN


def test_a_function_that_does_not_parse_is_unknown() -> None:
    (function,) = parse(b"void f(void)\n{\n\tlocal_irq_disable();\n\tif ((x;\n\there();\n}\n").functions()
    flow = states(function)
    assert not flow.complete and flow.why
    assert flow.at(function.node).irqs_off is None


def test_a_function_that_nests_without_end_is_given_up() -> None:
    body = "local_irq_disable();\n" + "if (x) {\n" * 500 + "here();" + "}\n" * 500
    assert not states(function_of(body)).complete


def test_in_a_fragment_a_block_of_unknown_kind_may_not_have_run() -> None:
    lines = b"\t\tlocal_irq_disable();\n\t}\n\there();".split(b"\n")
    (function,) = parse_fragment(lines, 10, b"void f(void)").functions()
    call = function.calls()[-1]
    assert states(function).at(call.node).irqs_off is None
    assert function.enclosing(function.calls()[0].node) == ()


def test_in_a_fragment_what_it_shows_is_known() -> None:
    lines = b"\t} else {\n\t\tlocal_irq_disable();\n\t\there();".split(b"\n")
    (function,) = parse_fragment(lines, 10, b"void f(void)").functions()
    assert states(function).at(function.calls()[-1].node).irqs_off is True


TIMER = "%s void f(struct timer_list *t%s)\n{\n\ty(t);\n}\nvoid go(void)\n{\n\t%s\n}\n"


@pytest.mark.parametrize(
    ("storage", "more", "inside", "kind"),
    [
        ("static", "", "set_up_in_another_file(f);", "timer"),
        ("static", "", "a();", "timer"),
        ("static", "", "f(&timer);", None),
        ("static", ", int count", "a(f);", None),
        ("static", "", "init_irq_work(&work, f);", "irq work"),
        ("", "", "set_up_in_another_file(f);", None),
    ],
)
def test_a_function_that_takes_a_timer_alone_is_its_callback(
    storage: str, more: str, inside: str, kind: str | None
) -> None:
    callback = callbacks(parse((TIMER % (storage, more, inside)).encode())).get("f")
    assert (callback and callback.kind) == kind


REGISTERED = """
static %s f(struct thing *t);
static int other(void)
{
	x(t);
}
static %s f(struct thing *t)
{
	y(t);
}
%s
void go(void)
{
	%s
}
"""


def kind_of(header: str, inside: str, outside: str = "") -> str:
    """The kind of callback that f() is."""
    source = parse((REGISTERED % (header, header, outside, inside)).encode())
    callback = callbacks(source).get("f")
    assert callback is None or "f" in source.line_text(callback.line)
    return callback.kind if callback else ""


@pytest.mark.parametrize(
    ("header", "inside", "outside", "kind"),
    [
        ("void", "on_each_cpu(f, NULL, 1);", "", "ipi"),
        ("void", "smp_call_function_single(cpu, f, NULL, 1);", "", "ipi"),
        ("void", "INIT_CSD(&t->csd, f, t);", "", "ipi"),
        ("bool", "on_each_cpu_cond(f, other, NULL, 1);", "", "ipi condition"),
        ("int", "stop_machine(f, NULL, NULL);", "", "stopper"),
        ("int", "stop_one_cpu(cpu, f, NULL);", "", "stopper of one CPU"),
        ("irqreturn_t", "request_irq(t->irq, f, 0, name, t);", "", "hard irq"),
        ("irqreturn_t", "request_irq(t->irq, f, IRQF_NO_THREAD, name, t);", "", "percpu irq"),
        ("irqreturn_t", "request_percpu_irq(t->irq, f, name, t);", "", "percpu irq"),
        ("irqreturn_t", "request_threaded_irq(t->irq, f, other, 0, name, t);", "", "hard irq"),
        ("irqreturn_t", "devm_request_threaded_irq(d, t->irq, other, f, 0, name, t);", "", "irq thread"),
        ("void", "timer_setup(&t->timer, f, 0);", "", "timer"),
        ("void", "mod_timer(&timer, jiffies);", "static DEFINE_TIMER(timer, f);", "timer"),
        ("enum hrtimer_restart", "hrtimer_init(&t->timer, a, b); t->timer.function = f;", "", "hrtimer"),
        ("enum hrtimer_restart", "hrtimer_setup(&t->timer, f, a, HRTIMER_MODE_REL_SOFT);", "", "softirq"),
        ("void", "tasklet_setup(&t->tasklet, f);", "", "tasklet"),
        ("void", "tasklet_schedule(&tasklet);", "static DECLARE_TASKLET(tasklet, f);", "tasklet"),
        ("void", "init_irq_work(&t->work, f);", "", "irq work"),
        ("void", "a();", "static DEFINE_IRQ_WORK(work, f);", "irq work"),
        ("void", "a();", "static struct irq_work work = IRQ_WORK_INIT_HARD(f);", "hard irq work"),
        ("void", "call_rcu(&t->rcu, f);", "", "rcu callback"),
        ("void", "call_srcu(&srcu, &t->rcu, f);", "", "rcu callback"),
        ("int", "netif_napi_add(dev, &t->napi, f);", "", "napi poll"),
        (
            "void",
            "a();",
            "static const struct net_device_ops ops = { .ndo_set_rx_mode = f };",
            "network device operation",
        ),
        ("void", "INIT_WORK(&t->work, f);", "", ""),
        ("void", "on_each_cpu(f, NULL, 1); f(NULL);", "", ""),
        ("void", "on_each_cpu(f, NULL, 1); timer_setup(&t->timer, f, 0);", "", ""),
        ("void", "on_each_cpu(f, NULL, 1);", "struct ops ops = { .reset = f };", ""),
        ("int", "t->function = f;", "", ""),
    ],
)
def test_callbacks_that_are_only_registered(header: str, inside: str, outside: str, kind: str) -> None:
    assert kind_of(header, inside, outside) == kind


@pytest.mark.parametrize(
    ("kind", "irqs_off", "irqs_off_not_rt", "may_sleep"),
    [
        ("ipi", True, True, False),
        ("stopper", True, True, False),
        ("stopper of one CPU", None, None, False),
        ("ipi condition", None, None, False),
        ("percpu irq", True, True, False),
        ("hard irq work", True, True, False),
        ("hard irq", None, True, False),
        ("hrtimer", None, True, False),
        ("irq work", None, True, False),
        ("timer", None, None, False),
        ("tasklet", None, None, False),
        ("rcu callback", None, None, False),
        ("napi poll", None, None, False),
        ("network device operation", None, None, False),
        ("irq thread", None, None, None),
        ("", None, None, None),
    ],
)
def test_what_callbacks_run_in(
    kind: str, irqs_off: bool | None, irqs_off_not_rt: bool | None, may_sleep: bool | None
) -> None:
    state = entry_state(kind)
    assert (state.irqs_off, state.irqs_off_not_rt, state.may_sleep) == (irqs_off, irqs_off_not_rt, may_sleep)


@pytest.mark.parametrize(
    ("body", "irqs_off", "irqs_off_not_rt", "may_sleep"),
    [
        ("local_lock(&p->lock); here();", None, None, False),
        ("local_lock_irqsave(&p->lock, flags); here();", None, True, False),
        ("guard(local_lock_irq)(&p->lock); here();", None, True, False),
        ("raw_spin_lock_irqsave(&p->lock, flags); here();", True, True, False),
        (
            "raw_spin_lock_irqsave(&p->lock, x); raw_spin_unlock_irqrestore(&p->lock, x); here();",
            None,
            None,
            None,
        ),
        ("guard(raw_spinlock_irqsave)(&p->lock); here();", True, True, False),
        ("scoped_guard(spinlock_irqsave, &p->lock) here();", None, True, False),
        ("write_lock_bh(&p->lock); here();", None, None, False),
        ("lockdep_assert_held(&p->lock); here();", None, None, None),
        ("WARN_ON(irqs_disabled()); here();", False, False, None),
        ("might_sleep(); local_irq_save(x); here();", True, True, False),
        ("might_sleep_if(gfpflags_allow_blocking(gfp)); here();", None, None, None),
        ("if (in_interrupt()) here();", None, None, False),
        ("if (!in_interrupt()) here();", None, None, None),
        ("if (in_softirq()) here();", None, None, False),
        ("if (in_nmi()) return; here();", None, None, None),
        ("if (!in_task()) here();", None, None, False),
        ("if (in_task()) here();", None, None, None),
    ],
)
def test_configurations_are_kept_apart(
    body: str, irqs_off: bool | None, irqs_off_not_rt: bool | None, may_sleep: bool | None
) -> None:
    state = state_at(body)
    assert (state.irqs_off, state.irqs_off_not_rt, state.may_sleep) == (irqs_off, irqs_off_not_rt, may_sleep)


def summary_of(body: str, header: str = "static void g(struct pool *p)") -> CalleeSummary:
    summary = summarise(function_of(body, header))
    assert summary is not None
    return summary


def test_summaries_of_locks_and_interrupts() -> None:
    lock = summary_of("raw_spin_lock_irq(&p->lock);")
    assert lock.acquires == (("raw_spin", "p->lock"),) and lock.irqs_off is True and lock.certain
    unlock = summary_of("raw_spin_unlock_irq(&p->lock);")
    assert unlock.releases == (("raw_spin", "p->lock"),) and unlock.irqs_off is False
    neither = summary_of("spin_lock_irqsave(&p->lock, flags); x(); spin_unlock_irqrestore(&p->lock, flags);")
    assert (neither.acquires, neither.releases, neither.irqs_off, neither.certain) == ((), (), None, True)
    maybe = summary_of("if (x) spin_lock(&p->lock);")
    assert not maybe.certain
    assert summary_of("preempt_disable();").preempt == 1
    assert summary_of("rcu_read_unlock();").rcu == -1


def test_summaries_of_sleeping_null_and_freeing() -> None:
    assert summary_of("msleep(1);").always_sleeps
    sometimes = summary_of("if (x) msleep(1);")
    assert sometimes.may_sleep is True and not sometimes.always_sleeps
    assert sometimes.sleeps_at == (3, "msleep")
    assert summary_of("x = 1;").may_sleep is False
    assert summary_of("other(p);").may_sleep is None
    assert summary_of("return NULL;", "static struct pool *g(int p)").may_return_null is True
    assert summary_of("return p;", "static int g(int p)").may_return_null is False
    assert summary_of("x(p); kfree(p);").frees == (0,)
    assert summary_of("kfree(p->page);").frees == ()


def test_a_summary_changes_the_state_of_the_caller() -> None:
    summaries = {
        "pool_begin": summary_of("raw_spin_lock_irq(&p->lock);", "static void pool_begin(struct pool *p)"),
        "pool_end": summary_of("raw_spin_unlock_irq(&p->lock);", "static void pool_end(struct pool *p)"),
        "quiet_unlock": summary_of("x = 1;", "static void quiet_unlock(struct pool *p)"),
    }
    function = function_of("pool_begin(&q); quiet_unlock(&q); here(); pool_end(&q); there();")
    flow: FlowStates = states(function, UNKNOWN, summaries.get)
    here, there = (flow.at(call.node) for call in function.calls() if call.name in ("here", "there"))
    assert here.irqs_off is True and [lock.name for lock in here.locks] == ["q.lock"]
    assert there.irqs_off is False and there.locks == ()


@pytest.mark.parametrize(
    ("name", "argument", "expected"),
    [
        ("p->lock", "&pool", "pool.lock"),
        ("p->lock", "q", "q->lock"),
        ("p", "&lock", "lock"),
        ("pool_lock", "q", "pool_lock"),
    ],
)
def test_locks_are_named_as_the_caller_names_them(name: str, argument: str, expected: str) -> None:
    assert rename(name, ("p",), (argument,)) == expected


def test_a_callee_that_drops_its_callers_lock_does_not_always_sleep() -> None:
    assert not summary_of("spin_unlock(&p->lock); schedule(); spin_lock(&p->lock);").always_sleeps
    assert not summary_of("rcu_read_unlock(); cond_resched(); rcu_read_lock();").always_sleeps
    assert summary_of("spin_lock(&p->lock); spin_unlock(&p->lock); msleep(1);").always_sleeps


def test_a_name_defined_twice_is_not_certain() -> None:
    source = parse(
        b"""#ifdef CONFIG_PREEMPT_RT
static void begin(void)
{
	local_irq_disable();
}
#else
static void begin(void)
{
}
#endif
static void end(void)
{
	local_irq_enable();
}
"""
    )
    look_up = local_summaries(source)
    begin, end = look_up("begin"), look_up("end")
    assert begin is not None and not begin.certain
    assert end is not None and end.certain and end.irqs_off is False
    assert look_up("other") is None
