"""YAML with the line of each value, as far as schemas use it: no anchors, no tags, one document.

PyYAML reports events; what is built of them here is bounded, for mail is hostile. It is loaded for such a file only.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from patchscan.basics.budget import BUDGET
from patchscan.basics.keep import of_text
from patchscan.basics.record import frozen

if TYPE_CHECKING:
    from yaml.events import Event


@frozen
class Value:
    """A value of a YAML text.

    line, last: its first and last line; column: its first, from 0; text: of a scalar; style: how a scalar is written:
    "" plain, or one of ' " | >; entries: of a mapping; items: of a sequence; flow: whether it is written in [] or {}.
    """

    kind: Literal["mapping", "sequence", "scalar"]
    line: int
    last: int
    column: int
    text: str = ""
    style: str = ""
    entries: tuple[tuple["Value", "Value"], ...] = ()
    items: tuple["Value", ...] = ()
    flow: bool = False

    def get(self, name: str) -> "Value | None":
        """The value of a name in a mapping, None where it has none."""
        return next((value for key, value in self.entries if key.text == name), None)

    def key(self, name: str) -> "Value | None":
        """The name itself, where a mapping has it."""
        return next((key for key, _ in self.entries if key.text == name), None)

    @property
    def names(self) -> frozenset[str]:
        """The names of a mapping."""
        return frozenset(key.text for key, _ in self.entries)

    def below(self) -> Iterator["Value"]:
        """The value and all values in it, names too, in the order of the text."""
        yield self
        for key, value in self.entries:
            yield key
            yield from value.below()
        for item in self.items:
            yield from item.below()


@frozen
class Unreadable:
    """Why a text was not read, and where; bound: that it is larger than is read, and not that it is no YAML."""

    line: int
    why: str
    bound: bool


EMPTY = Value("mapping", 1, 1, 0)


@of_text(8)
def read_yaml(data: bytes) -> Value | Unreadable:
    """The document that a text holds."""
    if len(data) > BUDGET.schema_bytes.most:
        return Unreadable(1, f"{BUDGET.schema_bytes.said} {BUDGET.schema_bytes.most} bytes", bound=True)
    # Imported here: only a patch with a schema needs it.
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Builder().build(yaml.parse(data.decode("utf-8", "replace"), Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return Unreadable(
            mark.line + 1 if mark is not None else 1, error.problem or "it has no form", bound=False
        )
    except yaml.YAMLError as error:
        # A character that YAML does not allow.
        place = getattr(error, "position", None) or 0
        return Unreadable(data.count(b"\n", 0, place) + 1, str(getattr(error, "reason", "")), bound=False)


class _Open:
    """A mapping or sequence that has not ended."""

    def __init__(self, event: Any) -> None:
        self.event = event
        self.held: list[Value] = []


class _Builder:
    """Values made of events, one at a time: nothing here calls itself."""

    def __init__(self) -> None:
        self.open: list[_Open] = []
        self.root: Value | None = None
        self.count = 0

    def build(self, events: "Iterator[Event]") -> Value | Unreadable:
        from yaml import events as kinds

        for event in events:
            line = event.start_mark.line + 1 if event.start_mark is not None else 1
            self.count += 1
            if self.count > BUDGET.schema_values.most or len(self.open) > BUDGET.schema_depth.most:
                bound = (
                    BUDGET.schema_depth if len(self.open) > BUDGET.schema_depth.most else BUDGET.schema_values
                )
                return Unreadable(line, f"{bound.said} {bound.most}", bound=True)
            if isinstance(event, kinds.AliasEvent) or getattr(event, "anchor", None):
                return Unreadable(
                    line, "schemas have no anchors (& and *): this one is not followed", bound=True
                )
            if isinstance(event, kinds.DocumentStartEvent) and self.root is not None:
                return Unreadable(line, "a schema is one document: a second one begins here", bound=False)
            if isinstance(event, (kinds.MappingStartEvent, kinds.SequenceStartEvent)):
                self.open.append(_Open(event))
            elif isinstance(event, kinds.ScalarEvent):
                self.put(scalar(event))
            elif isinstance(event, (kinds.MappingEndEvent, kinds.SequenceEndEvent)):
                self.close(event, isinstance(event, kinds.MappingEndEvent))
        return self.root or EMPTY

    def close(self, event: Any, mapping: bool) -> None:
        """End what was opened last; the end mark of a block stands where the next thing begins."""
        opened = self.open.pop()
        start, held = opened.event.start_mark, opened.held
        last = max([start.line + 1, *(each.last for each in held)])
        entries = tuple(zip(held[::2], held[1::2], strict=False)) if mapping else ()
        self.put(
            Value(
                "mapping" if mapping else "sequence",
                start.line + 1,
                last,
                start.column,
                entries=entries,
                items=() if mapping else tuple(held),
                flow=bool(opened.event.flow_style),
            )
        )

    def put(self, value: Value) -> None:
        """A value that is complete."""
        if self.open:
            self.open[-1].held.append(value)
        else:
            self.root = value


def scalar(event: Any) -> Value:
    """A scalar: a block of text ends before the line where the next thing begins."""
    start, end = event.start_mark, event.end_mark
    block = (event.style or "") in ("|", ">")
    last = end.line + 1 if not block or end.column else end.line
    return Value(
        "scalar",
        start.line + 1,
        max(last, start.line + 1),
        start.column,
        text=event.value,
        style=event.style or "",
    )
