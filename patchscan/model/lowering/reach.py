"""What a call can reach: whether to look into it, and what a call that was not looked into may do."""

from functools import lru_cache

from patchscan.basics.pattern import pattern
from patchscan.basics.record import field, frozen, record
from patchscan.c.nodes import children, nodes
from patchscan.codebase.code import Codebase
from patchscan.codebase.definition import Definition
from patchscan.model.lowering.stubs import Stubs

_DEPTH = 24
_EVER = 1_000
_SHALLOW = 3
_DECLARES = pattern(rb"\{ return ((?:struct|union)\s+\w+)\s+(\w+)\s*[=;]")


_SHORT, SMALL = 300, 700


@frozen
class Callee:
    """What a function is to a caller that may look into it, or not.

    small, simple: short, or no more than one short statement, so that looking into it costs nothing; paired: short, and
    takes or gives a lock, or begins or ends a section, as a pair with its caller; declares: of a macro that declares a
    structure by a name that it is given the type, and which argument is the name.
    """

    path: str
    by_name: bool
    small: bool
    simple: bool
    paired: bool
    declares: tuple[str, int] | None


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
    )


def _declared_by(macro: Definition) -> tuple[str, int] | None:
    found = _DECLARES.search(macro.text)
    names = [name for _, name in macro.parameters]
    if found is None or found[2].decode() not in names:
        return None
    return " ".join(found[1].decode().split()), names.index(found[2].decode())


@record
class Reach:
    """Call-graph questions for one thread, memoised.

    effects: the stub effects that make a callee worth looking into for this thread's role; names: variables and
    fields that are kept; a callee that mentions one is worth looking into as well. _within, _not_within: of a function
    by its name and the file that calls it, within how many calls it is known to reach one, or to reach none.
    """

    code: Codebase
    stubs: Stubs
    effects: frozenset[str]
    names: frozenset[str]
    _within: dict[tuple[str, str], int] = field(default_factory=dict)
    _not_within: dict[tuple[str, str], int] = field(default_factory=dict)
    _may: dict[tuple[str, str, int], frozenset[str]] = field(default_factory=dict)
    _always: dict[tuple[str, str, int], frozenset[str]] = field(default_factory=dict)
    _focus: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._focus = _focus(self.stubs, self.effects, self.names)

    def relevant(self, name: str, near: str) -> bool:
        """Whether the function or macro that `name` calls in file `near` can touch what the model keeps."""
        return self._reaches(name, near, _DEPTH)

    def _reaches(self, name: str, near: str, left: int) -> bool:
        """Whether it does within some calls, whatever was asked before: that it does not within fewer says nothing."""
        key = (name, near)
        if self._within.get(key, _EVER) <= left:
            return True
        if self._not_within.get(key, -1) >= left:
            return False
        definition = self.code.callee(name, near)
        if definition is None:
            self._not_within[key] = _EVER
            return False
        if definition.identifiers & self._focus:
            self._within[key] = 0
            return True
        least = _EVER
        for callee in definition.called:
            if self.stubs.get(callee) is None:
                further = (callee, definition.path)
                if left and self._reaches(*further, left - 1):
                    self._within[key] = self._within[further] + 1
                    return True
                least = min(least, self._not_within.get(further, -1) + 1)
        self._not_within[key] = least
        return False

    def mentions(self, definition: Definition) -> bool:
        """Whether a function itself names what the model keeps."""
        return bool(definition.identifiers & self._focus)

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
