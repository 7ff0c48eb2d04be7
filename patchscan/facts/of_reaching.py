"""The files that a text includes, with each condition around the line as written: what is followed from a file."""

from collections.abc import Iterator, Sequence

from patchscan.basics.record import frozen
from patchscan.c.includes import Include, includes
from patchscan.c.source import Condition, Source
from patchscan.facts.kind import Kind


@frozen
class ReachingFact:
    """An #include. name, quoted, line: see Include; conditions: a line each, with "!" before what does not hold."""

    name: str
    quoted: bool
    line: int
    conditions: str


def reaching(source: Source) -> Iterator[ReachingFact]:
    """The #include lines of a text, in order."""
    for each in includes(source.text):
        conditions = "\n".join(f"{'!' if one.negated else ' '}{one.expression}" for one in each.conditions)
        yield ReachingFact(each.name, each.quoted, each.line, conditions)


def as_includes(facts: Sequence[ReachingFact]) -> tuple[Include, ...]:
    """The #include lines that such facts speak of; the lines of their conditions are not known."""
    return tuple(
        Include(
            each.name,
            each.quoted,
            each.line,
            tuple(Condition(line[1:], line[0] == "!", 0) for line in each.conditions.split("\n") if line),
        )
        for each in facts
    )


KIND = Kind("reaching", ReachingFact, reaching)
