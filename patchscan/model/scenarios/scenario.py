"""Scenarios: which functions are whose reader and updater, and what must never be observed. Data, in TOML."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from patchscan.basics.files import MOST_OF_SETTINGS, Unreadable, parsed_toml, read_file
from patchscan.basics.pattern import pattern
from patchscan.basics.record import field, frozen

_ATOM = pattern(r"(?P<role>\w+) reads (?P<value>\S+) (?P<how>through|from) (?P<key>\S+)")
_STEP = pattern(r"(?P<kind>reads|writes) (?P<location>\w+)")
_KEYS = frozenset(
    """
    why source when role bad init files stubs look_into keep config columns choices doubt rule anchor assumptions plain
    barrier marked follow
    """.split()  # noqa: SIM905
)
_ROLE_KEYS = frozenset("name function does calls within instances own after still".split())  # noqa: SIM905
_FOLLOW_KEYS = frozenset({"arch", "config", "files", "look_into"})
_MOST_BITS = 64
DEFAULT_STUBS = ("generic.c", "cpu.c", "wait.c", "quiet.c")


@frozen
class Step:
    """One access of a role in a shape: kind "reads" or "writes", and the shape's name of the location."""

    kind: str
    location: str


@frozen
class Role:
    """One thread: the functions that can play it, where to find them, and on which objects they work.

    A path "stubs/FILE" names a function of a stub file (hardware, assembly). instances: C type to the number of
    the one object of that type that the thread works on; own: locations that are this thread's own copies, to
    their names; does: in place of functions, what any function does, in order, that can play it; calls: what else can
    play it, a function that calls a name of each set, among those that a series touches and, where none of `functions`
    is there, those of the files `within`; after: what the thread does in the end, whoever plays the role; still:
    nobody plays it who no longer calls all of that, for its callers may do so now.
    """

    name: str
    functions: tuple[tuple[str, str], ...]
    instances: Mapping[str, int]
    cpu: int
    own: Mapping[str, str]
    does: tuple[Step, ...] = ()
    calls: tuple[frozenset[str], ...] = ()
    within: tuple[str, ...] = ()
    after: tuple[str, str] | None = None
    still: bool = False


@frozen
class Atom:
    """One part of the bad observation: a thread reads a value from a location, or through a pointer there."""

    role: str
    value: str
    through: bool
    key: str


@frozen
class Follow:
    """How an architecture flushes: the functions of its own that are looked into, and where they are."""

    arch: str
    config: Mapping[str, int]
    files: tuple[str, ...]
    look_into: frozenset[str]


@frozen
class Scenario:
    """when: glob patterns of names that, touched by a patch, make the scenario apply; columns: configurations by
    name, each a mapping of symbols or choices; bad: atoms that must not hold together; doubt: symbols with which
    an unsafe verdict that rests on a condition the model does not follow must be unsafe too; rule: the rule that
    reports it; anchor: "flag" where a finding stands on the line that sets a per-CPU flag; follow: what is looked
    into where a switch decides that a flush does what is waited for; given: members of tables of operations to the
    function, with its path, that is called through them; marked: locations that are only accessed by functions made
    for it, so that what is accessed plainly through such a pointer is somebody's copy.

    A shape names no functions: its roles say what two functions of a series do with two locations (see
    patchscan.model.scenarios.shapes). plain:
    locations whose accesses need not be annotated; barrier: what one side must have
    for the other to be missed, "access" (an acquire or a release) or "fence".
    """

    name: str
    why: str
    source: str
    when: tuple[str, ...]
    roles: tuple[Role, ...]
    bad: tuple[Atom, ...]
    init: Mapping[str, str]
    files: tuple[str, ...]
    stubs: tuple[str, ...]
    look_into: frozenset[str]
    keep: frozenset[str]
    config: Mapping[str, int]
    columns: Mapping[str, Mapping[str, int]]
    choices: Mapping[str, int]
    doubt: Mapping[str, int]
    rule: str
    anchor: str
    assumptions: tuple[str, ...]
    plain: frozenset[str] = frozenset()
    barrier: str = ""
    follow: tuple[Follow, ...] = ()
    given: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    marked: frozenset[str] = frozenset()

    @property
    def is_shape(self) -> bool:
        return any(role.does for role in self.roles)


def load_scenarios(directories: Sequence[Path]) -> tuple[Scenario, ...]:
    """Every scenario of the *.toml files in the directories, sorted by name.

    Raises ValueError with "file: reason" for one that cannot be used.
    """
    from patchscan.model.lowering.stubs import is_stub_file

    found: dict[str, Scenario] = {}
    for directory in directories:
        for path in sorted(directory.glob("*.toml")):
            for scenario in read_scenarios(content_of(path), path.name):
                lost = next((each for each in scenario.stubs if not is_stub_file(each, directories)), None)
                if lost is not None:
                    raise ValueError(f"{path.name}: {scenario.name}: no stub file {lost!r:.40}")
                found[scenario.name] = scenario
    return tuple(found[name] for name in sorted(found))


def content_of(path: Path) -> bytes:
    """The bytes of a scenario file. Raises ValueError with "file: reason"."""
    try:
        return read_file(str(path), MOST_OF_SETTINGS)
    except Unreadable as error:
        raise ValueError(f"{path.name}: {error}") from None


def read_scenarios(content: bytes, where: str) -> tuple[Scenario, ...]:
    """The scenarios in a TOML text; raises ValueError with `where: reason`."""
    try:
        return tuple(_scenario(name, table) for name, table in parsed_toml(content)[1].items())
    except Unreadable as error:
        raise ValueError(f"{where}: {error}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{where}: a scenario lacks or misuses {error}") from None
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _scenario(name: str, table: Mapping[str, object]) -> Scenario:
    _known(table, "scenario", _KEYS)
    _plain(name)
    threads = tuple(_role(role, cpu) for cpu, role in enumerate(_tables(table["role"])))
    twice = [
        each.name for place, each in enumerate(threads) if each.name in [o.name for o in threads[:place]]
    ]
    if twice or not threads:
        raise ValueError(f"two roles are called {twice[0]!r}" if twice else "it has no role")
    if not _strings(table["bad"]):
        raise ValueError("bad is empty: it says what must never be observed")
    bad = tuple(_atom(text, {role.name for role in threads}) for text in _strings(table["bad"]))
    columns = {
        _plain(column): _numbers(f"column {column!r}", values)
        for column, values in _table(table.get("columns", {"generic": {}})).items()
    }
    return Scenario(
        name=name,
        why=str(table["why"]),
        source=str(table["source"]),
        when=_strings(table.get("when", ())),
        roles=threads,
        bad=bad,
        init={key: str(value) for key, value in _table(table.get("init", {})).items()},
        files=_strings(table.get("files", ())),
        stubs=(*DEFAULT_STUBS, *_strings(table.get("stubs", ()))),
        look_into=frozenset(_strings(table.get("look_into", ()))),
        keep=frozenset(_strings(table.get("keep", ()))),
        config=_numbers("config", table.get("config", {})),
        columns=columns,
        choices=_numbers("choices", table.get("choices", {})),
        doubt=_numbers("doubt", table.get("doubt", {})),
        rule=str(table.get("rule", "")),
        anchor=str(table.get("anchor", "")),
        assumptions=_strings(table.get("assumptions", ())),
        plain=frozenset(_strings(table.get("plain", ()))),
        barrier=_barrier(str(table.get("barrier", ""))),
        marked=frozenset(_strings(table.get("marked", ()))),
        follow=tuple(_follow(each) for each in _tables(table.get("follow", ()))),
    )


def _known(table: object, what: str, keys: frozenset[str]) -> None:
    """Raises ValueError where something is no table, or has a key that means nothing."""
    if not isinstance(table, dict):
        raise ValueError(f"a {what} is a table, not {table!r:.40}")
    unknown = sorted(table.keys() - keys)
    if unknown:
        raise ValueError(f"{unknown[0]!r:.40} is no key of a {what}")


def _plain(name: str) -> str:
    """A name that may be part of a line and of a file's name; raises ValueError for any other."""
    if not name or not name.isprintable() or "/" in name:
        raise ValueError(f"the name {name!r:.40} is empty, or has a slash or control characters")
    return name


def _numbers(where: str, value: object) -> dict[str, int]:
    """Names to numbers."""
    found = _table(value)
    for name, number in found.items():
        if not isinstance(number, int) or number.bit_length() > _MOST_BITS:
            raise ValueError(f"{where}: {name} is {number!r:.40}, which is no number of 64 bits")
    return {name: int(number) for name, number in found.items()}


def _follow(table: Mapping[str, object]) -> Follow:
    _known(table, "follow", _FOLLOW_KEYS)
    return Follow(
        str(table["arch"]),
        _numbers("config", table.get("config", {})),
        _strings(table["files"]),
        frozenset(_strings(table["look_into"])),
    )


def _role(table: Mapping[str, object], cpu: int) -> Role:
    _known(table, "role", _ROLE_KEYS)
    does = tuple(_step(text) for text in _strings(table.get("does", ())))
    calls = tuple(frozenset(text.split("|")) for text in _strings(table.get("calls", ())))
    named = () if does or (calls and "function" not in table) else table["function"]
    functions = tuple(_function(text) for text in _strings(named))
    instances = _numbers("instances", table.get("instances", {}))
    own = {key: str(name) for key, name in _table(table.get("own", {})).items()}
    within = _strings(table.get("within", ()))
    after = _function(str(table["after"])) if "after" in table else None
    still = bool(table.get("still", False))
    return Role(_plain(str(table["name"])), functions, instances, cpu, own, does, calls, within, after, still)


def _function(text: str) -> tuple[str, str]:
    """("gup_fast", "mm/gup.c") from "mm/gup.c:gup_fast"."""
    path, _, name = text.rpartition(":")
    if not path:
        raise ValueError(f"function {text!r}: write it as file:function")
    return name, path


def _step(text: str) -> Step:
    found = _STEP.fullmatch(text)
    if found is None:
        raise ValueError(f"access {text!r}: write it as `reads LOCATION` or `writes LOCATION`")
    return Step(found["kind"], found["location"])


def _barrier(text: str) -> str:
    if text not in ("", "access", "fence"):
        raise ValueError(f"barrier {text!r}: it is an access or a fence")
    return text


def _atom(text: str, roles: set[str]) -> Atom:
    found = _ATOM.fullmatch(text)
    if found is None or found["role"] not in roles:
        raise ValueError(f"bad observation {text!r}: write it as `ROLE reads VALUE from|through LOCATION`")
    return Atom(found["role"], found["value"], found["how"] == "through", found["key"])


def _strings(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, (list, tuple)):
        raise TypeError(repr(value))
    return tuple(str(item) for item in value)


def _tables(value: object) -> Sequence[Mapping[str, object]]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, dict) for each in value):
        raise TypeError(repr(value))
    return value


def _table(value: object) -> Mapping[str, int]:
    if not isinstance(value, dict):
        raise TypeError(repr(value))
    return value
