"""What a function initialises behind the call that lets others use it: an interrupt handler, or operations."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from patchscan.basics.keep import kept
from patchscan.basics.nameset import Names
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Call, Function, Source, source_of

if TYPE_CHECKING:
    from tree_sitter import Node

_INITIALISES = Names(
    "{raw_,}spin_lock_init mutex_init init_rwsem init_completion init_waitqueue_head init_swait_queue_head "
    "INIT_{DELAYED_,DEFERRABLE_,}WORK INIT_LIST_HEAD INIT_HLIST_HEAD tasklet_{setup,init} timer_setup "
    "hrtimer_{setup,init} skb_queue_head_init sema_init seqlock_init init_llist_head rwlock_init "
    "kthread_init_work kthread_init_delayed_work"
)
# Which arguments are run from then on.
_REQUESTS: Mapping[str, tuple[int, ...]] = {
    "request_irq": (1,),
    "request_threaded_irq": (1, 2),
    "request_any_context_irq": (1,),
    "devm_request_irq": (2,),
    "devm_request_threaded_irq": (2, 3),
    "devm_request_any_context_irq": (2,),
    "pci_request_irq": (2, 3),
}
# Interrupts that are requested disabled, or that the device does not raise yet.
_QUIET = pattern(r"NO_?AUTOEN|\bdisable_irq\w*\s*\(|irq_set_status_flags|IRQ_NOREQUEST")
_WORD = pattern(r"[A-Za-z_]\w*")
_OBJECT = pattern(r"&?\(?(?P<base>\w+(?:(?:->|\.)\w+)*)(?:->|\.)(?P<member>\w+)\)?")
_FAR = 3


@frozen
class Late:
    """A member that is initialised on line `line` by `call`, though `by` on line `at` lets `user` use it."""

    call: str
    what: str
    line: int
    by: str
    at: int
    user: str


def late_initialisations(function: Function) -> Iterator[Late]:
    """What a function initialises only when a handler that uses it may already run."""
    calls = function.calls()
    requests = [each for each in calls if each.name in _REQUESTS]
    if not requests or _QUIET.search(function.text):
        return
    done = set()
    for call in calls:
        found = _member(function, call) if call.name in _INITIALISES else None
        if found is None:
            continue
        what, owner, member = found
        if what in done:
            continue
        done.add(what)
        for request in requests:
            if request.line < call.line and _holds(function, request.node, call.node):
                user = _user(function, request, owner, member)
                if user:
                    yield Late(call.name, what, call.line, request.name, request.line, user)
                    break


def _member(function: Function, call: Call) -> tuple[str, str, str] | None:
    """(what a call is handed, to whom it belongs, the name of the member); None where that is not known."""
    for argument in call.arguments[:1]:
        text = "".join(function.source.text_of(argument).split())
        found = _OBJECT.fullmatch(text)
        owner = _owner(function, found["base"]) if found else ""
        if found and owner:
            return text.removeprefix("&"), owner, found["member"]
    return None


def _owner(function: Function, base: str) -> str:
    """What tells an object in any function: its type, or the member that it is in turn; "" for none."""
    words = _WORD.findall(base)
    if len(words) > 1:
        return f".{words[-1]}"
    for each in (*function.locals, *function.parameters):
        if each.name == base and each.type.startswith("struct "):
            return each.type.rstrip(" *")
    return ""


def _holds(function: Function, first: "Node", second: "Node") -> bool:
    """Whether the block that a node stands in holds another one, too."""
    around = function.parent_of(first)
    while around is not None and around.type != "compound_statement":
        around = function.parent_of(around)
    return around is not None and around.start_byte < second.start_byte < around.end_byte


def _user(function: Function, request: Call, owner: str, member: str) -> str:
    """The function that a request lets run and in which a member of some owner is used, "" where there is none."""
    source = source_of(function)
    for position in _REQUESTS[request.name]:
        if position < len(request.arguments):
            name = function.source.text_of(request.arguments[position]).removeprefix("&")
            if (owner, member) in _used_from(source, name):
                return name
    return ""


@kept
def _used_from(source: Source, name: str) -> frozenset[tuple[str, str]]:
    """(owner, member) of what a function, and those of the file that it calls, hand to calls."""
    by_name = {each.name: each for each in source.functions()}
    seen, ahead = set[str](), [name]
    for _ in range(_FAR):
        ahead = [each for each in dict.fromkeys(ahead) if each in by_name and each not in seen]
        seen.update(ahead)
        ahead = [call.name for each in ahead for call in by_name[each].calls()]
    return frozenset(pair for each in seen for pair in _handed(by_name[each]))


def _handed(function: Function) -> Iterator[tuple[str, str]]:
    for call in function.calls():
        for argument in call.arguments:
            found = _OBJECT.fullmatch("".join(function.source.text_of(argument).split()))
            owner = _owner(function, found["base"]) if found else ""
            if found and owner:
                yield owner, found["member"]
