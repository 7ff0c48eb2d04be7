"""Whether a struct lacks a member where a line is compiled: in all configurations, or in one that is found."""

import re
from collections.abc import Sequence

from patchscan.basics.formula import Formula, all_of, any_of, follows
from patchscan.c.branches import Condition
from patchscan.c.members import Member
from patchscan.c.source import Source
from patchscan.context import Context
from patchscan.kbuild.built import built_exactly_when
from patchscan.kconfig.solve import Configuration as Configuration
from patchscan.kconfig.solve import find_configuration
from patchscan.lookup.compiled import dropped_in
from patchscan.lookup.edges import condition
from patchscan.lookup.headers import headers_near, text_of_header
from patchscan.lookup.unapplied import as_built
from patchscan.lookup.used import formula_of
from patchscan.tree.overlay import View


def stands_under_unknown(source: Source, line: int) -> bool:
    """Whether a line stands under #if 0, or a macro that is no option and that perhaps nobody defines."""
    around = condition(source.conditions_at(line))
    return around is not None and (around.kind == "constant" or not around.plain)


def is_macro(view: View, source: Source, own: Sequence[str], name: str) -> bool:
    """Whether the file, a header of its own, or a common one gives a name another meaning: d_lock is d_lockref.lock."""
    define = re.compile(rb"#[ \t]*define[ \t]+%s\b" % re.escape(name.encode()))
    headers = headers_near(view, name, own)
    texts = (text_of_header(view, each) for each in headers if each in own or each.startswith("include/"))
    return define.search(source.text) is not None or any(define.search(text) for text in texts)


def is_dropped(source: Source, line: int, name: str) -> bool:
    """Whether a macro of the text that is called on a line may leave out a name that it is handed."""
    return any(True for _ in dropped_in((source,), source.code_text(line), name))


def lacking(context: Context, source: Source, line: int, members: Sequence[Member]) -> Configuration | None:
    """A configuration that builds a line and has none of some members; None where none is found, or it is not known."""
    there = any_of(_when(each.conditions) for each in members)
    if not there.atoms or not there.plain:
        return None
    if any(is_dropped(source, line, each.name) for each in members):
        return None
    view = as_built(context)
    built = built_exactly_when(view, source.path)
    here = _when(source.conditions_at(line))
    if built is None or not (built.plain and here.plain) or follows(there, built, here) is not False:
        return None
    return find_configuration(view, all_of((built, here)), there)


def _when(conditions: Sequence[Condition]) -> Formula:
    return all_of(formula_of(each.expression, each.negated) for each in conditions)
