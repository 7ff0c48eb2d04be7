"""What a rule says: findings, their evidence, and why it stays silent."""

from patchscan.basics.record import frozen

CHANGELOG = "(changelog)"
# What the reason begins with where a finding is told with another of the same cause.
TOLD_WITH = "told with "
# What stands in its message before the other places of that cause.
ALSO_AT = "; the same: "


@frozen
class Evidence:
    """A place that supports a finding; text is the line quoted."""

    path: str
    line: int
    text: str


@frozen
class Finding:
    """What a reviewer would say, at the line where they would say it.

    path: the file after the patch, or "(changelog)"; line: in that file (1 is the first body line of a
    changelog); fix: a unified diff on top of the patch; model: the name of a Model that proves it.
    The runner fills rule, severity, confidence (where the rule left them empty), patch, text, fingerprint and
    preexisting: the rule says the same of the code before the patch. construct: first and last line of what is
    judged, where that is more than the line. repaired_by: a later patch of the series after which it no longer holds.
    """

    path: str
    line: int
    message: str
    evidence: tuple[Evidence, ...] = ()
    fix: str | None = None
    model: str | None = None
    severity: str = ""
    confidence: str = ""
    rule: str = ""
    patch: int = 0
    text: str = ""
    fingerprint: str = ""
    preexisting: bool = False
    construct: tuple[int, int] | None = None
    repaired_by: int | None = None
    suppressed: str | None = None

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
