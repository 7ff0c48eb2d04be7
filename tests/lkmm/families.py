"""Families of litmus tests that grow: rings, chains, contended variables and locks."""

from __future__ import annotations

from collections.abc import Callable


def litmus(name: str, threads: list[tuple[str, list[str]]], question: str, initial: str = "{}") -> str:
    """The text of a test; threads are (parameters, statements)."""
    lines = [f"C {name}", "", initial, ""]
    for number, (parameters, statements) in enumerate(threads):
        lines += [f"P{number}({parameters})", "{", *(f"\t{statement}" for statement in statements), "}", ""]
    return "\n".join([*lines, question]) + "\n"


def ring(
    name: str, count: int, body: Callable[[int], list[str]], wanted: int = 0, shared: str = "int *z"
) -> str:
    """Thread i works on x_i and x_(i+1); the question is whether every r0 is `wanted`."""
    threads = []
    for number in range(count):
        following = (number + 1) % count
        statements = [line.format(a=f"x{number}", b=f"x{following}") for line in body(number)]
        threads.append((f"int *x{number}, int *x{following}, {shared}", statements))
    return litmus(f"{name}-{count}", threads, f"exists ({all_are(count, wanted)})")


def all_are(count: int, value: int) -> str:
    return " /\\ ".join(f"{number}:r0={value}" for number in range(count))


def store_buffering_ring(count: int, fence: bool = True) -> str:
    """Never with smp_mb(), else Sometimes."""
    fences = ["smp_mb();"] if fence else []
    return ring("sbring", count, lambda _: ["WRITE_ONCE(*{a}, 1);", *fences, "r0 = READ_ONCE(*{b});"])


def load_buffering_ring(count: int) -> str:
    """Never."""
    return ring("lbring", count, lambda _: ["r0 = READ_ONCE(*{a});", "smp_mb();", "WRITE_ONCE(*{b}, 1);"], 1)


def rcu_ring(count: int, grace_periods: int) -> str:
    """Never when at least half of the threads wait for a grace period, the others being read-side
    sections.
    """

    def body(number: int) -> list[str]:
        # Spread the grace periods evenly over the ring.
        if number * grace_periods // count != (number + 1) * grace_periods // count:
            return ["WRITE_ONCE(*{a}, 1);", "synchronize_rcu();", "r0 = READ_ONCE(*{b});"]
        return ["rcu_read_lock();", "WRITE_ONCE(*{a}, 1);", "r0 = READ_ONCE(*{b});", "rcu_read_unlock();"]

    return ring(f"rcuring-{grace_periods}", count, body)


def srcu_ring(count: int) -> str:
    """Never: every other thread waits for a grace period of the domain in which the others read."""

    def body(number: int) -> list[str]:
        accesses = ["WRITE_ONCE(*{a}, 1);", "r0 = READ_ONCE(*{b});"]
        if number % 2:
            return [accesses[0], "synchronize_srcu(ss);", accesses[1]]
        return ["r1 = srcu_read_lock(ss);", *accesses, "srcu_read_unlock(ss, r1);"]

    return ring("srcuring", count, body, shared="struct srcu_struct *ss")


def message_chain(count: int) -> str:
    """Never: release to acquire, handed on from thread to thread."""
    threads = [("int *x, int *y1", ["WRITE_ONCE(*x, 1);", "smp_store_release(y1, 1);"])]
    for number in range(1, count - 1):
        threads.append(
            (
                f"int *y{number}, int *y{number + 1}",
                [f"r0 = smp_load_acquire(y{number});", f"smp_store_release(y{number + 1}, 1);"],
            )
        )
    last = count - 1
    threads.append((f"int *x, int *y{last}", [f"r0 = smp_load_acquire(y{last});", "r1 = READ_ONCE(*x);"]))
    seen = " /\\ ".join(f"{number}:r0=1" for number in range(1, count))
    return litmus(f"chain-{count}", threads, f"exists ({seen} /\\ {last}:r1=0)")


def writers(count: int) -> str:
    """Sometimes: any of the writes may be the last."""
    threads = [("int *x", [f"WRITE_ONCE(*x, {number + 1});"]) for number in range(count)]
    return litmus(f"writers-{count}", threads, "exists (x=1)")


def writers_and_reader(count: int) -> str:
    """Never: one read after the other cannot see the writes the other way round for all observers."""
    threads = [("int *x", [f"WRITE_ONCE(*x, {number + 1});"]) for number in range(count)]
    threads += [("int *x", ["r0 = READ_ONCE(*x);", "r1 = READ_ONCE(*x);"])] * 2
    crossed = f"{count}:r0=1 /\\ {count}:r1=2 /\\ {count + 1}:r0=2 /\\ {count + 1}:r1=1"
    return litmus(f"writers-reader-{count}", threads, f"exists ({crossed})")


def writers_in_a_circle(count: int) -> str:
    """Never: each reader sees one of the writes and then the next, the last reader the last and then the first."""
    threads = [("int *x", [f"WRITE_ONCE(*x, {number + 1});"]) for number in range(count)]
    threads += [("int *x", ["r0 = READ_ONCE(*x);", "r1 = READ_ONCE(*x);"])] * count
    seen = " /\\ ".join(
        f"{count + number}:r0={number + 1} /\\ {count + number}:r1={(number + 1) % count + 1}"
        for number in range(count)
    )
    return litmus(f"writers-circle-{count}", threads, f"exists ({seen})")


def locked_increments(count: int) -> str:
    """Never: no increment under a lock is lost."""
    body = ["spin_lock(l);", "r0 = READ_ONCE(*x);", "WRITE_ONCE(*x, r0 + 1);", "spin_unlock(l);"]
    return litmus(f"lockinc-{count}", [("int *x, spinlock_t *l", body)] * count, f"exists (~x={count})")


def locked_ring(count: int) -> str:
    """Never: of sections each of which sees what another wrote, one is the first."""

    def body(number: int) -> list[str]:
        return ["spin_lock(l);", "r0 = READ_ONCE(*{a});", "WRITE_ONCE(*{b}, 1);", "spin_unlock(l);"]

    return ring("lockring", count, body, 1, "spinlock_t *l")


def atomic_increments(count: int) -> str:
    """Never: no atomic increment is lost."""
    body = ["r0 = atomic_inc_return(x);"]
    return litmus(f"atomicinc-{count}", [("atomic_t *x", body)] * count, f"exists (~x={count})")


def distinct_sums(count: int) -> str:
    """Never: whatever the order, a counter ends with the sum of the different amounts."""
    threads = [("atomic_t *x", [f"atomic_add({2**number}, x);"]) for number in range(count)]
    return litmus(f"sums-{count}", threads, f"exists (~x={2**count - 1})")


def distinct_results(count: int) -> str:
    """Never: no two of the threads find the counter at the same value."""
    threads = [("atomic_t *x", [f"r0 = atomic_fetch_add({number + 1}, x);"]) for number in range(count)]
    return litmus(f"results-{count}", threads, f"exists (0:r0={count} /\\ 1:r0={count})")


def locked_sums(count: int) -> str:
    """Never, as distinct_sums: with sections of one lock."""
    body = ["spin_lock(l);", "r0 = READ_ONCE(*x);", "WRITE_ONCE(*x, r0 + {});", "spin_unlock(l);"]
    threads = [
        ("int *x, spinlock_t *l", [line.format(2**number) for line in body]) for number in range(count)
    ]
    return litmus(f"locksums-{count}", threads, f"exists (x={2**count - 2})")


def attempts(count: int) -> str:
    """Never: one of equal attempts to take a lock succeeds."""
    inside = ["\tr1 = READ_ONCE(*x);", "\tWRITE_ONCE(*x, r1 + 1);", "\tspin_unlock(l);"]
    body = ["r0 = spin_trylock(l);", "if (r0) {", *inside, "}"]
    return litmus(f"attempts-{count}", [("int *x, spinlock_t *l", body)] * count, "exists (x=0)")


def reads_against_writes(reads: int, writes: int) -> str:
    """Never: the last read of a row cannot see an older write than the first."""
    store = [f"WRITE_ONCE(*x, {number + 1});" for number in range(writes)]
    load = [f"r{number} = READ_ONCE(*x);" for number in range(reads)]
    question = f"exists (1:r0={writes} /\\ 1:r{reads - 1}={1})"
    return litmus(f"reads-writes-{reads}-{writes}", [("int *x", store), ("int *x", load)], question)


def branches(count: int) -> str:
    """Sometimes: as many independent ifs."""
    names = [f"f{number}" for number in range(count)]
    sinks = [f"g{number}" for number in range(count)]
    raised = [f"WRITE_ONCE(*{name}, 1);" for name in names]
    body = []
    for number in range(count):
        body += [f"r{number} = READ_ONCE(*f{number});", f"if (r{number})", f"\tWRITE_ONCE(*g{number}, 1);"]
    parameters = ", ".join(f"int *{name}" for name in names + sinks)
    seen = " /\\ ".join(f"{name}=1" for name in sinks)
    return litmus(f"branches-{count}", [(parameters, raised), (parameters, body)], f"exists ({seen})")


def references(count: int) -> str:
    """Never: each takes a reference where there still is one, uses the object, and the last to drop one frees it."""
    drop = ["r1 = atomic_dec_and_test(c);", "if (r1) {", "WRITE_ONCE(*freed, 1);", "}"]
    use = ["r2 = READ_ONCE(*freed);", "if (r2) {", "WRITE_ONCE(*bad, 1);", "}"]
    user = ["r0 = atomic_add_unless(c, 1, 0);", "if (r0) {", *use, *drop, "}"]
    parameters = "atomic_t *c, int *freed, int *bad"
    threads = [(parameters, user)] * count + [(parameters, drop)]
    return litmus(f"references-{count}", threads, "exists (bad=1)", "{ c=1; }")


def last_to_leave(count: int) -> str:
    """Never: nobody who is still there sees what the last to leave writes."""
    body = ["r1 = READ_ONCE(*y);", "r0 = atomic_dec_and_test(c);", "if (r0) {", "WRITE_ONCE(*y, 1);", "}"]
    seen = " \\/ ".join(f"{number}:r1=1" for number in range(count))
    return litmus(
        f"last-{count}", [("atomic_t *c, int *y", body)] * count, f"exists ({seen})", f"{{ c={count}; }}"
    )


def doubling_sums(count: int) -> str:
    """Never: each adds a bit of its own, and not one sees more than all of them."""
    threads = [
        (
            "atomic_t *c, int *y",
            [
                f"r0 = atomic_add_return({2**number}, c);",
                "r1 = atomic_read(c);",
                f"if (r0 >= {2**count}) {{",
                "WRITE_ONCE(*y, 1);",
                "}",
                f"if (r1 > {2**count - 1}) {{",
                "WRITE_ONCE(*y, 1);",
                "}",
            ],
        )
        for number in range(count)
    ]
    return litmus(f"doubling-{count}", threads, "exists (y=1)")


def sequence_count(count: int) -> str:
    """Never: who finds the count even, and the same once more, has not seen half of what a writer wrote."""
    write = ["r0 = READ_ONCE(*s);", "WRITE_ONCE(*s, r0 + 1);", "smp_wmb();"]
    write += ["WRITE_ONCE(*a, {0});", "WRITE_ONCE(*b, {0});", "smp_wmb();", "WRITE_ONCE(*s, r0 + 2);"]
    parameters = "int *s, int *a, int *b, spinlock_t *l"
    threads = [
        (parameters, ["spin_lock(l);", *(line.format(number + 1) for line in write), "spin_unlock(l);"])
        for number in range(count)
    ]
    read = ["r0 = READ_ONCE(*s);", "smp_rmb();", "r1 = READ_ONCE(*a);", "r2 = READ_ONCE(*b);"]
    threads.append((parameters, [*read, "smp_rmb();", "r3 = READ_ONCE(*s);"]))
    even = " \\/ ".join(f"({count}:r0={2 * of} /\\ {count}:r3={2 * of})" for of in range(count + 1))
    return litmus(f"seqcount-{count}", threads, f"exists (({even}) /\\ ~({count}:r1={count}:r2))")


def exchanges(count: int) -> str:
    """Never: where each has exchanged what it found for one more, nothing is lost."""
    body = ["r0 = READ_ONCE(*x);", "r1 = cmpxchg(x, r0, r0 + 1);"]
    made = " /\\ ".join(f"{number}:r0={number}:r1" for number in range(count))
    return litmus(f"exchanges-{count}", [("int *x", body)] * count, f"exists ({made} /\\ ~x={count})")


def retries(count: int) -> str:
    """Never: each compares and exchanges until it has added its one."""
    body = ["r0 = READ_ONCE(*x);", "r1 = cmpxchg(x, r0, r0 + 1);"]
    body += ["while (r1 != r0) {", "\tr0 = r1;", "\tr1 = cmpxchg(x, r0, r0 + 1);", "}"]
    return litmus(f"retries-{count}", [("int *x", body)] * count, f"exists (~x={count})")


def racy_sums(count: int) -> str:
    """Never: of different amounts that others may come between, no more than all are left."""
    threads = [
        ("int *x", ["r0 = READ_ONCE(*x);", f"WRITE_ONCE(*x, r0 + {2**number});"]) for number in range(count)
    ]
    return litmus(f"racy-{count}", threads, f"exists (x={2**count})")
