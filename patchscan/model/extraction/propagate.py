"""Constants through a body: a branch whose condition is known on its path becomes the arm that is taken."""

from patchscan.basics.record import field, once, record, replace
from patchscan.model.extraction.inside import used_in
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
    """What is certain on a path: the values a register can have, and the conditions that hold or do not.

    before: the values that registers had where the arm began that is looked at, of those that it set; learnt: the
    conditions that are known since. Both are taken back where the arm ends.
    """

    values: dict[str, frozenset[Value]] = field(default_factory=dict)
    facts: dict[Value, bool] = field(default_factory=dict)
    before: dict[str, frozenset[Value] | None] = field(default_factory=dict)
    learnt: list[Value] = field(default_factory=list)

    def set(self, name: str, values: frozenset[Value] | None) -> None:
        """A register has one of these values, None for any."""
        self.before.setdefault(name, self.values.get(name))
        if values is not None:
            self.values[name] = values
        else:
            self.values.pop(name, None)

    def learn(self, fact: Value, holds: bool) -> None:
        self.facts[fact] = holds
        self.learnt.append(fact)

    def meet(self, yes: "_Arm", no: "_Arm") -> None:
        """What is certain after a branch: either arm's values, and the facts that both arms learnt."""
        for name in yes.values.keys() | no.values.keys():
            now = self.values.get(name)
            one, other = yes.values.get(name, now), no.values.get(name, now)
            if one is not other:
                self.set(name, one | other if one is not None and other is not None else None)
            elif one is not now:
                self.set(name, one)
        for fact, holds in yes.facts.items():
            if no.facts.get(fact) == holds:
                self.learn(fact, holds)


@record
class _Arm:
    """An arm as it is where its way is certain; values, facts: what it changed, None where it left nothing certain."""

    body: Body
    values: dict[str, frozenset[Value] | None]
    facts: dict[Value, bool]


def propagate(body: Body) -> Body:
    """The body with copies followed and decided branches taken; no other event changes."""
    return _body(body, _Known())


@once
def _is_inert(event: Event) -> bool:
    """Whether an event stays as it is, whatever is certain, and makes nothing so."""
    match event:
        case Choice(_, _, then, otherwise):
            return _all_inert(then) and _all_inert(otherwise)
        case Deferred(_, body):
            return _all_inert(body)
        case Write() | Update():
            return not used_in(event)
    return type(event) not in _CHANGING


@once
def _has_inert_arms(event: Branch) -> bool:
    return _all_inert(event.then) and _all_inert(event.otherwise)


def _all_inert(body: Body) -> bool:
    return all(type(event) not in _CHANGING or _is_inert(event) for event in body)


def _body(body: Body, known: _Known) -> Body:
    out: list[Event] = []
    same = True
    for event in body:
        if type(event) not in _CHANGING or _is_inert(event):
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
        certain = isinstance(value, (Const, Register)) or is_symbol(value)
        known.set(event.register.name, frozenset({value}) if certain else None)
        return (event if value is event.value else Assign(event.register, value),)
    if isinstance(event, Branch):
        return _branch(event, known)
    if isinstance(event, Choice):
        return (with_arms(event, *_arms(event, known)),)
    if isinstance(event, Write):
        value = _substitute(event.value, known)
        return (event if value is event.value else replace(event, value=value),)
    if isinstance(event, Update):
        operands = tuple(_substitute(value, known) for value in event.operands)
        same = all(one is other for one, other in zip(operands, event.operands, strict=True))
        return (event if same else replace(event, operands=operands),)
    if isinstance(event, Deferred):
        return (with_body(event, _arm(event.body, known).body),)
    return (event,)


def _branch(event: Branch, known: _Known) -> Body:
    condition = truth(_substitute(event.condition, known))
    decided = _decide(condition, known)
    if decided is not None:
        return _body(event.then if decided else event.otherwise, known)
    if _has_inert_arms(event):
        then, otherwise = event.then, event.otherwise
    else:
        then, otherwise = _arms(event, known, condition)
    if condition == event.condition:
        return (with_arms(event, then, otherwise),)
    return (Branch(condition, then, otherwise, event.place),)


def _arms(event: Branch | Choice, known: _Known, condition: Value | None = None) -> tuple[Body, Body]:
    """Both arms; what is certain behind them goes into `known`. condition: holds in the one and not in the other."""
    yes, no = _arm(event.then, known, condition, True), _arm(event.otherwise, known, condition, False)
    known.meet(yes, no)
    return yes.body, no.body


def _arm(body: Body, known: _Known, condition: Value | None = None, holds: bool = True) -> _Arm:
    """One arm; an empty one adds nothing to what is certain, so both learn nothing."""
    if not body:
        return _Arm(body, {}, {})
    before, learnt = known.before, known.learnt
    known.before, known.learnt = {}, []
    if condition is not None:
        known.learn(condition, holds)
        known.learn(negate(condition), not holds)
    body = _body(body, known)
    values = {name: known.values.get(name) for name in known.before}
    for name, value in known.before.items():
        if value is not None:
            known.values[name] = value
        else:
            known.values.pop(name, None)
    facts = {fact: known.facts.pop(fact) for fact in known.learnt}
    known.before, known.learnt = before, learnt
    return _Arm(body, values, facts)


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
