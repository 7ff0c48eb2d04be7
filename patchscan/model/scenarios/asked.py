"""The models of a series, for the rules that ask; light until one may apply."""

from __future__ import annotations

from collections.abc import Iterator

from patchscan.basics.keep import kept
from patchscan.model.scenarios.touched import concerned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from patchscan.context import Context
    from patchscan.finding import Finding, Silence
    from patchscan.results import ModelResult


def models(context: Context, rule: str) -> Iterator[Finding | Silence]:
    """What one rule has to say of the behavioural models that the series changes (see patchscan.model)."""
    if asked(context):
        from patchscan.model.scenarios.findings import check_models

        yield from check_models(context, rule)


def executed_models(context: Context) -> tuple[ModelResult, ...]:
    """The models of the series that rules have asked for."""
    if not asked(context):
        return ()
    from patchscan.model.scenarios.findings import results_of

    return results_of(context.states)


def asked(context: Context) -> bool:
    """Whether the series may change a model that we have a scenario for, and models are wanted.

    Without a tree a reader's or an updater's code is not at hand, and what is missing would look unordered.
    """
    if not context.settings.simulate:
        return False
    last = context.all[-1] if context.all else context
    return _concerned(last) and context.has_tree


@kept
def _concerned(last: Context) -> bool:
    """The same for all patches of a series, for five rules ask it of every patch; last: of its last one."""
    return concerned(last.states)
