"""What could not be read or checked, as a value that reaches the report."""

from patchscan.basics.record import frozen


@frozen
class Problem:
    """One thing that went wrong with the input; the rest of the work goes on.

    where: what it concerns ("v4.mbox, message 3", "mm/gup.c", "rules/mine.py").
    message: one line that says what is wrong and, where there is a way, what to do.
    lost: whether something was not judged for it that was ours to judge; details: lines for who wants to mend it.
    """

    where: str
    message: str
    lost: bool = False
    details: tuple[str, ...] = ()
