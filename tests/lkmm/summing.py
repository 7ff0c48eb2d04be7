"""Random threads that change a variable by sums, in the ways of the kernel: compare-and-exchange, sequence counts, and
sums that may get lost. Some come near to that only.

x is the variable, y and z are written and read beside it. The conditions ask for values, for equal ones, and for less.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

THEMES = ("exchange", "seqcount", "racy")
PLACES = ("x", "y", "z")


@dataclass
class Thread:
    """One thread in the making; known: what it has read of x."""

    random: random.Random
    known: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def register(self, of_sums: bool = True) -> str:
        name = f"r{len(self.named)}"
        self.named.append(name)
        if of_sums:
            self.known.append(name)
        return name

    def some(self) -> str:
        return self.random.choice(self.known)

    def amount(self) -> int:
        return self.random.choice((1, 1, 1, 2, 2, -1, 0))

    def read(self) -> str:
        text = self.random.choice((*["READ_ONCE(*x)"] * 4, "smp_load_acquire(x)", "*x"))
        return f"{self.register()} = {text};"

    def store(self, value: str) -> str:
        text = self.random.choice(("WRITE_ONCE(*x, {});", "WRITE_ONCE(*x, {});", "smp_store_release(x, {});"))
        return text.format(value)

    def compared(self) -> str:
        """A condition on what was read of x."""
        one = self.some()
        texts = [f"{one} == {self.some()}", f"{one} != {self.some()} + 1", f"{one} + 1 != {self.some()} + 1"]
        texts += [f"{one} > {self.random.randint(0, 2)}", f"{one} == {self.random.randint(0, 3)}", one]
        texts += [f"{one} == {self.some()} && {one} != 1", f"{one} & 1"]
        return self.random.choice(texts)

    def told(self) -> list[str]:
        """Something that is done, or seen, where a condition holds."""
        if not self.known:
            return []
        return [f"if ({self.compared()}) {{", self.random.choice(("WRITE_ONCE(*z, 1);", "*y = 2;")), "}"]

    def exchange(self) -> list[str]:
        lines = [self.read()] if not self.known or self.chance(0.3) else []
        old = self.some() if self.chance(0.8) else str(self.random.randint(0, 2))
        new = f"{old} + {self.amount()}" if not old.isdigit() else str(int(old) + self.amount())
        if self.chance(0.15):
            new = self.random.choice(("1", "2", f"{self.some()} + 1"))
        suffix = self.random.choice(("", "_relaxed", "_acquire", "_release"))
        lines.append(f"{{}} = cmpxchg{suffix}(x, {old}, {new});".format(self.register()))
        if self.chance(0.3):
            again = old if not old.isdigit() and self.chance(0.5) else "r9"
            lines += [f"if ({self.named[-1]} != {old}) {{", f"{again} = {self.named[-1]};"]
            lines += [f"r9 = cmpxchg(x, {again}, {again} + 1);", "}"]
        return lines + (self.told() if self.chance(0.5) else [])

    def added(self) -> list[str]:
        if self.chance(0.5):
            return [f"atomic_add({self.amount()}, x);"]
        return [f"{self.register()} = atomic_fetch_add({self.amount()}, x);"]

    def section(self) -> list[str]:
        """The two steps of a sequence count around a write, under a lock."""
        load, write = ("*x", "*x = {};") if self.chance(0.15) else ("READ_ONCE(*x)", "WRITE_ONCE(*x, {});")
        mine = self.register()
        lines = [f"{mine} = {load};", write.format(f"{mine} + {self.amount()}")]
        if self.chance(0.15):
            lines[1:] = ["r8 = READ_ONCE(*z);", "if (r8) {", lines[1], "}"]
        lines += ["smp_wmb();"] * self.chance(0.5) + ["WRITE_ONCE(*y, 1);"] * self.chance(0.5)
        if self.chance(0.2):
            mine = self.register()
            lines.append(f"{mine} = {load};")
        if self.chance(0.8):
            lines.append(write.format(f"{mine} + {self.random.choice((2, 2, 2, 3, 1))}"))
        if self.chance(0.2):
            lines.append(write.format(f"{mine} + {self.random.choice((2, 3, 4))}"))
        ends = len(lines) - self.chance(0.15)
        return ["spin_lock(l);", *lines[:ends], "spin_unlock(l);", *lines[ends:]]

    def look(self) -> list[str]:
        """Two looks at the count, around another read."""
        lines = [self.read(), *["smp_rmb();"] * self.chance(0.6)]
        lines.append(f"{self.register(False)} = READ_ONCE(*y);")
        return [*lines, *["smp_rmb();"] * self.chance(0.6), self.read(), *self.told()]

    def racy(self) -> list[str]:
        """A sum that others may come between, or a store that forgets all sums."""
        if self.chance(0.15):
            return [self.store(str(self.random.randint(0, 3)))]
        lines = [self.read()] if not self.known or self.chance(0.8) else []
        return [*lines, self.store(f"{self.some()} + {self.amount()}")]

    def statements(self, theme: str) -> list[str]:
        if theme == "exchange":
            return self.random.choice((self.exchange, self.exchange, self.exchange, self.added))()
        if theme == "seqcount":
            return self.random.choice((self.section, self.section, self.look))()
        return self.random.choice((self.racy, self.racy, self.racy, self.told))()


def summing_program(seed: int, theme: str) -> str:
    """The text of the random test with this number."""
    source = random.Random(f"{theme} {seed}")
    threads = [Thread(source) for _ in range(source.choice((2, 3)))]
    few = 1 if len(threads) == 3 else 2
    parameters = "int *x, int *y, int *z, spinlock_t *l"
    lines = [f"C {theme}-{seed}", "", source.choice(("{}", "{}", "{ x=1; }", "{ x=-1; }")), ""]
    for number, thread in enumerate(threads):
        body = [line for _ in range(source.randint(1, few)) for line in thread.statements(theme)]
        lines += [f"P{number}({parameters})", "{", *body, "}", ""]
    return "\n".join([*lines, _question(source, threads)]) + "\n"


def _question(source: random.Random, threads: list[Thread]) -> str:
    named = [(f"{number}:{name}") for number, thread in enumerate(threads) for name in thread.named]
    named += PLACES
    atoms = [f"{one}={source.randint(-1, 4)}" for one in named]
    if source.random() < 0.2:
        atoms.append(f"{source.choice(named)}={source.choice(named)}")
    chosen = source.sample(atoms, min(len(atoms), source.choice((1, 1, 2))))
    signed = [f"~{atom}" if source.random() < 0.2 else atom for atom in chosen]
    shown = f"locations [{' '.join(f'{one};' for one in named)}]\n" if source.random() < 0.5 else ""
    joined = source.choice((" /\\ ", " \\/ ")).join(signed)
    return f"{shown}exists ({joined})"
