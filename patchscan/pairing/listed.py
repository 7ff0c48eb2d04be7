"""Entries that a patch puts into a list without the order that readers of it in RCU sections need."""

from __future__ import annotations

import re
from collections.abc import Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, replace
from patchscan.changedfile import ChangedFile
from patchscan.finding import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from patchscan.c.source import Function
    from patchscan.context import Context
    from patchscan.pairing.answers import Codes
    from patchscan.pairing.pair_model import Half
    from patchscan.pairing.steps import Step, Walk

_ADDS = pattern(r"\b(list_add(?:_tail)?|hlist_add_head)\s*\(")
_WALKS = pattern(
    r"\bh?list_for_each_entry(?:_continue|_from)?_rcu(?:_bh)?\s*\(\s*(\w+)\s*,\s*([^,;{]+),\s*(\w+)\s*[,)]"
)
_NAME = pattern(r"[A-Za-z_]\w*")
_MOST_READERS = 6


@frozen(eq=False)
class Added:
    """An entry that a function puts into a list.

    written: what it wrote of it before, the last first; link: the store of what comes next; linked: the one that
    readers find it by; member: that links the entries of such a structure.
    """

    walk: Walk
    written: tuple[Step, ...]
    link: Step
    linked: Step
    structure: str
    member: str

    @property
    def head(self) -> str:
        """The word by which code speaks of the list."""
        from patchscan.pairing.steps import key

        return str(key(self.linked.event)).split(".")[-2]  # type: ignore[arg-type]


def listed_early(context: Context, file: ChangedFile) -> Iterator[Finding]:
    """The entries that added lines put into lists where readers may find them before they are filled."""
    lines = {line.new for line in file.added if _ADDS.search(line.text)}
    if not lines or not (context.settings.simulate and context.has_tree) or file.state.after is None:
        return
    if b"_entry_rcu" not in file.state.after:
        return
    from patchscan.pairing.candidates import OWNED
    from patchscan.pairing.freed_told import codes_of

    functions = [each for source in file.after for each in source.functions()]
    codes = None
    for function in functions:
        mine = {n for n in lines if n is not None and function.first_line <= n <= function.last_line}
        if mine and OWNED.fullmatch(function.name) is None:
            codes = codes or codes_of(context)
            walk = codes.walk("after", function.name, file.path)
            for added in _added(walk, mine) if walk is not None else ():
                found = _found(context, codes, file, functions, added)
                if found is not None:
                    yield found
                    break


def _added(walk: Walk, lines: set[int]) -> Iterator[Added]:
    """What a function puts into lists on some lines."""
    from patchscan.model.lowering.lowered import Write
    from patchscan.pairing.steps import WHOLE, key

    for number, step in enumerate(walk.steps):
        event = step.event
        if not isinstance(event, Write) or event.order != "once" or event.place.line not in lines:
            continue
        link = walk.steps[number - 1]
        where, entry = key(event), key(link.event) if isinstance(link.event, Write) else None
        if where is None or entry is None or not entry.endswith(".next") or where.count(".") < 1:
            continue
        structure, _, member = entry.removesuffix(".next").partition(".")
        if not member or "." in member or where == entry:
            continue
        written = tuple(
            each
            for each in reversed(walk.steps[: link.number])
            if isinstance(each.event, Write)
            and str(key(each.event)).startswith(f"{structure}.")
            and not str(key(each.event)).endswith((".next", WHOLE))
            and each.meets(step)
        )
        yield Added(walk, written, link, step, structure, member)


def _found(
    context: Context, codes: Codes, file: ChangedFile, functions: list[Function], added: Added
) -> Finding | None:
    """What a reader in the file may find, where a store with order would keep it from that."""
    from patchscan.model.verdicts.gate import Grounds, gate
    from patchscan.pairing.freed_told import SECTIONS, brought
    from patchscan.pairing.pair_model import Half, run_pair
    from patchscan.pairing.spoken import told
    from patchscan.pairing.steps import held, key, order_between

    readers = [each for each in functions if _walks(each, added) and each.identifiers & SECTIONS]
    for reader in [each for each in readers if each.name != added.walk.function][:_MOST_READERS]:
        walk = codes.walk("after", reader.name, file.path)
        if walk is None or held(added.walk, added.linked) & _locks(walk):
            continue
        data = _data(walk, added)
        own = Half(added.walk, data, added.linked, order_between(added.walk, data, added.linked))
        other = _reads(walk, own, reader)
        event = replace(added.linked.event, order="release")
        mended = replace(own, second=replace(added.linked, event=event))
        name = f"{added.walk.function}-{reader.name}"
        shown, safe = run_pair(own, other, name), run_pair(mended, other, name)
        if shown is None or safe is None or not shown.answer.held or safe.word != "Never":
            continue
        if gate(Grounds([safe.answer], [shown.word])):
            continue
        where = f"the list of {told(key(added.linked.event)).rpartition('.')[0]}"  # type: ignore[arg-type]
        text = (
            f"{reader.name}() goes through {where} in a reader section and takes no lock that {added.walk.function}() "
            f"holds: it may find the {added.structure} there and not {told(shown.locations[0])} as written before"
        )
        line = added.linked.event.place.line  # type: ignore[union-attr]
        functions_of = (added.walk.function, reader.name)
        return brought(context, file, line, functions_of, shown, text, "the _rcu form of the call")
    return None


def _walks(function: Function, added: Added) -> bool:
    """Whether a function goes through a list of that name by that member, with a cursor of that structure."""
    for cursor, head, member in _WALKS.findall(function.text):
        typed = re.search(
            rf"\bstruct\s+{added.structure}\s+(?:\*\s*\w+\s*,\s*)*\*\s*{cursor}\b", function.text
        )
        names = _NAME.findall(head)
        if member == added.member and names and names[-1] == added.head and typed:
            return True
    return False


def _locks(walk: Walk) -> frozenset[str]:
    from patchscan.model.lowering.lowered import Lock

    return frozenset(step.event.name for step in walk.steps if isinstance(step.event, Lock))


def _data(reader: Walk, added: Added) -> Step:
    """What was written of the entry and is read there, else what comes next to it."""
    from patchscan.model.lowering.lowered import Read, Write
    from patchscan.pairing.steps import key

    read = {key(event) for _, event in reader.accesses() if isinstance(event, Read)}
    written = ((each, key(each.event)) for each in added.written if isinstance(each.event, Write))
    return next((each for each, what in written if what in read), added.link)


def _reads(walk: Walk, own: Half, reader: Function) -> Half:
    """The reader that follows the link and reads what was written before."""
    from patchscan.model.lowering.abstract_values import Register
    from patchscan.model.lowering.lowered import Place, Read
    from patchscan.pairing.pair_model import NO_ORDER, Half
    from patchscan.pairing.steps import Step, key

    one, two = own.accesses
    reads = (event for _, event in walk.accesses() if isinstance(event, Read) and key(event) == key(one))
    read = next(reads, None)
    found = _WALKS.search(reader.text)
    line = reader.first_line + reader.text.count("\n", 0, found.start() if found else 0)
    place = Place(walk.path, line, reader.name)
    first = Step(0, Read(Register("entry"), two.location, "once", place), {})
    second = Read(Register("used"), one.location, "plain", read.place if read is not None else place)
    return Half(walk, first, Step(1, second, {}), replace(NO_ORDER, depends="address"))
