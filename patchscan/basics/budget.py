"""The bounds of a scan, all of them: how much there may be of anything before the rest is left, and what is then said.

Counts come first, so that a report is the same on every machine and under every load; CPU time is the last guard. What
a bound leaves out is never taken for clean: it is told as not judged (exit status 3), as judged with less, as a silence
or as a model without a verdict.
"""

from patchscan.basics.record import frozen


@frozen
class Bound:
    """One bound: so many of a unit, why that many, and the words of a report when it is met."""

    most: int
    unit: str
    why: str
    said: str


_WAYS = "not followed on all ways"
_ASKS = "a claim that needs what was dropped is not made"
_COMBINATIONS = "there are more combinations of conditions than were looked at"
_NOTHING = "a claim that needs it is not made"


@frozen
class Budget:
    """What one scan may take."""

    # What is read
    input_bytes: Bound = Bound(
        128 << 20,
        "bytes of an input other than a mailbox",
        "held as lines it takes ten to thirty times that",
        "not read: it holds more than",
    )
    archive_bytes: Bound = Bound(
        4 << 30,
        "bytes of an mbox",
        "it is read in two passes, and above 16 MiB never held",
        "not read: it holds more than",
    )
    unpacked_bytes: Bound = Bound(
        128 << 20, "bytes of a compressed mailbox", "a small one may hold gigabytes", "unpacks to more than"
    )
    mail_bytes: Bound = Bound(
        32 << 20, "bytes of a mail", "it takes ten times that to read it", "this mail has"
    )
    line_bytes: Bound = Bound(
        1 << 20,
        "bytes of a line",
        "no source has one; some patterns look twice at one",
        "a line of this mail has",
    )
    parts: Bound = Bound(
        150,
        "calls to read parts within parts",
        "each line is looked at once a part that it is in, and no mailer nests ten",
        "its parts nest too deeply",
    )
    group_mails: Bound = Bound(10_000, "mails of one work", "only one work of an archive is held", "are read")
    tree_file_bytes: Bound = Bound(
        64 << 20,
        "bytes of a file of the tree",
        "the largest of 6.12 has 23 MiB",
        "files are judged from their hunks",
    )
    settings_bytes: Bound = Bound(
        4 << 20, "bytes of a configuration", "none has", "not read: it holds more than"
    )
    schema_bytes: Bound = Bound(
        256 << 10,
        "bytes of a schema, or of a Devicetree source its fourfold",
        "the largest of 6.12 has 64 KiB",
        "not read: it holds more than",
    )
    schema_depth: Bound = Bound(
        64, "values or nodes within each other", "schemas have some twenty", "nests deeper than"
    )
    schema_values: Bound = Bound(
        40_000,
        "values of a schema, or nodes and properties of a source",
        "each is held",
        "holds more values than",
    )
    # Time and depth
    seconds: Bound = Bound(
        60,
        "s of CPU time a patch",
        "a large patch takes some seconds; --time-limit sets it",
        "the time limit of",
    )
    worker_limits: Bound = Bound(
        60, "time limits an input of --jobs", "a worker that hangs uses no CPU time", "not judged within"
    )
    calls: Bound = Bound(
        10_000,
        "calls within each other",
        "a tenth of what 256 MiB of stack hold, with the most costly ones (generators within any())",
        "the rule failed: RecursionError",
    )
    # Ways through a function
    depth: Bound = Bound(150, "statements or expressions within each other", "code has some ten", _WAYS)
    points: Bound = Bound(6_000, "points of a function", "the graph of a function is held whole", _WAYS)
    steps: Bound = Bound(20_000, "steps of a walk", "each decision may double the ways", _WAYS)
    states: Bound = Bound(40, "states at a point", "beyond them facts are dropped, not ways", _ASKS)
    facts: Bound = Bound(32, "things known on a way", "beyond them facts are dropped, not ways", _ASKS)
    look_ups: Bound = Bound(
        40, "callees looked up in the tree, a file", "each reads files", "others were looked up before it"
    )
    # Models
    statements: Bound = Bound(
        20_000,
        "statements of a model, those of what it calls included",
        "each call brings others",
        "there is more code than is followed",
    )
    choices: Bound = Bound(
        400, "steps to resolve the conditions of a thread", "each doubles what follows", _COMBINATIONS
    )
    variants: Bound = Bound(64, "variants of a thread", "each is a thread of its own", _COMBINATIONS)
    models: Bound = Bound(48, "models of a case", "each is executed", _COMBINATIONS)
    # The engine of the memory model
    events: Bound = Bound(
        1_000, "events of a model", "a relation of n has n * n bits", "events are more than"
    )
    variables: Bound = Bound(1_000_000, "variables of a formula", "its clauses are held", "variables")
    effort: Bound = Bound(
        20_000,
        "candidates looked at, 20000 conflicts of the solver counted as 500",
        "a count, so that a verdict is the same on every machine",
        "candidate executions",
    )
    engine_seconds: Bound = Bound(300, "s of CPU time a model", "far above the counts", "the time limit")
    values: Bound = Bound(
        20_000, "values that the reads may return", "each is a literal", "the reads may return"
    )
    operators: Bound = Bound(
        1_000, "operators of one value", "it is worked out for all values", "is computed by"
    )
    rounds: Bound = Bound(
        1_000, "rounds of a loop with a known condition", "each is written out", "has no end"
    )
    # Kconfig and Makefiles
    configurations: Bound = Bound(
        6_000, "steps to find a configuration", "where none is found none is claimed", _NOTHING
    )
    expansion: Bound = Bound(
        1_000_000, "characters that a Makefile expands to", "variables may double each other", _NOTHING
    )


BUDGET = Budget()


def bounds() -> tuple[tuple[str, Bound], ...]:
    """Each bound with its name, in the order of their table."""
    return tuple((name, getattr(BUDGET, name)) for name in Budget.__match_args__)
