"""Constants through a body: a branch whose condition is known on its path becomes the arm that is taken."""

from itertools import islice

from patchscan.basics.record import field, record, replace
from patchscan.model.lowering.abstract_values import (
    Const,
    Operation,
    Register,
    Value,
    combine,
    is_symbol,
    negate,
    truth,
)
from patchscan.model.lowering.lowered import (
    Assign,
    Body,
    Branch,
    Choice,
    Deferred,
    Event,
    Update,
    Write,
    with_arms,
    with_body,
)

_CHANGING = frozenset({Assign, Branch, Choice, Write, Update, Deferred})


@record
class _Known:
    """What is certain on a path: the values a register can have, and the conditions that hold or do not."""

    values: dict[str, frozenset[Value]] = field(default_factory=dict)
    facts: dict[Value, bool] = field(default_factory=dict)

    def copy(self) -> "_Known":
        return _Known(dict(self.values), dict(self.facts))

    def meet(self, yes: "_Known", no: "_Known") -> None:
        """What is certain after a branch: either arm's values, and the facts that both arms know."""
        both = yes.values.keys() & no.values.keys()
        ways = ((name, yes.values[name], no.values[name]) for name in both)
        self.values = {name: one if one is other else one | other for name, one, other in ways}
        # Both arms began with the facts that are known here, and none of these changes.
        learnt = islice(yes.facts.items(), len(self.facts), None)
        self.facts.update([(fact, holds) for fact, holds in learnt if no.facts.get(fact) == holds])


def propagate(body: Body) -> Body:
    """The body with copies followed and decided branches taken; no other event changes."""
    return _body(body, _Known())


def _body(body: Body, known: _Known) -> Body:
    if not body:
        return body
    out: list[Event] = []
    same = True
    for event in body:
        if type(event) not in _CHANGING:
            out.append(event)
            continue
        before = len(out)
        out.extend(_event(event, known))
        same = same and len(out) == before + 1 and out[-1] is event
    return body if same else tuple(out)


def _event(event: Event, known: _Known) -> Body:
    """What stands for an event where `known` is certain; itself where nothing changes."""
    if isinstance(event, Assign):
        value = _substitute(event.value, known)
        known.values.pop(event.register.name, None)
        if isinstance(value, (Const, Register)) or is_symbol(value):
            known.values[event.register.name] = frozenset({value})
        return (event if value is event.value else Assign(event.register, value),)
    if isinstance(event, Branch):
        return _branch(event, known)
    if isinstance(event, Choice):
        return (
            with_arms(
                event, *_arms(event, known, _before(event.then, known), _before(event.otherwise, known))
            ),
        )
    if isinstance(event, Write):
        value = _substitute(event.value, known)
        return (event if value is event.value else replace(event, value=value),)
    if isinstance(event, Update):
        operands = tuple(_substitute(value, known) for value in event.operands)
        same = all(one is other for one, other in zip(operands, event.operands, strict=True))
        return (event if same else replace(event, operands=operands),)
    if isinstance(event, Deferred):
        return (with_body(event, _body(event.body, known.copy())),)
    return (event,)


def _branch(event: Branch, known: _Known) -> Body:
    condition = truth(_substitute(event.condition, known))
    decided = _decide(condition, known)
    if decided is not None:
        return _body(event.then if decided else event.otherwise, known)
    yes, no = _before(event.then, known), _before(event.otherwise, known)
    inverse = negate(condition)
    for arm, holds in ((yes, True), (no, False)):
        if arm is not known:
            arm.facts[condition] = holds
            arm.facts[inverse] = not holds
    then, otherwise = _arms(event, known, yes, no)
    if condition == event.condition:
        return (with_arms(event, then, otherwise),)
    return (Branch(condition, then, otherwise, event.place),)


def _before(arm: Body, known: _Known) -> _Known:
    """What is certain where an arm begins, for it to add to; an empty one adds nothing, so both learn nothing."""
    return known.copy() if arm else known


def _arms(event: Branch | Choice, known: _Known, yes: _Known, no: _Known) -> tuple[Body, Body]:
    """Both arms; what is certain behind them goes into `known`."""
    then, otherwise = _body(event.then, yes), _body(event.otherwise, no)
    known.meet(yes, no)
    return then, otherwise


def _decide(condition: Value, known: _Known) -> bool | None:
    """Whether a condition holds, from its value, the facts of the path, or every value of its register."""
    if isinstance(condition, Const):
        return bool(condition.number)
    if condition in known.facts:
        return known.facts[condition]
    if isinstance(condition, Operation) and isinstance(condition.left, Register):
        values = known.values.get(condition.left.name, ())
        results = (
            {combine(condition.operator, value, condition.right) for value in values} if values else None
        )
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
        unchanged = left is value.left and right is value.right
        if unchanged or is_symbol(left) != is_symbol(right):
            return value
        return combine(value.operator, left, right)
    return value
