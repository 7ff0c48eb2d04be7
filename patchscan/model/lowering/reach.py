"""What a call can reach: whether to look into it, and what a call that was not looked into may do."""

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache

from patchscan.basics.pattern import pattern
from patchscan.basics.record import field, frozen, record
from patchscan.c.nodes import children, nodes
from patchscan.codebase.code import Codebase
from patchscan.codebase.definition import Definition
from patchscan.model.lowering.stubs import Stubs

_SHALLOW = 3
SLEEPING = frozenset(
    """
    cond_resched cond_resched_lock cond_resched_rcu schedule schedule_timeout schedule_timeout_interruptible
    schedule_timeout_killable schedule_timeout_uninterruptible schedule_timeout_idle schedule_hrtimeout io_schedule
    io_schedule_timeout yield msleep msleep_interruptible ssleep usleep_range usleep_range_state fsleep
    might_sleep __might_sleep might_fault __might_fault wait_event wait_event_interruptible wait_event_timeout
    wait_for_completion wait_for_completion_timeout wait_on_bit mutex_lock mutex_lock_interruptible
    mutex_lock_killable down down_interruptible down_killable down_read_killable down_write_killable rt_mutex_lock
    ww_mutex_lock mmap_read_lock mmap_write_lock lock_page folio_lock folio_wait_bit wait_on_page_bit lock_sock
    inode_lock copy_from_user copy_to_user get_user put_user synchronize_rcu synchronize_srcu flush_work
    cancel_work_sync kthread_stop vmalloc GFP_KERNEL GFP_KERNEL_ACCOUNT GFP_NOFS GFP_NOIO GFP_USER GFP_HIGHUSER
    GFP_HIGHUSER_MOVABLE
    """.split()  # noqa: SIM905
)
"""What sleeps, and what says that an allocation may."""
_TURNING = frozenset(
    f"{name}{under}"
    for name in "static_key_enable static_key_disable static_key_slow_inc static_key_slow_dec".split()  # noqa: SIM905
    for under in ("", "_cpuslocked")
)
_DECLARES = pattern(rb"\{ return ((?:struct|union)\s+\w+)\s+(\w+)\s*[=;]")


_SHORT, SMALL = 300, 700


@frozen
class Callee:
    """What a function is to a caller that may look into it, or not.

    small, simple: short, or no more than one short statement, so that looking into it costs nothing; paired: short, and
    takes or gives a lock, or begins or ends a section, as a pair with its caller; declares: of a macro that declares a
    structure by a name that it is given the type, and which argument is the name; sets: of a macro the arguments that
    it may set.
    """

    path: str
    by_name: bool
    small: bool
    simple: bool
    paired: bool
    declares: tuple[str, int] | None
    sets: frozenset[int] = frozenset()


@lru_cache(maxsize=8192)
def described(definition: Definition, stubs: Stubs) -> Callee:
    """What a definition is to its callers."""
    statements = children(definition.body) if definition.body is not None else []
    size = len(definition.text)
    effects = (stubs.effects.get(name, frozenset()) for name in definition.called) if size < _SHORT else ()
    return Callee(
        definition.path,
        definition.by_name,
        size < SMALL,
        size < _SHORT and len(statements) <= 1,
        any(each & {"lock", "open"} for each in effects),
        _declared_by(definition) if definition.by_name else None,
        _set_by(definition) if definition.by_name else frozenset(),
    )


def _declared_by(macro: Definition) -> tuple[str, int] | None:
    found = _DECLARES.search(macro.text)
    names = [name for _, name in macro.parameters]
    if found is None or found[2].decode() not in names:
        return None
    return " ".join(found[1].decode().split()), names.index(found[2].decode())


def _set_by(macro: Definition) -> frozenset[int]:
    """Which parameters a macro assigns to, steps, or takes the address of."""
    text = macro.text.decode("latin-1")
    names = [re.escape(name) for _, name in macro.parameters]
    part = r"[\s)]*(?:(?:->|\.)\s*\w+[\s)]*|\[[^\]]*\][\s)]*)*"
    changed = r"(?:=(?!=)|\+\+|--|(?:<<|>>|[-+*/%&|^])=)"
    return frozenset(
        index
        for index, name in enumerate(names)
        if name and re.search(rf"\b{name}\b{part}{changed}|(?:\+\+|--|&)[\s(]*\b{name}\b", text)
    )


@record
class Touching:
    """Which functions come to one of some names, however many calls below.

    written: only one that a function changes, or takes the address of, counts; _known: of a function by its name and
    the file that calls it, whether it does.
    """

    code: Codebase
    stubs: Stubs
    names: frozenset[str]
    written: bool = False
    _known: dict[tuple[str, str], bool] = field(default_factory=dict)

    def comes(self, name: str, near: str) -> bool:
        """Whether the function or macro that `name` calls in file `near` does."""
        if (name, near) not in self._known:
            self._explore((name, near))
        return self._known[name, near]

    def does(self, definition: Definition) -> bool:
        """Whether a function itself does, or one that it calls."""
        return self._names_one(definition) or any(self.comes(*callee) for callee in self._callees(definition))

    def _names_one(self, definition: Definition) -> bool:
        there = definition.identifiers & self.names
        return bool(there) and (not self.written or any(_changes(definition, each) for each in there))

    def _callees(self, definition: Definition) -> Iterator[tuple[str, str]]:
        return ((name, definition.path) for name in definition.called if self.stubs.get(name) is None)

    def _explore(self, first: tuple[str, str]) -> None:
        """Find out for a function and all below it: whoever calls one that comes to a name does so, too."""
        callers: dict[tuple[str, str], list[tuple[str, str]]] = {first: []}
        left, found = [first], list[tuple[str, str]]()
        while left:
            key = left.pop()
            known = self._known.get(key)
            definition = self.code.callee(*key) if known is None else None
            there = self._names_one(definition) if definition is not None else key[0] in self.names
            if known or (known is None and there):
                found.append(key)
            elif definition is not None:
                for callee in self._callees(definition):
                    if callee not in callers:
                        callers[callee] = []
                        left.append(callee)
                    callers[callee].append(key)
        coming = set[tuple[str, str]]()
        while found:
            key = found.pop()
            if key not in coming:
                coming.add(key)
                found += callers[key]
        self._known.update((key, key in coming) for key in callers)


@lru_cache(maxsize=16384)
def _changes(definition: Definition, name: str) -> bool:
    """Whether a function writes to a variable or member of that name, or may hand its address on."""
    text = definition.text.decode("latin-1")
    word = re.escape(name)
    written = rf"\b{word}\b(?:\[[^\]]*\])?\s*(?:=(?!=)|\+\+|--|(?:<<|>>|[-+*/%&|^])=)"
    handed = rf"(?:\+\+|--|&)\s*[\w>.()-]*\b{word}\b"
    return re.search(f"{written}|{handed}", text) is not None


@record
class Reach:
    """Call-graph questions for one thread, memoised.

    effects: the stub effects that make a callee worth looking into for this thread's role; names: variables and
    fields that are kept; a callee that mentions one is worth looking into as well.
    """

    code: Codebase
    stubs: Stubs
    effects: frozenset[str]
    names: frozenset[str]
    _writing: dict[str, Touching] = field(default_factory=dict)
    _naming: dict[str, Touching] = field(default_factory=dict)
    _may: dict[tuple[str, str, int], frozenset[str]] = field(default_factory=dict)
    _always: dict[tuple[str, str, int], frozenset[str]] = field(default_factory=dict)

    @cached_property
    def _touching(self) -> Touching:
        return Touching(self.code, self.stubs, _focus(self.stubs, self.effects, self.names))

    @cached_property
    def _sleeping(self) -> Touching:
        return Touching(self.code, self.stubs, self.stubs.names_with(frozenset({"sleep"})) | SLEEPING)

    @cached_property
    def _turning(self) -> Touching:
        return Touching(self.code, self.stubs, self.stubs.names_with(frozenset({"turn"})) | _TURNING)

    @property
    def in_reader(self) -> bool:
        """Whether the thread is one whose sections somebody waits for."""
        return "open" in self.effects

    def relevant(self, name: str, near: str) -> bool:
        """Whether the function or macro that `name` calls in file `near` can touch what the model keeps."""
        return self._touching.comes(name, near)

    def sleeps(self, definition: Definition) -> bool:
        """Whether a function, or one below it, may give its CPU away."""
        return self._sleeping.does(definition)

    def writes(self, definition: Definition, name: str) -> bool:
        """Whether a function, or one below it, writes to a variable or member of that name."""
        if name not in self._writing:
            self._writing[name] = Touching(self.code, self.stubs, frozenset({name}), written=True)
        return self._writing[name].does(definition)

    def turns(self, definition: Definition, key: str) -> bool:
        """Whether a function, or one below it, turns static keys, and names one."""
        last = key.rpartition(".")[2].rpartition(">")[2]
        if last not in self._naming:
            self._naming[last] = Touching(self.code, self.stubs, frozenset({last}))
        return self._turning.does(definition) and self._naming[last].does(definition)

    def mentions(self, definition: Definition) -> bool:
        """Whether a function itself names what the model keeps."""
        return bool(definition.identifiers & self._touching.names)

    def may(self, definition: Definition, depth: int = 0) -> frozenset[str]:
        """Effects that some path of a function can have, a few calls deep: "fence", "wait", "free", and "end" where it
        ends a section or gives a lock that it did not begin or take."""
        key = (definition.name, definition.path, depth)
        if key in self._may:
            return self._may[key]
        found: set[str] = set()
        for callee in definition.called:
            if callee in self.stubs.effects and not self.code.own(callee, definition.path):
                found |= self.stubs.effects[callee] & {"fence", "wait", "free"}
            elif depth < _SHALLOW:
                inner = self.code.callee(callee, definition.path)
                if inner is not None:
                    found |= self.may(inner, depth + 1)
        own = frozenset[str]().union(*(self.stubs.effects.get(callee, ()) for callee in definition.called))
        if "end" in own and "begin" not in own:
            found.add("end")
        self._may[key] = frozenset(found)
        return self._may[key]

    def always(self, definition: Definition, depth: int = 0) -> frozenset[str]:
        """Effects that every path of a function has: its calls outside branches and loops, a few deep."""
        key = (definition.name, definition.path, depth)
        if key not in self._always:
            self._always[key] = self._find_always(definition, depth)
        return self._always[key]

    def _find_always(self, definition: Definition, depth: int) -> frozenset[str]:
        found: set[str] = set()
        for name in _unconditional_calls(definition):
            if name in self.stubs.effects and not self.code.own(name, definition.path):
                found |= self.stubs.effects[name] & {"fence", "wait"}
            elif depth < _SHALLOW:
                inner = self.code.callee(name, definition.path)
                if inner is not None and inner.name != definition.name:
                    found |= self.always(inner, depth + 1)
        return frozenset(found)


@lru_cache(maxsize=256)
def _focus(stubs: Stubs, effects: frozenset[str], names: frozenset[str]) -> frozenset[str]:
    """The names that make a function worth looking into."""
    without = frozenset({"lock"}) if "open" in effects else frozenset[str]()
    return stubs.names_with(effects, without) | stubs.mentioning(names) | names


@lru_cache(maxsize=8192)
def _unconditional_calls(definition: Definition) -> tuple[str, ...]:
    """Names called by statements that stand at the top of the body, up to the first way out of it."""
    names: list[str] = []
    for statement in children(definition.body) if definition.body is not None else ():
        if statement.type in ("expression_statement", "declaration", "return_statement"):
            for node in nodes(statement):
                if node.type in ("binary_expression", "conditional_expression"):
                    break
                if node.type == "call_expression":
                    callee = node.child_by_field_name("function")
                    if callee is not None and callee.type == "identifier":
                        names.append(definition.text_of(callee))
        elif any(node.type in ("return_statement", "goto_statement") for node in nodes(statement)):
            break
    return tuple(names)
