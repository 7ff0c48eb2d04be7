"""Two functions that play a shape, and whether something other than a barrier may order what they do.

Each question has an answer that leaves the pair alone: a lock, a dependency, a sequence count, a kick, a call that
nobody looked into, another partner of the barrier. Only what is left is worth a model.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Call, Function, Source
from patchscan.codebase.code import Codebase
from patchscan.flow.flowstates import states as flow_states
from patchscan.flow.summary import local_summaries
from patchscan.model.lowering.builtins import PRIMITIVES
from patchscan.model.lowering.lowered import Access, Read, Write
from patchscan.model.lowering.stubs import Stubs
from patchscan.model.scenarios.scenario import Scenario

_WORD = pattern(r"[A-Za-z_]\w*")
_COUNTED = pattern(r"seqcount|seqlock|seq_(?:begin|retry)|u64_stats|seqretry|seqbegin")
_HELD = pattern(r"\w+_locked(?:_\w+)?|__\w*locked")
_KICKS = pattern(
    r"\b(?:\w*(?:queue|schedule|flush|cancel)\w*_work\w*|queue_delayed_work\w*|wake_up\w*|swake_up\w*|complete(?:_all)?"
    r"|mod_timer\w*|add_timer\w*|kthread_\w+|napi_schedule\w*|tasklet_\w+|irq_work_\w+|smp_call_\w+|on_each_cpu\w*"
    r"|raise_softirq\w*|hrtimer_start\w*|call_rcu\w*|request_\w*irq\w*|enable_irq\w*|register_\w+|\w+_register\w*"
    r"|send_\w*IPI\w*|arch_send_\w+|ring_doorbell\w*|writel\w*|iowrite\w+)\s*\("
)
_OWNED = pattern(
    r"\w*(?:alloc|init|create|probe|setup|destroy|remove|exit|teardown|free|reset|release|open|close)(?:_\w+)?"
)
_ACQUIRES = pattern(r"\b(?:smp_load_acquire|smp_cond_load_acquire|\w+_acquire|xchg|cmpxchg)\s*\(([^;]*)")
_RELEASES = pattern(
    r"\b(?:smp_store_release|smp_store_mb|rcu_assign_pointer|\w+_release|xchg|cmpxchg)\s*\(([^;]*)"
)
_FENCES = pattern(r"\bsmp_(?:mb|rmb|wmb|store_mb|mb__\w+|load_acquire|cond_load_acquire|store_release)\s*\(")
_QUIET = frozenset(
    {"sizeof", "offsetof", "min", "max", "min_t", "max_t", "ARRAY_SIZE", "BIT", "typeof", "unreachable"}
)
_NO_LOCKS = frozenset({"rcu_read_lock", "rcu_read_lock_bh", "rcu_read_lock_sched", "srcu_read_lock"})


@frozen(eq=False)
class Side:
    """A function of a changed file; patch: position of the last patch that touches it, -1 for none; operands: the
    last names of what it accesses with annotation."""

    source: Source
    function: Function
    patch: int
    operands: frozenset[str]

    @property
    def name(self) -> str:
        return self.function.name

    @property
    def path(self) -> str:
        return self.source.path

    @cached_property
    def _has_barrier(self) -> bool:
        return _FENCES.search(self.function.text) is not None

    def orders(self, other: "Side") -> bool:
        """Whether it has a barrier, and accesses with annotation what the other function mentions."""
        return self._has_barrier and bool(self.operands & other.words)

    @cached_property
    def words(self) -> frozenset[str]:
        """The identifiers in its code."""
        return self.function.identifiers

    @cached_property
    def _said(self) -> frozenset[str]:
        lines = range(self.function.first_line, self.function.last_line + 1)
        return frozenset(word for line in lines for word in _WORD.findall(self.source.comment_text(line)))

    def names(self, other: "Side") -> bool:
        """Whether a comment in it names the other function."""
        return other.name in self._said

    def comment_at(self, line: int) -> str:
        """The comment on a line and the one right above it."""
        text, above = self.source.comment_text(line), line - 1
        while self.source.comment_text(above) and not self.source.code_text(above).strip():
            text = f"{self.source.comment_text(above)} {text}"
            above -= 1
        return text

    def words_of_comment(self, line: int) -> frozenset[str]:
        return frozenset(_WORD.findall(self.comment_at(line)))

    def calls_between(self, first: int, last: int) -> tuple[Call, ...]:
        return tuple(call for call in self.function.calls() if first <= call.line <= last)


@frozen
class Candidate:
    """Two functions that play a shape: of each role the side, its two accesses, and the line of its barrier (0: none);
    keys: the shape's locations to those of the code."""

    shape: Scenario
    sides: tuple[Side, ...]
    accesses: tuple[tuple[Access, Access], ...]
    keys: Mapping[str, str]
    barriers: tuple[int, ...]


def ordered_by_other_means(candidate: Candidate, code: Codebase, stubs: Stubs) -> bool:
    """Whether anything but a barrier may order a candidate, or anything in it is not known."""
    sides = candidate.sides
    return (
        any(not side.function.whole or side.function.partial for side in sides)
        or any(_COUNTED.search(side.function.text) or _HELD.fullmatch(side.name) for side in sides)
        or bool(_common_locks(candidate))
        or any(
            _depends(side, *pair) or _has_unknown_calls(side, *pair, code, stubs)
            for side, pair, barrier in zip(sides, candidate.accesses, candidate.barriers, strict=True)
            if not barrier
        )
        or _is_owned(candidate)
        or _is_kicked(candidate)
    )


def _common_locks(candidate: Candidate) -> frozenset[str]:
    """The locks that both functions hold, or may hold, at their accesses, by their last names."""
    held = [
        _locks(side, [each.place.line for each in pair]) | _locking_calls(side)
        for side, pair in zip(candidate.sides, candidate.accesses, strict=True)
    ]
    return held[0] & held[1]


def _locks(side: Side, lines: Iterable[int]) -> frozenset[str]:
    """The locks around lines of a function, and those around its calls in its file."""
    summaries = local_summaries(side.source)
    states = flow_states(side.function, summaries=summaries)
    nodes = [node for node in map(side.function.at, lines) if node is not None]
    found = {lock.name for node in nodes for lock in (*states.at(node).locks, *states.at(node).maybe_locks)}
    for caller in side.source.functions():
        if caller.name != side.name and side.name in caller.identifiers:
            around = flow_states(caller, summaries=summaries)
            for call in caller.calls():
                if call.name == side.name:
                    state = around.at(call.node)
                    found |= {lock.name for lock in (*state.locks, *state.maybe_locks)}
    return frozenset(_WORD.findall(name)[-1] for name in found if _WORD.search(name))


def _locking_calls(side: Side) -> frozenset[str]:
    """The names of lock functions of its own kind that a function calls: "rtnl_lock", "inode_lock"."""
    names = {call.name for call in side.function.calls() if "lock" in call.name and "unlock" not in call.name}
    return frozenset(names - _NO_LOCKS - frozenset(n for n in names if _is_primitive_lock(n)))


def _is_primitive_lock(name: str) -> bool:
    """Whether which lock it is stands in its argument: the walk of the function knows that one."""
    return name.startswith(("spin_", "raw_spin_", "mutex_", "read_lock", "write_lock", "local_", "lockdep_"))


def _depends(side: Side, one: Access, two: Access) -> bool:
    """Whether the address of the second access may come from what the first one read."""
    if not isinstance(one, Read) or not isinstance(two, Read):
        return False
    tainted: set[str] = set()
    for line in range(one.place.line, two.place.line + 1):
        text = side.source.code_text(line)
        left, equals, right = text.partition("=")
        reads = line == one.place.line or tainted & set(_WORD.findall(right))
        if equals and not right.startswith("=") and left[-1:] not in "!<>=" and reads:
            names = _WORD.findall(left.partition("->")[0].partition(".")[0])
            tainted |= set(names[-1:])
    last = side.source.code_text(two.place.line)
    return any(_leads(name, last) for name in tainted)


def _leads(name: str, text: str) -> bool:
    """Whether an address in a text is built with a name: name->field, name[index], array[name], *name."""
    used = pattern(
        rf"(?:\b{name}\s*(?:->|\[))|\[[^\]]*\b{name}\b|\*\s*{name}\b|&\w+\[[^\]]*{name}|\(\s*{name}\s*[,)]"
    )
    return used.search(text) is not None


def _has_unknown_calls(side: Side, one: Access, two: Access, code: Codebase, stubs: Stubs) -> bool:
    """Whether a call stands between two accesses that may be a barrier, a wait or a lock for all we know."""
    between = side.calls_between(one.place.line, two.place.line)
    return any(not _is_harmless(call.name, side.path, code, stubs) for call in between)


def _is_harmless(name: str, path: str, code: Codebase, stubs: Stubs) -> bool:
    """Whether a call is one that the model executes, or does nothing but such calls."""
    if name in _QUIET or name in PRIMITIVES or stubs.get(name) is not None:
        return True
    definition = code.callee(name, path)
    return definition is not None and all(
        inner in _QUIET or inner in PRIMITIVES or stubs.get(inner) is not None
        for inner in _calls(definition.called)
    )


def _calls(names: Iterable[str]) -> Iterator[str]:
    """Names in front of a parenthesis that are no keywords."""
    return (name for name in names if name not in ("if", "while", "for", "switch", "return", "do"))


def _is_owned(candidate: Candidate) -> bool:
    """Whether a function that writes plainly may do so while nobody else knows the object."""
    for side, pair in zip(candidate.sides, candidate.accesses, strict=True):
        last = pair[1]
        if isinstance(last, Write) and last.order == "plain":
            names = {side.name, *(call.name for call in side.function.calls())}
            if any(_OWNED.fullmatch(name) for name in names):
                return True
    return False


def _is_kicked(candidate: Candidate) -> bool:
    """Whether a thread that only writes also starts or wakes somebody, which orders what that one does."""
    return any(
        _KICKS.search(side.function.text) is not None
        for side, pair in zip(candidate.sides, candidate.accesses, strict=True)
        if all(isinstance(each, Write) for each in pair)
    )


def has_other_partner(candidate: Candidate, sides: Iterable[Side]) -> bool:
    """Whether a third function may be what the barrier pairs with, and the comments do not name this one."""
    one, two = candidate.sides
    if one.names(two) or two.names(one):
        return False
    fields = {key.rpartition(".")[2] for key in candidate.keys.values()}
    return any(_may_be_partner(candidate, side, fields) for side in sides if side not in (one, two))


def _may_be_partner(candidate: Candidate, side: Side, fields: set[str]) -> bool:
    if candidate.shape.barrier == "fence":
        return fields <= side.words and _FENCES.search(side.function.text) is not None
    released = any(
        isinstance(pair[1], Write)
        for pair, line in zip(candidate.accesses, candidate.barriers, strict=True)
        if line
    )
    found = (_ACQUIRES if released else _RELEASES).finditer(side.function.text)
    return any(fields & set(_WORD.findall(match[1])) for match in found)
