"""Three-valued facts: what is on, off or unknown, and how deep."""

from patchscan.basics.record import frozen

DEEP = 9


@frozen
class Fact:
    """Whether something holds, and the line (0: it holds on entry) that made it so."""

    value: bool | None = None
    line: int = 0

    def merge(self, other: "Fact") -> "Fact":
        """What holds where two paths meet."""
        if self.value is not other.value:
            return UNKNOWN_FACT
        return self if self.line <= other.line else other


UNKNOWN_FACT = Fact()


@frozen
class Depth:
    """How often something was entered and not left: at least low, at most high; base: what held on entry."""

    low: int = 0
    high: int = 0
    base: bool | None = None
    line: int = 0

    @property
    def value(self) -> bool | None:
        if self.low > 0:
            return True
        return self.base if self.high == 0 or self.base else None

    def enter(self, line: int) -> "Depth":
        return Depth(
            min(self.low + 1, DEEP), min(self.high + 1, DEEP), self.base, self.line if self.low else line
        )

    def leave(self) -> "Depth":
        """Left once; below the entry depth nothing is known any more."""
        if self.high == 0:
            return Depth()
        high = self.high if self.high == DEEP else self.high - 1
        return Depth(max(self.low - 1, 0), high, self.base, self.line)

    def change(self, by: int, line: int) -> "Depth":
        """Entered by that many levels; left, where it is negative."""
        depth = self
        for _ in range(abs(by)):
            depth = depth.enter(line) if by > 0 else depth.leave()
        return depth

    def asserted(self, value: bool | None, line: int) -> "Depth":
        """What holds after an assertion that it is entered, or is not; None: nothing was asserted."""
        if value is None or self.value is not None:
            return self
        return Depth(self.low, self.high if value else 0, value, line)

    def merge(self, other: "Depth") -> "Depth":
        if self is other:
            return self
        base = self.base if self.base is other.base else None
        line = max(self.line, other.line) if 0 in (self.line, other.line) else min(self.line, other.line)
        return Depth(min(self.low, other.low), max(self.high, other.high), base, line)
