"""Constants through a body: a branch whose condition is known on its path becomes the arm that is taken."""

from dataclasses import dataclass, field, replace

from patchscan.model.events import Assign, Body, Branch, Choice, Deferred, Event, Update, Write
from patchscan.model.values import (
    Const,
    Operation,
    Register,
    Value,
    combine,
    is_symbol,
    negate,
    truth,
)


@dataclass
class _Known:
    """What is certain on a path: the values a register can have, and the conditions that hold or do not."""

    values: dict[str, frozenset[Value]] = field(default_factory=dict)
    facts: dict[Value, bool] = field(default_factory=dict)

    def copy(self) -> "_Known":
        return _Known(dict(self.values), dict(self.facts))

    def meet(self, yes: "_Known", no: "_Known") -> None:
        """What is certain after a branch: either arm's values, and the facts that both arms know."""
        both = yes.values.keys() & no.values.keys()
        self.values = {name: yes.values[name] | no.values[name] for name in both}
        self.facts = {fact: holds for fact, holds in yes.facts.items() if no.facts.get(fact) == holds}


def propagate(body: Body) -> Body:
    """The body with copies followed and decided branches taken; no other event changes."""
    return _body(body, _Known())


def _body(body: Body, known: _Known) -> Body:
    out: list[Event] = []
    for event in body:
        if isinstance(event, Assign):
            event = replace(event, value=_substitute(event.value, known))
            simple = isinstance(event.value, (Const, Register)) or is_symbol(event.value)
            known.values.pop(event.register.name, None)
            if simple:
                known.values[event.register.name] = frozenset({event.value})
            out.append(event)
        elif isinstance(event, Branch):
            out.extend(_branch(event, known))
        elif isinstance(event, Choice):
            yes, no = known.copy(), known.copy()
            then, otherwise = _body(event.then, yes), _body(event.otherwise, no)
            known.meet(yes, no)
            out.append(replace(event, then=then, otherwise=otherwise))
        elif isinstance(event, Write):
            out.append(replace(event, value=_substitute(event.value, known)))
        elif isinstance(event, Update):
            out.append(replace(event, operands=tuple(_substitute(value, known) for value in event.operands)))
        elif isinstance(event, Deferred):
            out.append(replace(event, body=_body(event.body, known.copy())))
        else:
            out.append(event)
    return tuple(out)


def _branch(event: Branch, known: _Known) -> Body:
    condition = truth(_substitute(event.condition, known))
    decided = _decide(condition, known)
    if decided is not None:
        return _body(event.then if decided else event.otherwise, known)
    yes, no = known.copy(), known.copy()
    for arm, holds in ((yes, True), (no, False)):
        arm.facts[condition] = holds
        arm.facts[negate(condition)] = not holds
    then, otherwise = _body(event.then, yes), _body(event.otherwise, no)
    known.meet(yes, no)
    return (replace(event, condition=condition, then=then, otherwise=otherwise),)


def _decide(condition: Value, known: _Known) -> bool | None:
    """Whether a condition holds, from its value, the facts of the path, or every value of its register."""
    if isinstance(condition, Const):
        return bool(condition.number)
    if condition in known.facts:
        return known.facts[condition]
    if isinstance(condition, Operation) and isinstance(condition.left, Register):
        values = known.values.get(condition.left.name, frozenset())
        results = {combine(condition.operator, value, condition.right) for value in values}
        if results and results <= {Const(0), Const(1)} and len(results) == 1:
            return results == {Const(1)}
    return None


def _substitute(value: Value, known: _Known) -> Value:
    """The value with known registers replaced, folded; a symbol and a number stay apart."""
    if isinstance(value, Register):
        values = known.values.get(value.name, frozenset())
        return next(iter(values)) if len(values) == 1 else value
    if isinstance(value, Operation):
        left, right = _substitute(value.left, known), _substitute(value.right, known)
        if is_symbol(left) != is_symbol(right) and (left, right) != (value.left, value.right):
            return value
        return combine(value.operator, left, right)
    return value
