"""Random litmus tests, small enough for a plain search, rich enough to disagree about.

Everything the dialect has may occur: once, plain, acquire and release accesses, all fences, branches that
merge registers, read-modify-writes, locks, RCU, SRCU, pointers. The same seed gives the same programs.

Only one thing is left out: computing (`r1 + 1`, `r1 > 0`) in a program with plain accesses. A value from
nowhere, which only they make, has no sum; the reference prototype goes on with "S+1" all the same, where
herd7 finds no solution.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

FENCES = (
    *("smp_mb", "smp_rmb", "smp_wmb", "barrier", "smp_mb__before_atomic", "smp_mb__after_atomic"),
    *("smp_mb__after_spinlock", "smp_mb__after_unlock_lock", "smp_mb__after_srcu_read_unlock"),
    *("synchronize_rcu", "synchronize_rcu"),
)
SUFFIXES = ("", "_relaxed", "_acquire", "_release")
MOST_ACCESSES = 8
THEMES = (
    *("plain", "once", "atomic", "lock", "rcu", "srcu", "pointer", "plain", "sections", "counter", "equal"),
    "handed",
)


@dataclass
class Writer:
    """One random program in the making."""

    random: random.Random
    theme: str
    plain: float  # how many of the accesses are plain
    variables: list[str] = field(default_factory=list)
    accesses: int = 0
    thread: int = 0
    registers: list[str] = field(default_factory=list)
    pointers: list[str] = field(default_factory=list)
    named: list[tuple[int, str]] = field(default_factory=list)
    count: int = 0
    section: int = 0
    under_lock: bool = False

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def new_register(self) -> str:
        name = f"r{self.count}"
        self.count += 1
        return name

    def place(self) -> str:
        """A variable, or now and then what a pointer register points to."""
        if self.pointers and self.chance(0.5):
            return self.random.choice(self.pointers)
        name = self.random.choice(self.variables)
        if self.registers and self.chance(0.1):
            register = self.random.choice(self.registers)
            return f"({name} + ({register} ^ {register}))"
        return name

    def value(self) -> str:
        if self.registers and self.chance(0.45):
            register = self.random.choice(self.registers)
            return register if self.plain or self.chance(0.8) else f"{register} + 1"
        return str(self.random.randint(1, 2))

    def read(self) -> list[str]:
        self.accesses += 1
        register, place = self.new_register(), self.place()
        if self.chance(self.plain):
            text = f"*{place}"
        else:
            text = self.random.choice(
                (
                    f"READ_ONCE(*{place})",
                    f"READ_ONCE(*{place})",
                    f"smp_load_acquire({place})",
                    f"rcu_dereference(*{place})",
                )
            )
        self.registers.append(register)
        self.named.append((self.thread, register))
        return [f"{register} = {text};"]

    def write(self) -> list[str]:
        self.accesses += 1
        place, value = self.place(), self.value()
        if self.chance(self.plain):
            return [f"*{place} = {value};"]
        return [
            self.random.choice(
                (
                    f"WRITE_ONCE(*{place}, {value});",
                    f"WRITE_ONCE(*{place}, {value});",
                    f"smp_store_release({place}, {value});",
                    f"smp_store_mb(*{place}, {value});",
                )
            )
        ]

    def update(self) -> list[str]:
        """A read-modify-write."""
        self.accesses += 2
        name, register, suffix = (
            self.random.choice(self.variables),
            self.new_register(),
            self.random.choice(SUFFIXES),
        )
        text = self.random.choice(
            (
                f"{register} = xchg{suffix}({name}, {self.value()});",
                f"{register} = cmpxchg{suffix}({name}, {self.random.randint(0, 1)}, {self.value()});",
                f"{register} = atomic_fetch_add{suffix}({self.random.randint(1, 2)}, {name});",
                f"{register} = atomic_inc_return{suffix}({name});",
                f"{register} = atomic_add_unless({name}, 1, {self.random.randint(0, 2)});",
                f"{register} = atomic_dec_and_test({name});",
                f"atomic_inc({name});",
                f"atomic_add(2, {name});",
            )
        )
        if text.startswith(register):
            self.registers.append(register)
            self.named.append((self.thread, register))
        return [text]

    def pointer(self) -> list[str]:
        """Publish or follow a pointer."""
        self.accesses += 1
        if self.chance(0.4):
            target = self.random.choice(self.variables)
            publish = self.random.choice(("rcu_assign_pointer(*p, {});", "WRITE_ONCE(*p, {});"))
            return [publish.format(target)]
        register = self.new_register()
        read = self.random.choice(("rcu_dereference(*p)", "READ_ONCE(*p)"))
        self.pointers.append(register)
        self.named.append((self.thread, register))
        return [f"{register} = {read};"]

    def branch(self, depth: int) -> list[str]:
        if not self.registers:
            return self.read()
        register = self.random.choice(self.registers)
        conditions = [register, f"{register} == 1", f"{register} != 2"]
        if not self.plain:
            conditions += [
                f"{register} > 0",
                f"{register} <= 1",
                f"{register} - 1",
                f"2 != {register}",
            ]
        condition = self.random.choice(conditions)
        before = list(self.registers), list(self.pointers)
        merged = self.random.choice(self.registers)
        then = self.statements(self.random.randint(1, 2), depth + 1)
        if self.chance(0.4):
            then.append(f"{merged} = {self.random.randint(0, 2)};")
        self.registers, self.pointers = list(before[0]), list(before[1])
        otherwise = self.statements(1, depth + 1) if self.chance(0.5) else []
        self.registers, self.pointers = before
        lines = [f"if ({condition}) {{", *then, "}"]
        if otherwise:
            lines += ["else {", *otherwise, "}"]
        return lines

    def locked(self, depth: int) -> list[str]:
        self.accesses += 1
        tested = self.random.choice(self.registers) if self.registers and self.chance(0.2) else None
        before = list(self.registers), list(self.pointers)
        inside = self.statements(self.random.randint(1, 2), depth + 1)
        if tested is not None:
            self.registers, self.pointers = list(before[0]), list(before[1])
            otherwise = [*self.statements(1, depth + 1), "spin_unlock(l);"]
            self.registers, self.pointers = before
            return [
                "spin_lock(l);",
                f"if ({tested}) {{",
                *inside,
                "spin_unlock(l);",
                "}",
                "else {",
                *otherwise,
                "}",
            ]
        if self.chance(0.2):
            register = self.new_register()
            return [f"{register} = spin_trylock(l);", f"if ({register}) {{", *inside, "spin_unlock(l);", "}"]
        return ["spin_lock(l);", *inside, "spin_unlock(l);"]

    def told_section(self) -> list[str]:
        """A section between accesses, which tells by a variable of its own whether it is the later one."""
        before = self.statements(self.chance(0.4), 1)
        register = self.new_register()
        self.named.append((self.thread, register))
        tell = [f"{register} = READ_ONCE(*w);", "WRITE_ONCE(*w, 1);"]
        release = ["spin_unlock(l);"] * (2 if self.chance(0.1) else 1)
        return [*before, "spin_lock(l);", *tell, *self.statements(1, 1), *release, *self.statements(1, 1)]

    def count_up(self) -> list[str]:
        """A counter is changed by sums alone: atomic ones, or sums in sections of one lock; few are loose."""
        self.accesses += 3
        register, amount = self.new_register(), self.random.randint(1, 2)
        name = self.variables[0]
        if self.under_lock:
            self.registers.append(register)
            self.named.append((self.thread, register))
            read, write = f"{register} = READ_ONCE(*{name});", f"WRITE_ONCE(*{name}, {register} + {amount});"
            loose = [["spin_lock(l);", read, "spin_unlock(l);", write], [read, write]]
            if self.chance(0.3):
                return self.random.choice(loose)
            return ["spin_lock(l);", read, write, *[read, write] * self.chance(0.2), "spin_unlock(l);"]
        text = self.random.choice(
            (
                f"atomic_inc({name});",
                f"atomic_add({amount}, {name});",
                f"{register} = atomic_fetch_add_relaxed({amount}, {name});",
                f"{register} = atomic_inc_return({name});",
                f"{register} = atomic_dec_return_release({name});",
                f"{register} = atomic_dec_and_test({name});",
                f"{register} = atomic_add_unless({name}, {amount}, {self.random.randint(0, 2)});",
            )
        )
        if text.startswith(register):
            self.registers.append(register)
            self.named.append((self.thread, register))
        return [text]

    def hand_on(self) -> list[str]:
        """Updates of one variable that nothing else writes to, with fences or without, among other accesses."""
        name = self.variables[0]
        others, self.variables, known = self.variables, self.variables[1:], list(self.registers)
        before = self.random.choice((self.read, self.write))()
        after = self.random.choice((self.read, self.write))()
        self.variables = others
        register, suffix = self.new_register(), self.random.choice(SUFFIXES)
        text = self.random.choice(
            (
                "atomic_inc({name});",
                "{register} = xchg{suffix}({name}, 2);",
                "{register} = atomic_inc_return{suffix}({name});",
                "{register} = atomic_fetch_add{suffix}(2, {name});",
                "{register} = atomic_add_unless({name}, 1, 1);",
                "{register} = cmpxchg{suffix}({name}, 0, 1);",
            )
        ).format(name=name, register=register, suffix=suffix)
        if text.startswith(register):
            self.registers.append(register)
            self.named.append((self.thread, register))
        return [*before, *self.loose_fence(known), text, *self.loose_fence(known), *after]

    def loose_fence(self, known: list[str]) -> list[str]:
        """None, one, or one on some ways only, as a register tells."""
        if self.chance(0.5):
            return []
        fences = ("smp_mb", "smp_mb__before_atomic", "smp_mb__after_atomic", "barrier")
        fence = f"{self.random.choice(fences)}();"
        if known and self.chance(0.4):
            return [f"if ({self.random.choice(known)}) {{", fence, "}"]
        return [fence]

    def read_section(self, depth: int) -> list[str]:
        inside = self.statements(self.random.randint(1, 3), depth + 1)
        if self.theme == "srcu":
            register = f"i{self.section}"
            self.section += 1
            self.accesses += 1
            return [f"{register} = srcu_read_lock(ss);", *inside, f"srcu_read_unlock(ss, {register});"]
        return ["rcu_read_lock();", *inside, "rcu_read_unlock();"]

    def fence(self) -> list[str]:
        if self.theme == "srcu" and self.chance(0.4):
            return ["synchronize_srcu(ss);"]
        return [f"{self.random.choice(FENCES)}();"]

    def statement(self, depth: int) -> list[str]:
        if self.accesses >= MOST_ACCESSES:
            return []
        kinds = [self.read, self.read, self.write, self.write, self.fence]
        if self.theme == "counter":
            kinds = [self.count_up, self.count_up, self.count_up, self.read]
        if self.theme == "handed":
            kinds = [self.hand_on]
        if self.theme in ("atomic", "equal"):
            kinds += [self.update, self.update]
        if self.theme == "pointer":
            kinds += [self.pointer, self.pointer]
        if depth < 2:
            kinds.append(lambda: self.branch(depth))
        if depth == 0 and self.theme in ("lock", "equal"):
            kinds += [lambda: self.locked(depth)] * 2
        if depth == 0 and self.theme in ("rcu", "srcu"):
            kinds += [lambda: self.read_section(depth)] * 2
        return self.random.choice(kinds)()

    def statements(self, count: int, depth: int) -> list[str]:
        return [line for _ in range(count) for line in self.statement(depth)]

    def body(self, thread: int) -> list[str]:
        self.thread, self.count, self.section = thread, 0, 0
        self.registers, self.pointers = [], []
        if self.theme == "sections":
            return self.statements(2, 1) if thread == 2 else self.told_section()
        if self.theme == "handed":
            return self.statements(2 if self.chance(0.2) else 1, 0)
        few = self.theme in ("counter", "equal")
        return self.statements(self.random.randint(1, 2) if few else self.random.randint(2, 4), 0)

    def bodies(self) -> list[list[str]]:
        """Of two or three threads; those of the theme "equal" are the same but for one, now and then."""
        count = self.random.randint(2, 3)
        if self.theme != "equal":
            return [self.body(thread) for thread in range(count)]
        body = self.body(0)
        read = list(self.named)
        bodies = [self.body(1)] if self.chance(0.3) else []
        named = self.chance(0.4)
        self.named = [(thread, name) for thread in range(count if named else 0) for _, name in read]
        return [body] * count + bodies


def program(seed: int, wanted: str = "") -> str:
    """The text of the random test with this number, of the wanted theme if any."""
    source = random.Random(seed)
    theme = wanted or source.choice(THEMES)
    plain = 0.5 if theme == "plain" else source.choice((0, 0.2))
    count = 2 if theme == "handed" else source.randint(1, 3)
    writer = Writer(source, theme, plain, ["x", "y", "z"][:count])
    writer.under_lock = theme == "counter" and writer.chance(0.5)
    bodies = writer.bodies()
    parameters = ", ".join(f"int *{name}" for name in writer.variables)
    parameters += ", int *w, int **p, spinlock_t *l, struct srcu_struct *ss"
    initial = "{ x=1; }" if theme == "counter" and writer.chance(0.4) else "{}"
    lines = [f"C random-{seed}", "", "{ int *p = &x; }" if theme == "pointer" else initial, ""]
    for thread, body in enumerate(bodies):
        lines += [f"P{thread}({parameters})", "{", *body, "}", ""]
    lines.append(question(writer))
    return "\n".join(lines) + "\n"


def question(writer: Writer) -> str:
    """An exists clause over some of the registers and variables."""
    source = writer.random
    atoms = [f"{thread}:{register}={source.randint(0, 2)}" for thread, register in writer.named]
    atoms += [f"{name}={source.randint(1, 2)}" for name in writer.variables]
    chosen = source.sample(atoms, min(len(atoms), source.randint(1, 3)))
    shown = [f"{thread}:{register};" for thread, register in writer.named]
    shown += [f"{name};" for name in writer.variables]
    clause = " /\\ ".join(chosen)
    return f"locations [{' '.join(shown)}]\nexists ({clause})"
