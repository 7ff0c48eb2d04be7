"""What a rule says: findings, their evidence, and why it stays silent."""

from typing import Literal

from patchscan.basics.record import frozen

Severity = Literal["error", "warning", "info"]
Confidence = Literal["high", "medium", "low"]
# "" stands for that of the rule, which the runner fills in.
GivenSeverity = Severity | Literal[""]
GivenConfidence = Confidence | Literal[""]

CHANGELOG = "(changelog)"
# What the reason begins with where a finding is told with another of the same cause.
TOLD_WITH = "told with "
# What stands in its message before the other places of that cause.
ALSO_AT = "; the same: "
# What stands in a message before what is said of another place.
AND_ALSO = "; also "


@frozen
class Evidence:
    """A place that supports a finding; text is the line quoted."""

    path: str
    line: int
    text: str


@frozen
class Edit:
    """Lines of a file as a patch leaves it, and those to put in their place.

    first: the number of the first of the old lines; above, below: up to three lines around them, by which they are
    found in another state of the file.
    """

    path: str
    first: int
    old: tuple[str, ...]
    new: tuple[str, ...]
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()

    @property
    def start(self) -> int:
        """The number of the first line that is known of the place."""
        return self.first - len(self.above)

    @property
    def before(self) -> tuple[str, ...]:
        """All that is known of the place, as it is."""
        return (*self.above, *self.old, *self.below)

    @property
    def after(self) -> tuple[str, ...]:
        """The same once the edit is made."""
        return (*self.above, *self.new, *self.below)


Fix = tuple[Edit, ...]


@frozen
class Finding:
    """What a reviewer would say, at the line where they would say it.

    path: the file after the patch, or "(changelog)"; line: in that file (1 is the first body line of a
    changelog); fix: edits on top of the patch, in order; model: the name of a Model that proves it.
    The runner fills rule, severity, confidence (where the rule left them empty), patch, text, alike (how many
    of the same rule, path and text stand before it) and preexisting: the rule says the same of the code before the
    patch. construct: first and last line of what is judged, where that is more than the line. repaired_by: a later
    patch of the series after which it no longer holds. alone: its own message, where what others say is told with it.
    """

    path: str
    line: int
    message: str
    evidence: tuple[Evidence, ...] = ()
    fix: Fix | None = None
    model: str | None = None
    severity: GivenSeverity = ""
    confidence: GivenConfidence = ""
    rule: str = ""
    patch: int = 0
    text: str = ""
    alike: int = 0
    preexisting: bool = False
    construct: tuple[int, int] | None = None
    repaired_by: int | None = None
    suppressed: str | None = None
    alone: str = ""

    @property
    def fingerprint(self) -> str:
        """A name of 16 hexadecimal digits that survives a rebase and a new revision of the series.

        It is made of the rule, the path and the text of the line without its white space, and of a count where
        these are the same; never of line numbers, patch numbers or the wording of the message.
        """
        # OpenSSL takes its time to load, and few reports show fingerprints.
        import hashlib

        key = (self.rule, self.path, "".join(self.text.split()), str(self.alike))
        return hashlib.sha256("\0".join(key).encode("utf-8", "surrogateescape")).hexdigest()[:16]

    @property
    def own(self) -> str:
        """What it says itself, without what is told with it of other places."""
        return self.alone or self.message

    @property
    def counts(self) -> bool:
        """Whether it may fail a run: not what was there before, is repaired later or was suppressed."""
        return not self.preexisting and self.repaired_by is None and self.suppressed is None

    @property
    def stands(self) -> bool:
        """Whether it holds of the code, be it told here or with another one of the same cause."""
        return self.counts or (self.suppressed or "").startswith(TOLD_WITH)


@frozen
class Silence:
    """Why a rule that looked at a line says nothing of it.

    checked: True when the line is fine, False when the rule abstained because it could not know
    (those are the report's "not checked"). The runner fills rule and patch.
    """

    path: str
    line: int
    reason: str
    checked: bool
    rule: str = ""
    patch: int = 0
