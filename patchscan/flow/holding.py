"""What a function holds at its ways out: a client of patchscan.flow.ways that follows one resource."""

from collections.abc import Hashable, Iterable, Sequence
from functools import cached_property, reduce
from operator import or_

from patchscan.basics.keep import kept
from patchscan.basics.record import frozen, replace
from patchscan.c.source import source_of
from patchscan.flow.actions import Assigned, Called, Operation, Round, root_of, words_of
from patchscan.flow.graph import Edge, Graph
from patchscan.flow.heeding import Client, Exit, Token, Words
from patchscan.flow.held import FAILED, GIVEN, GONE, HELD, Keepers, Taken, Way
from patchscan.flow.keeping import (
    HARMLESS,
    LOOKS_AT_LOCK,
    MAKES_LATER,
    ends_inside,
    ends_whole,
    keeps_inside,
    may_release,
    takes_inside,
)
from patchscan.flow.knowing import Reading
from patchscan.flow.resources import OUTCOMES, by_call, releasing, words_of_names
from patchscan.flow.signs import ANY, NOT_ZERO, POSITIVE, ZERO
from patchscan.flow.strides import LATER, OWN, call_word, change_word, handed_word, name_word, test_word
from patchscan.flow.taking import Resource, has_other_keys, keeping_calls, says_it_keeps
from patchscan.flow.touching import DERIVES, NOT_HELD, calls_that_do, made_of, returned_copies, wholes_of
from patchscan.flow.trails import depends_on_flag
from patchscan.flow.ways import ways_of


class Follower(Client):
    """Follows one resource."""

    heeds = ()

    def __init__(self, graph: Graph, resource: Resource) -> None:
        self.graph = graph
        self.ways = ways_of(graph)
        self.resource = resource
        self.row = resource.row
        self.sites = dict(resource.sites)
        # What a value may be that was taken.
        self.took = reduce(or_, (OUTCOMES[kind][0] for kind in self.sites.values()), 0) or ANY
        self.awaits = frozenset(self.sites)
        words = words_of(resource.key) if resource.loops else ()
        self._awaited = frozenset((*map(call_word, self.sites), *words))
        self.twice: dict[tuple[int, int], str] = {}
        self.again: list[Way] = []
        self.by_argument = self.row.at is not None
        self.root = root_of(resource.key)
        # With the calls that may take it or give it back whatever they are handed.
        self._always = self._awaited.union((LATER, OWN) if self.by_argument else (LATER,))
        self._words = wholes_of(graph, self.root).union(words_of(resource.key))
        self._keepers = Keepers()
        self._gone: dict[tuple[Taken, str], Taken] = {}
        self._named: dict[tuple[str, frozenset[str]], Words] = {}
        self.loose = self.by_argument and has_other_keys(graph, resource)
        # The calls that leave a token as it is, by what of it they look at.
        self._idle: set[tuple[int, str, frozenset[str], str]] = set()

    def start(self) -> Taken:
        return Taken()

    def named(self, token: Taken) -> Words | None:
        if self.waits(token):
            return ((self._awaited,),)
        if self.root == "":
            return None
        asked = token.heeded, token.names
        if asked not in self._named:
            self._named[asked] = self._named_in(*asked)
        return self._named[asked]

    def _named_in(self, state: str, known: frozenset[str]) -> Words:
        """The words of a state; known: the names that mean the resource."""
        names = frozenset(word for each in known for word in words_of(each))
        changes = frozenset(map(change_word, (self.resource.key, self.root, *known)))
        if state == HELD and not self.by_argument:
            tests = frozenset(map(test_word, known))
            return ((self._always, frozenset(map(handed_word, self._words | names)), tests, changes),)
        words = (self._always, self._words, names)
        calls = calls_that_do(self.graph, self.row, state)
        if self.loose and state != GIVEN:
            # Whatever is handed to what gives it back.
            return ((*words, *calls),)
        return words, (self._always, self._handed_on, *calls, changes)

    @cached_property
    def _handed_on(self) -> frozenset[str]:
        """The calls that it may be handed on to, by their names."""
        if self.row.kind == "lock":
            calls = self.graph.calls_with(self.resource.key) if self.resource.key else ()
        else:
            calls = keeping_calls(self.graph) if len(self._taken_with) > 1 and self.resource.counted else ()
        return frozenset(name_word(each.name) for each in calls if self._is_handed_on(each))

    def waits(self, token: Token) -> bool:
        return isinstance(token, Taken) and token.state in ("", FAILED)

    def called(self, call: Called, token: Taken, facts: Reading) -> Iterable[tuple[Taken, int]]:
        if call.offset in self.sites:
            return self._taken(call, token, facts)
        if token.state not in (HELD, GIVEN, GONE):
            return ((token, ANY),)
        asked = (call.offset, token.state, token.names, token.via)
        if asked in self._idle:
            return ((token, ANY),)
        found = self._passed(call, token, facts)
        if len(found) == 1 and found[0][0] is token and not self._again(call, token):
            self._idle.add(asked)
        return found

    def _passed(self, call: Called, token: Taken, facts: Reading) -> Sequence[tuple[Taken, int]]:
        """The tokens after a call that takes nothing; what is kept in mind is asked for by the same words."""
        if token.state == GIVEN and self._may_take(call):
            return ((Taken(GONE), ANY),)
        if (
            token.state == GIVEN
            and not token.via
            and call.sure
            and not facts.coarse
            and self._again(call, token)
            and not depends_on_flag(self.graph, facts.trail)
        ):
            self.twice.setdefault((token.line, call.line), call.name)
            return ()
        if token.state == GONE and token.via and self._gives(call, token):
            return ((Taken(GIVEN, token.names, call.line, by=call.name, via=token.via), ANY),)
        if token.state == GONE and token.via and self._may_end(call, token):
            return ((self._kept(token, token.kept_by(call.key).via), ANY),)
        if token.state != HELD:
            return ((token, ANY),)
        if call.name in self.row.refuted_by and any(name in call.arguments for name in token.names):
            return ((Taken(FAILED), NOT_ZERO), (token, ZERO))
        if call.name in self.row.confirmed_by and any(name in call.arguments for name in token.names):
            return ((token, NOT_ZERO), (Taken(FAILED), ZERO))
        if call.name in self.row.consumes and any(name in call.arguments for name in token.names):
            return ((Taken(GONE, frozenset(), call.line), ANY),)
        if self._gives(call, token):
            return ((Taken(GIVEN, token.names, call.line, token.failed, call.name), ANY),)
        if self._takes_over(call, token):
            return ((self._kept(token, call.key), ANY),)
        if (
            call.result
            and any(name in call.arguments for name in token.names)
            and DERIVES.fullmatch(call.name)
        ):
            return ((self._also(token, call.result), ANY),)
        return ((token, ANY),)

    def _taken(self, call: Called, token: Taken, facts: Reading) -> Iterable[tuple[Taken, int]]:
        took, took_nothing = OUTCOMES[self.sites[call.offset]]
        if token.state in (HELD, GIVEN, GONE) and not self.by_argument and not facts.coarse and facts.trail:
            out = Exit(facts.trail[1], token, None, facts.trail, ())
            self.again.append(Way(out, token, None, False, call.line, "", again=True))
        if token.state == HELD and self.by_argument:
            # A second one: how many are held is not counted.
            return ((Taken(GONE), ANY),)
        names = frozenset((self.resource.key,))
        held = Taken(HELD, names, call.line, by=call.name)
        looked_at = (
            call.result
            or f"@{call.offset}" in self.graph.tests
            or f"@{call.offset}" in returned_copies(self.graph)
        )
        if not took_nothing or (self.by_argument and not looked_at):
            return ((held, ANY),)
        failed = Taken(HELD, names, call.line, True, call.name) if self.row.held_on_failure else Taken(FAILED)
        return ((held, took), (failed, took_nothing))

    @property
    def goes_with_object(self) -> bool:
        """Whether it is the lock of an object as such (a folio's, a socket's), which goes where the object goes."""
        return self.row.kind == "lock" and self.resource.key.isidentifier()

    @cached_property
    def origins(self) -> frozenset[str]:
        """The variables that what names the resource was made of: page, where folio = page_folio(page)."""
        return made_of(self.graph).get(self.root, frozenset())

    @cached_property
    def _taken_with(self) -> tuple[str, ...]:
        """The arguments of what first takes it."""
        calls = self.graph.first_calls
        _, first = min((calls[each] for each in self.sites if each in calls), default=(0, None))
        return first.arguments if first is not None else ()

    def _kept(self, token: Taken, via: str) -> Taken:
        """What it is where some calls may have kept it."""
        via = self._keepers.told(via)
        if (token.state, token.via) == (GONE, via):
            return token
        if (token, via) not in self._gone:
            self._gone[token, via] = token.kept_via(via)
        return self._gone[token, via]

    def _also(self, token: Taken, name: str) -> Taken:
        return Taken(HELD, token.names | {name}, token.line, token.failed, token.by)

    def _gives(self, call: Called, token: Taken) -> bool:
        gives = call.name in self.row.release or call.name in self.row.wrong
        if not gives and call.name != NOT_HELD:
            return False
        if self.resource.key == "" or self.loose:
            return True
        return any(self._is(argument, name) for argument in call.arguments for name in token.names)

    def _may_take(self, call: Called) -> bool:
        """Whether a call may take it anew, as a function does that takes a lock on some of its ways."""
        return (
            self.by_argument
            and call.name not in self.row.calls
            and call.name not in self.row.release
            and takes_inside(source_of(self.graph.function), call.name, frozenset(self.row.calls))
        )

    def _again(self, call: Called, token: Taken) -> bool:
        """Whether a call gives back what was given back already."""
        if call.name not in self.row.release:
            return False
        bare = self.resource.key == "" and not call.arguments
        return bare or any(argument in token.names for argument in call.arguments)

    def _may_end(self, call: Called, token: Taken) -> bool:
        """Whether a call that is not known has a name that tells of giving back, and is handed what was kept."""
        if self._ends_whole(call, token) or self._ends_inside(call, token):
            return True
        words = frozenset(call.name.lower().split("_"))
        if HARMLESS.fullmatch(call.name):
            return False
        return bool(words & words_of_names("gives_back")) and any(
            self._is(argument, name) for argument in call.arguments for name in token.names
        )

    def _ends_whole(self, call: Called, token: Taken) -> bool:
        """Whether a call may give back the object inside of which that stands which is held, or what it is itself."""
        if self.by_argument:
            whole = {self.root} if self.resource.named and "->" in self.resource.key else ()
            return call.name in releasing() and ends_whole(call, (), whole)
        inside = () if self.resource.local else (self.root, *wholes_of(self.graph, self.root))
        return ends_whole(call, {self.root, *token.names}, inside)

    def _ends_inside(self, call: Called, token: Taken) -> bool:
        return ends_inside(source_of(self.graph.function), call, token.names, self.row.release)

    def _is(self, argument: str, name: str) -> bool:
        """Whether an argument is what a name means: np, &pdev->dev, pdev->dev."""
        if argument == name:
            return True
        bare = argument.lstrip("&*")
        return not self.by_argument and bare.startswith((f"{name}->", f"{name}."))

    def _takes_over(self, call: Called, token: Taken) -> bool:
        """Whether a call may give back what is held, or keep it."""
        if not call.name:
            return not self.by_argument and any(self._is(a, n) for a in call.arguments for n in token.names)
        if self._ends_whole(call, token) or self._ends_inside(call, token):
            return True
        if call.name in releasing() or call.name in by_call():
            return False
        words = frozenset(call.name.lower().split("_"))
        if call.name.startswith(MAKES_LATER):
            return any(self.root in words_of(argument) for argument in call.arguments)
        if self.by_argument:
            if self._is_handed_on(call):
                return True
            shares = self.root == "" or any(self.root in words_of(argument) for argument in call.arguments)
            if call.name in self.ways.named.defined:
                handed = shares or any(not self.origins.isdisjoint(words_of(each)) for each in call.arguments)
                if may_release(source_of(self.graph.function), call.name, self.row.release, handed):
                    return True
            return bool(shares and words & words_of_names("ends") and not HARMLESS.fullmatch(call.name)) and (
                self.root != "" or bool(words & {"unlock", "release", "put", "end"})
            )
        if any(argument == f"&{name}" for argument in call.arguments for name in token.names):
            return True
        if not any(self._is(argument, name) for argument in call.arguments for name in token.names):
            return False
        if HARMLESS.fullmatch(call.name):
            return False
        keeps = words_of_names("keeps_reference") if self.row.kind == "reference" else words_of_names("keeps")
        return bool(words & (words_of_names("gives_back") | keeps)) or keeps_inside(
            source_of(self.graph.function), call.name, self.row.release
        )

    def _is_handed_on(self, call: Called) -> bool:
        """Whether a call is handed the lock itself, or all that told what was taken to keep it by."""
        if self.row.kind == "lock":
            handed = self.resource.key.startswith("&") and self.resource.key in call.arguments
            return handed and not LOOKS_AT_LOCK.fullmatch(call.name)
        taken = self._taken_with
        if len(taken) < 2:
            return False
        keeps = self.resource.counted and says_it_keeps(call) and call.offset not in self.sites
        return keeps and set(call.arguments).issuperset(taken)

    def assigned(self, operation: Assigned, token: Taken, signs: int, facts: Reading) -> Taken:
        if token.state == GONE and operation.key in token.names:
            return replace(token, names=token.names - {operation.key})
        if token.state == GONE and token.via and operation.source in token.names and "->" in operation.key:
            return self._kept(token, token.kept_by(f"{operation.key}={operation.source}").via)
        if token.state == GIVEN and (operation.key in token.names or operation.key == self.root):
            return Taken(GIVEN, token.names - {operation.key, self.resource.key}, token.line, by=token.by)
        if token.state != HELD:
            return token
        if operation.key == self.resource.key and operation.line == token.line:
            # What was just taken is none of the pointers that were known before.
            for other in self.ways.told_by(operation.key):
                if "==" in other and signs == POSITIVE:
                    facts.known[other] = ZERO
        if self.row.member and operation.source in token.names and operation.key in self.graph.locals:
            facts.set(operation.key, POSITIVE)
            return self._also(token, operation.key)
        if self.by_argument:
            lost = operation.key == self.root and self.root != "" and operation.line != token.line
            # A reference that is counted is written down where it is used.
            kept = operation.source == self.resource.key and (
                self.resource.counted or (self.goes_with_object and operation.key not in self.graph.locals)
            )
            if self._stores_whole(operation):
                return self._kept(token, f"{operation.key}={operation.source}")
            return Taken(GONE, frozenset(), operation.line) if lost or kept else token
        if self._stores_whole(operation):
            return self._kept(token, f"{operation.key}={operation.source}")
        if operation.key == self.root != self.resource.key and operation.line != token.line:
            # The member is another object's now.
            left = frozenset(each for each in token.names if root_of(each) != self.root)
            return replace(token, names=left) if left else Taken(GONE)
        source = operation.source
        if any(self._is(source, name) or self._is(source.lstrip("&"), name) for name in token.names):
            if self._is_value(source, token):
                if operation.key in self.graph.locals:
                    return self._also(token, operation.key)
                return self._kept(token, f"{operation.key}={source}")
        elif operation.key in token.names and DERIVES.match(source):
            return token
        elif operation.key in token.names and not source.startswith(token.by):
            left = token.names - {operation.key}
            return Taken(HELD, left, token.line, token.failed, token.by) if left else Taken(GONE)
        return token

    def _stores_whole(self, operation: Assigned) -> bool:
        """Whether the object that was prepared, or in which it stands, is stored in another: it then goes with that."""
        made = self.resource.named if self.by_argument else self.resource.key != self.root
        stored = operation.source == self.root != "" and "->" in operation.key
        return made and stored and root_of(operation.key) != self.root

    def _is_value(self, source: str, token: Taken) -> bool:
        """Whether a text is the pointer itself, or one into what it points to: not a field that is read."""
        return source in token.names or source.startswith("&")

    def decided(self, edge: Edge, token: Taken, facts: Reading) -> Taken | None:
        """What is found to be NULL or an error is none of what was taken, whoever wrote to memory since."""
        holds = token.state == HELD and not token.failed and not self.by_argument
        return None if holds and edge.key in token.names and edge.signs & self.took == 0 else token

    def other(self, operation: Operation, token: Taken, facts: Reading) -> Taken:
        if not isinstance(operation, Round):
            return token
        if operation.macro in self.resource.loops and self.resource.key in operation.arguments:
            if operation.ended:
                return Taken(FAILED) if token.state in (HELD, "") else token
            return Taken(HELD, frozenset((self.resource.key,)), operation.line, by=operation.macro)
        if token.state == GIVEN and not operation.ended and self.root in operation.arguments:
            return Taken(GONE, frozenset(), operation.line)
        if token.state == HELD and not operation.ended:
            mine = self.root if self.by_argument else self.resource.key
            if mine and mine in operation.arguments:
                return Taken(GONE, frozenset(), operation.line)
        return token


@frozen(eq=False)
class Followed:
    """What following a resource gave: the ways out, whether all were walked, and what the client noted."""

    client: Follower
    exits: Sequence[Exit]
    complete: bool


@kept
def _followed(graph: Graph) -> dict[Hashable, Followed]:
    """What was followed in one graph so far."""
    return {}


def followed(graph: Graph, resource: Resource) -> Followed:
    """Follow a resource through a function, once."""
    known = _followed(graph)
    key = (*resource.identity, resource.sites, resource.loops)
    if key not in known:
        client = Follower(graph, resource)
        walk = ways_of(graph).walk(client)
        known[key] = Followed(client, walk.exits, walk.complete)
    return known[key]
