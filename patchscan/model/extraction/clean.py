"""What has no influence left out of a body: unread registers, branches whose arms are alike, empty sections."""

from collections.abc import Iterable
from functools import lru_cache

from patchscan.basics.record import once, record
from patchscan.model.extraction.inside import bodies, dropped_unread, registers_of
from patchscan.model.extraction.propagate import propagate
from patchscan.model.extraction.signature import alike
from patchscan.model.lowering.lowered import (
    NESTED,
    Assign,
    Body,
    Branch,
    Choice,
    Close,
    Deferred,
    Event,
    Fence,
    Lock,
    Open,
    Read,
    with_arms,
    with_body,
)


@lru_cache(maxsize=4096)
def clean(body: Body, observed: frozenset[str]) -> Body:
    """Drop what has no influence, again and again until nothing is left that has none.

    observed: registers to keep. Only reads, fences and waits are lost, so that no execution is.
    """
    known, dropping = propagate(body), _Dropping(frozenset())
    while True:
        dropping.used = registers_of(known) | observed
        smaller = _trim(_shrink(dropping.of(known)))
        # What is left out sets nothing that is asked; only an arm that is no longer one may tell more than before.
        if dropping.joined:
            dropping.joined = False
            smaller = propagate(smaller)
        if smaller == known:
            return body if known == body else known
        known = smaller


@record
class _Dropping:
    """One look at what nobody asks for; joined: whether an arm has become part of the body around it."""

    used: frozenset[str]
    joined: bool = False

    def of(self, body: Body) -> Body:
        """The body without what nobody asks for, innermost first."""
        out: list[Event] = []
        same = True
        for event in body:
            kind = type(event)
            if kind in NESTED:
                if _is_needed(event) and dropped_unread(event) <= self.used:
                    out.append(event)
                    continue
                before = len(out)
                out.extend(self._needed(self._inside(event)))
                same = same and len(out) == before + 1 and out[-1] is event
            elif (kind is Read or kind is Assign) and self._is_unread(event):
                same = False
            else:
                out.append(event)
        return body if same else tuple(out)

    def _inside(self, event: Event) -> Event:
        if isinstance(event, (Branch, Choice)):
            return with_arms(event, self.of(event.then), self.of(event.otherwise))
        return with_body(event, self.of(event.body)) if isinstance(event, Deferred) else event

    def _is_unread(self, event: Event) -> bool:
        assert isinstance(event, (Read, Assign))
        return event.register.name not in self.used and (
            isinstance(event, Assign) or event.order != "acquire"
        )

    def _needed(self, event: Event) -> Iterable[Event]:
        instead = _instead(event)
        self.joined = self.joined or len(instead) > 1 or (len(instead) == 1 and instead[0] is not event)
        return instead


@once
def _is_needed(event: Event) -> bool:
    """Whether all that is inside an event makes a difference, whoever reads its registers."""
    nested = (each for body in bodies(event) for each in body if type(each) in NESTED)
    return all(map(_is_needed, nested)) and _instead(event) == (event,)


def _instead(event: Event) -> Body:
    """An event, or what stands for a branch where its arms do not differ, or only by what the weaker arm lacks."""
    if isinstance(event, Deferred):
        return (event,) if event.body else ()
    if not isinstance(event, (Branch, Choice)):
        return (event,)
    then, otherwise = event.then, event.otherwise
    if not then and not otherwise:
        return ()
    if alike(then, otherwise):
        return then
    is_weak = isinstance(event, Choice) and not (then and otherwise)
    return () if is_weak and all(isinstance(each, (Fence, Lock)) for each in then + otherwise) else (event,)


def _trim(body: Body) -> Body:
    """Without the barriers that stand before the first access, or after the last: they order nothing."""
    first = next(
        (index for index, event in enumerate(body) if not isinstance(event, (Fence, Assign))), len(body)
    )
    last = next(
        (index for index, event in enumerate(reversed(body)) if not isinstance(event, Fence)), len(body)
    )
    head = tuple(event for event in body[:first] if not isinstance(event, Fence))
    if not last and len(head) == first:
        return body
    return head + body[first : len(body) - last] if first < len(body) else head


def _shrink(body: Body) -> Body:
    """Drop sections with nothing in them and repeated fences."""
    out: list[Event] = []
    same = True
    for event in body:
        kind = type(event)
        if kind is Branch or kind is Choice:
            out.append(_shrunk(event))
            same = same and out[-1] is event
        elif (kind is Fence or kind is Close) and out and _is_nothing_after(out[-1], event):
            same = False
            if kind is Close:
                out.pop()
        else:
            out.append(event)
    return body if same else tuple(out)


def _is_nothing_after(last: Event, event: Event) -> bool:
    """Whether a fence repeats the one before it, or the end of a section follows its beginning."""
    if isinstance(event, Close):
        return isinstance(last, Open) and event.domain == last.domain
    return isinstance(event, Fence) and isinstance(last, Fence) and event.kind == last.kind


@once
def _shrunk(event: Event) -> Event:
    assert isinstance(event, (Branch, Choice))
    return with_arms(event, _shrink(event.then), _shrink(event.otherwise))
