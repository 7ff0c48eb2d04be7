"""What nobody looked into and what may undo a "safe": calls that may free, or end a section, and values not known."""

from collections.abc import Iterator
from itertools import pairwise

from patchscan.basics.pattern import pattern
from patchscan.model.extraction.extract import Extraction
from patchscan.model.extraction.guarding import origins
from patchscan.model.extraction.mutate import at
from patchscan.model.lowering.abstract_values import (
    Const,
    Named,
    Register,
    Unknown,
    Value,
    is_symbol,
    leaves,
    truth,
)
from patchscan.model.lowering.builtins import lettered
from patchscan.model.lowering.lowered import (
    Assign,
    Assume,
    Branch,
    Choice,
    Close,
    Deferred,
    Hole,
    Lock,
    Open,
    Read,
    Thread,
    Update,
    Wait,
    Write,
    walk,
)
from patchscan.model.lowering.meanwhile import CHANGED
from patchscan.model.lowering.memory import FREED
from patchscan.model.verdicts.case import Case
from patchscan.model.verdicts.checks import context_faults

UNDECIDED = (
    "budget",
    "parse",
    "free of an object the model lost",
    "a way out of a loop over CPUs",
    "writes before",
    "a write for some CPU",
    "freed in a later round",
    "called from inside of it",
    "a way out that is not followed",
    CHANGED,
)
_GIVES_AWAY = pattern(
    r"free|put|release|_add|queue|insert|push|destroy|drop|dispos|discard|delete|remove|give|recycle|retire|reclaim|kill|return|work|process|submit|defer|schedul|complete"
)
_ENDS = pattern(
    r"unlock|enable|restore|resched|schedul|sleep|wait|relax|pause|park|yield|halt|idle|_exit|leave|_end|_stop|_user\b|_user_pages"
    r"|fault_in|_eqs\b|_qs\b|quiesc|note_context_switch"
)

# What "one address space" says already.
_ONE_SPACE = ("mm_struct.",)


def doubts_of_safe(case: Case) -> list[str]:
    """Why a case in which nothing bad was found may do the bad thing all the same, one sentence each."""
    extraction = case.extraction
    found = [*_holes(extraction), *context_faults(case.threads)]
    for thread in extraction.threads:
        others = [other for other in extraction.threads if other is not thread]
        if any(isinstance(event, (Wait, Deferred)) for other in others for event in walk(other.body)):
            found += (*_ends_of_sections(thread), *_late_uses(thread))
    found += (
        f"{one} and {other} are taken for one"
        for name, which in merged_objects(extraction).items()
        for one, other in pairwise(_called_by(name, each) for each in which)
    )
    found += _elements(extraction)
    for thread in extraction.threads:
        found += _stores(thread)
        found += _other_numbers(thread)
    return list(dict.fromkeys([*found, *_values(extraction)]))


def _other_numbers(thread: Thread) -> Iterator[str]:
    """Variables that are taken for one of two numbers, where somebody asks for a third one."""
    numbers: dict[Register, tuple[set[Value], str]] = {}
    for event in walk(thread.body):
        if isinstance(event, Choice) and len(event.then) == len(event.otherwise) == 1:
            one, other = event.then[0], event.otherwise[0]
            if isinstance(one, Assign) and isinstance(other, Assign) and one.register == other.register:
                numbers[one.register] = {one.value, other.value}, event.text.lstrip("!(").rstrip(")")
    for event in walk(thread.body) if numbers else ():
        if isinstance(event, (Branch, Assume)) and event.condition not in map(truth, numbers):
            asked = set(leaves(event.condition))
            for register, (known, text) in numbers.items():
                if register not in asked:
                    continue
                if not asked <= {register, Const(0), *known}:
                    yield f"{text} may hold another number at {at(event.place)}"


def _elements(extraction: Extraction) -> Iterator[str]:
    """Arrays of locks that two threads take one element of, by a number that is not known."""
    taken = [{e.name for e in walk(thread.body) if isinstance(e, Lock)} for thread in extraction.threads]
    shared = {
        name for place, names in enumerate(taken) for other in taken[place + 1 :] for name in names & other
    }
    for array in sorted(name for name, which in extraction.merged if not which and name.endswith("[]")):
        if any(name.startswith(array) for name in shared):
            yield f"which element of {array} each thread locks is not known"


def _stores(thread: Thread) -> Iterator[str]:
    """Where the object is put before it is freed: who finds it there may free it at once."""
    for event in thread.body:
        if isinstance(event, Write) and event.value == FREED:
            return
        for hole in walk((event,)):
            if isinstance(hole, Hole) and hole.kind == "store":
                yield f"{hole.name} gets the object at {at(hole.place)}, and who finds it there is not known"


def merged_objects(extraction: Extraction) -> dict[str, list[str]]:
    """The names by which the model means several objects, "struct." or "array[]", with those that the code names."""
    names, domains = set(extraction.kept), set[str]()
    for event in (event for thread in extraction.threads for event in walk(thread.body)):
        if isinstance(event, Lock):
            names.add(event.name)
        elif isinstance(event, (Open, Wait)):
            domains.add(event.domain)
    found: dict[str, list[str]] = {}
    for name, which in sorted(extraction.merged):
        if any(each.startswith(name) for each in names) or any(
            f"_{lettered(name)}" in each for each in domains
        ):
            found.setdefault(name, []).extend(filter(None, [which]))
    return found


def taken_for_one(extraction: Extraction) -> frozenset[str]:
    """The assumptions that objects of one type, or elements of one array, are the same on both sides."""
    names = (name for name in merged_objects(extraction) if name not in _ONE_SPACE)
    return frozenset(f"one {name.rstrip('.')}" for name in names)


def _called_by(name: str, which: str) -> str:
    return name.replace("[]", f"[{which}]") if name.endswith("[]") else which


def _holes(extraction: Extraction) -> Iterator[str]:
    """What was not looked into and could free."""
    for hole in extraction.holes():
        where = f"{hole.name}() at {at(hole.place)}"
        if hole.kind in UNDECIDED:
            yield f"{hole.kind}: {hole.name} at {at(hole.place)}"
        elif hole.known and hole.kind == "call" and "free" in hole.may:
            yield f"{where} can free, and was not looked into"
        elif (
            not hole.known
            and "write" in hole.may
            and (hole.kind == "indirect call" or _GIVES_AWAY.search(hole.name))
        ):
            yield f"{where} is given the object, and was not looked into"


def _ends_of_sections(thread: Thread) -> Iterator[str]:
    """Calls between two reads of one section that may end it, and begin another."""
    opened, read = 0, False
    waiting: list[Hole] = []
    for event in walk(thread.body):
        if isinstance(event, Open):
            opened += 1
        elif isinstance(event, Close):
            opened -= 1
        elif isinstance(event, (Read, Update)):
            yield from (f"{_called(hole)} at {at(hole.place)} may end the section" for hole in waiting)
            read, waiting = True, []
        elif isinstance(event, Hole) and opened > 0 and read and _may_end(event):
            waiting.append(event)
        if opened <= 0:
            read, waiting = False, []


def _late_uses(thread: Thread) -> Iterator[str]:
    """Calls behind a section that get what was read in it, and may read on."""
    opened, closed = 0, False
    for event in walk(thread.body):
        if isinstance(event, Open):
            opened += 1
        elif isinstance(event, Close):
            opened -= 1
            closed = True
        elif isinstance(event, Hole) and closed and opened <= 0 and not event.known and "write" in event.may:
            yield f"{_called(event)} at {at(event.place)} gets what was read in the section that has ended"


def _called(hole: Hole) -> str:
    return "inline assembly" if hole.kind == "assembly" else f"{hole.name}()"


def _may_end(hole: Hole) -> bool:
    if hole.kind in ("indirect call", "assembly"):
        return True
    return "end" in hole.may or (not hole.known and _ENDS.search(hole.name) is not None)


def _values(extraction: Extraction) -> Iterator[str]:
    """Locations that get a value the model does not know, where somebody's way depends on what they hold."""
    asked: set[str] = set()
    for thread in extraction.threads:
        for event in walk(thread.body):
            if isinstance(event, (Branch, Assume)):
                registers = [leaf for leaf in leaves(event.condition) if isinstance(leaf, Register)]
                if any(isinstance(leaf, Const) and leaf.number for leaf in leaves(event.condition)):
                    asked.update(*(origins(thread.body, register.name) for register in registers))
    for thread in extraction.threads:
        for event in walk(thread.body):
            if not isinstance(event, Write) or not isinstance(event.location, Named):
                continue
            unknown = isinstance(event.value, Unknown) and not is_symbol(event.value)
            if unknown and event.location.name in asked:
                yield f"what is written to {event.location.name} at {at(event.place)} is not known"
