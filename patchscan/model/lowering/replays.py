"""A function that was looked into before, taken again: its events as they were, with the numbers of now.

What comes of a body rests on five things, and is taken again only where each of them is as it was:
- what the lowering is made of, beside the code and what Context asks of it: whoever makes Replays has one for each;
- the CPU, the functions that the call is inside of, and whether a second round is looked at: they are part of the key;
- variables: Environment notes which were asked for or set, and what stood in them then is compared with what does now.
  Registers, values that are not followed and frames may have other numbers, one for one and in the same order, for
  nothing asks more of a number;
- the code, and what is looked into, kept and left out: noted as questions (see Asked), and asked again;
- what is watched: what only one of them watches, none of the calls that were not looked into may change;
- the statements that may still be lowered: there must be as many left as it took.
All that it changed is put down and done again. A body in which a number may hide in a text is not kept.
"""

from collections.abc import Iterable, Set
from weakref import ref

from patchscan.basics.record import field, frozen
from patchscan.codebase.definition import Definition
from patchscan.codebase.remembered import Answers, Asked, Question
from patchscan.model.lowering.abstract_values import Address, Local, Operation, Value
from patchscan.model.lowering.environment import Environment, Key, Recorded, is_part, names_with
from patchscan.model.lowering.lowered import Body
from patchscan.model.lowering.memory import Context, Frame, Out, Run
from patchscan.model.lowering.renamed import Pairing, Renaming, hiding

Variables = tuple[tuple[Key, Value | None], ...]
_MOST_ALIKE = 8


@frozen(eq=False)
class _Entry:
    """One body as it was lowered.

    frame, last, given: its frame's number, the last number that was given before it, and how many were in it;
    statements: that it took; before, after: the variables that it touched, None where there is none; among: which there
    were whose names begin in some way, where it looked for those; telling, told: see Asked.answers_as().
    """

    code: ref[Asked]
    context: ref[Asked]
    of_code: Answers
    of_context: Answers
    frame: int
    last: int
    given: int
    statements: int
    before: Variables
    among: tuple[tuple[Key, tuple[str, ...]], ...]
    after: Variables
    watched: tuple[str, ...] | None
    events: Body
    value: Value
    recorded: Recorded
    telling: list[Question] = field(default_factory=list)
    told: list[Question] = field(default_factory=list)

    def paired(self, frame: Frame, env: Environment) -> Pairing | None:
        """The numbers of now that stand for those of then; None where variables have other values."""
        pairing = Pairing({0: 0, self.frame: frame.number})
        for (number, name), value in self.before:
            here = pairing.forward.get(number)
            if here is None or not pairing.values(value, dict.get(env, (here, name))):
                return None
        for (number, part), names in self.among:
            if names_with(env, pairing.forward[number], part) != names:
                return None
        return pairing if pairing.is_ordered() else None

    def holds(self, context: Context) -> bool:
        """Whether code and context answer as they did."""
        if context.budget < self.statements or (self.watched is None) != (context.watched is None):
            return False
        if self.code() is not context.code and not context.code.answers_as(self.of_code, self.telling):
            return False
        if self.context() is context:
            return True
        return context.answers_as(self.of_context, self.told) and not self._forgets_others(context)

    def _forgets_others(self, context: Context) -> bool:
        """Whether a call may change something that is watched by one of the two alone."""
        if self.watched == context.watched:
            return False
        others = frozenset(self.watched or ()).symmetric_difference(context.watched or ())
        return any(context.changes(call, key) for key in others for call in self.recorded.unfollowed)

    def again(self, pairing: Pairing, context: Context, env: Environment, out: Out) -> Value:
        """Do again what was done. Raises KeyError, with nothing done, where a number comes from elsewhere."""
        now = Renaming(pairing.forward, self.last, context.counter - self.last)
        value, after = self.value, self.after
        events = self.events
        if not now.is_none:
            value, events = now.value(value), now.body(events)
            after = tuple(
                ((now.number(key[0]), key[1]), each if each is None else now.value(each))
                for key, each in after
            )
        context.code.note(self.of_code)
        context.note(self.of_context)
        context.counter += self.given
        context.budget -= self.statements
        context.add(self.recorded)
        for key, each in after:
            if each is None:
                env.pop(key, None)
            else:
                env[key] = each
        for (number, part), _ in self.among:
            env.also(pairing.forward[number], part)
        out.extend(events)
        return value


class Replays:
    """The bodies that were lowered in one way. most: that are kept; one more, and all are lowered anew."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._number = 0
        self._known: dict[tuple[object, ...], list[_Entry]] = {}

    def run(self, context: Context, frame: Frame, env: Environment, out: Out, make: Run) -> Value:
        """The value of a body whose parameters are set, its events appended; `make` lowers it."""
        key = (frame.definition, context.cpu, context.looks_on, _callers(frame))
        known = self._known.get(key, ())
        for entry in known:
            pairing = entry.paired(frame, env)
            if pairing is None or not entry.holds(context):
                continue
            try:
                value = entry.again(pairing, context, env, out)
            except KeyError:
                continue
            env.leave(frame.number)
            return value
        value, made = _made(context, frame, env, out, make)
        if made is not None and len(known) < _MOST_ALIKE:
            if self._number >= self._most:
                self._known.clear()
                self._number = 0
            self._number += 1
            self._known.setdefault(key, []).append(made)
        return value


def _callers(frame: Frame) -> tuple[tuple[str, str, bool, bool], ...]:
    """The functions that a call is inside of."""
    above = (up.definition for up in frame.chain() if up is not frame)
    return tuple((each.path, each.name, each.by_name, each.stub) for each in above)


def _made(
    context: Context, frame: Frame, env: Environment, out: Out, make: Run
) -> tuple[Value, _Entry | None]:
    """The value of a body, and the entry for it where it can be taken again."""
    before, last, budget, first = dict(env), context.counter, context.budget, len(out)
    noted, outer = env.noted, env.noted.keys
    touched = noted.keys = set()
    with context.code.recording() as of_code, context.recording() as of_context, context.apart() as recorded:
        value = make(context, frame, env, out)
    noted.keys = outer
    outer.update(key for key in touched if key[0] < frame.number)
    seen = [key for key in touched if key[0] <= frame.number]
    events = tuple(out[first:])
    reached = _reachable(frame.number, seen, before)
    if reached is None or context.budget < 0 or _hides(frame.definition, events, of_code, recorded[0].owned):
        return value, None
    variables = tuple(each for each in reached if not is_part(each[0][1]))
    parts = (key for key, _ in reached if is_part(key[1]))
    return value, _Entry(
        ref(context.code),
        ref(context),
        of_code,
        of_context,
        frame.number,
        last,
        context.counter - last,
        budget - context.budget,
        variables,
        tuple((key, names_with(before, *key)) for key in parts if key[0] != frame.number),
        tuple((key, dict.get(env, key)) for key, _ in variables if key[0] != frame.number),
        context.watched,
        events,
        value,
        recorded[0],
    )


def _reachable(number: int, seen: Iterable[Key], before: dict[Key, Value]) -> Variables | None:
    """Variables of a frame and of its callers with their values, each frame's after one in which its address is;
    None where there is no such order."""
    frames, left, found = {0, number}, sorted(seen), list[tuple[Key, Value | None]]()
    while left:
        next_ones = [key for key in left if key[0] in frames]
        if not next_ones:
            return None
        left = [key for key in left if key[0] not in frames]
        for key in next_ones:
            value = before.get(key)
            found.append((key, value))
            if isinstance(value, (Operation, Address)):
                frames |= _frames(value)
    return tuple(found)


def _frames(value: Value | None) -> set[int]:
    """The frames whose variables a value leads to."""
    if isinstance(value, Operation):
        return _frames(value.left) | _frames(value.right)
    return {value.of.frame} if isinstance(value, Address) and isinstance(value.of, Local) else set()


def _hides(definition: Definition, events: Body, of_code: Answers, owned: Set[str]) -> bool:
    """Whether a number may hide in the events where it cannot be told from a name of the code; owned: see Context."""
    in_keys, domains, numbers = hiding(events)
    if in_keys or not domains.isdisjoint(owned):
        return True
    looked_into = (each for each in (definition, *of_code.values()) if isinstance(each, Definition))
    return bool(numbers) and any(numbers & each.identifiers for each in looked_into)
