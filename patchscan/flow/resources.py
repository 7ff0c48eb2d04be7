"""What is taken and must be given back: the rows of rules/tables/resources.toml, and pairs that names tell."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from patchscan.basics.nameset import Names
from patchscan.basics.ourtables import read_table
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Function
from patchscan.flow.signs import ANY, NEGATIVE, NOT_NEGATIVE, NOT_POSITIVE, NOT_ZERO, POSITIVE, ZERO

# What a call returns that took something, and what one that took nothing.
OUTCOMES = {
    "acquire": (ANY, 0),
    "try": (NOT_ZERO, ZERO),
    "positive": (POSITIVE, NOT_POSITIVE),
    "negative": (ZERO, NEGATIVE),
    "number": (NOT_NEGATIVE, NEGATIVE),
    "null": (POSITIVE, ZERO),
    "error": (POSITIVE, NEGATIVE),
    "null or error": (POSITIVE, NOT_POSITIVE),
}
KINDS = ("lock", "state", "reference", "memory")
# The fields of a row beside those of OUTCOMES, and what each holds.
FIELDS = {
    "what": "text",
    "kind": "text",
    "at": "text or number",
    "member": "text",
    "release": "names",
    "wrong": "names",
    "held": "text",
    "alone": "yes or no",
    "weak": "names",
    "loops": "numbers",
    "frees": "numbers",
    "consumes": "names",
    "refuted_by": "names",
    "confirmed_by": "names",
    "source": "text",
}
_OPPOSITES = (
    ("start", "stop"),
    ("map", "unmap"),
    ("on", "off"),
    ("enable", "disable"),
    ("acquire", "release"),
    ("request", "release"),
    ("request", "free"),
    ("reserve", "release"),
    ("register", "unregister"),
    ("get", "put"),
    ("get", "release"),
    ("open", "close"),
    ("lock", "unlock"),
    ("attach", "detach"),
    ("init", "exit"),
    ("init", "cleanup"),
    ("init", "fini"),
    ("init", "remove"),
    ("init", "deinit"),
    ("init", "uninit"),
    ("init", "destroy"),
    ("init", "free"),
    ("init", "release"),
    ("setup", "cleanup"),
    ("setup", "teardown"),
    ("setup", "remove"),
    ("setup", "free"),
    ("claim", "release"),
    ("alloc", "free"),
    ("alloc", "put"),
    ("alloc", "release"),
    ("alloc", "destroy"),
    ("alloc", "dealloc"),
    ("create", "destroy"),
    ("create", "remove"),
    ("create", "free"),
    ("prepare", "unprepare"),
    ("begin", "end"),
    ("pin", "unpin"),
    ("freeze", "unfreeze"),
    ("add", "remove"),
    ("add", "del"),
    ("add", "delete"),
    ("bind", "unbind"),
    ("load", "unload"),
    ("probe", "remove"),
    ("hold", "put"),
    ("up", "down"),
    ("deassert", "assert"),
    ("suspend", "resume"),
    ("inc", "dec"),
    ("enter", "leave"),
    ("quiesce", "unquiesce"),
)
_TAKES = frozenset(take for take, _ in _OPPOSITES)
_MANAGED = pattern(r"devm_(k[zmc]alloc(_array)?|kcalloc|kmemdup|kstrdup|kasprintf|ioremap(_wc|_np)?)")
# Their names look like one of a pair, and they are none.
_NO_PAIR = Names(
    "{,__}{get,put}_user* copy_* devm_* {put,get}_unaligned* skb_* nla_* seq_* mutex_{init,destroy} devres_* "
    "sg_miter_* {,raw_,arch_}{atomic,refcount,local,this_cpu,percpu_counter,static_branch,static_key}*"
)
_NO_PAIR_BY_FORM = pattern(
    r"_(get|put)_unaligned|_get_drvdata$|(enable|disable)_(\w+_)?reset$|_stats?(_\w|$)"
)


@frozen
class Row:
    """A kind of resource. calls: the call that takes it -> the key of OUTCOMES; see the table for the rest."""

    name: str
    what: str
    kind: str
    at: int | None
    calls: Mapping[str, str]
    release: frozenset[str]
    held_on_failure: bool = False
    alone: bool = False
    weak: frozenset[str] = frozenset()
    loops: Mapping[str, int] = {}
    consumes: frozenset[str] = frozenset()
    refuted_by: frozenset[str] = frozenset()
    confirmed_by: frozenset[str] = frozenset()
    shown: str = ""
    source: str = ""
    member: str = ""
    frees: Mapping[str, int] = {}
    wrong: frozenset[str] = frozenset()


# Rows of a user's tables (see patchscan.flow.usertables).
_FURTHER: dict[str, Row] = {}


@lru_cache(maxsize=1)
def rows() -> tuple[Row, ...]:
    """The rows of the table, and those of a user's."""
    table = read_table("resources.toml")
    ours = {name: row_of(name, each) for name, each in table.items() if isinstance(each, dict)}
    return tuple((ours | _FURTHER).values())


def use_rows(further: Iterable[Row] | None) -> None:
    """Use further rows from now on, in place of ours where their name is one of ours; None: ours only."""
    if further is None:
        _FURTHER.clear()
    else:
        _FURTHER.update((row.name, row) for row in further)
    for each in (rows, by_call, releasing, freeing, returns_null):
        each.cache_clear()


def has_further_rows() -> bool:
    """Whether a user's rows are in use."""
    return bool(_FURTHER)


def row_of(name: str, each: Mapping[str, object]) -> Row:
    """A row of a table that is one (see patchscan.flow.usertables for what is checked)."""

    def names(key: str) -> list[str]:
        found = each.get(key, [])
        assert isinstance(found, list)
        return found

    at, loops, frees = each["at"], each.get("loops", {}), each.get("frees", {})
    assert isinstance(loops, dict) and isinstance(frees, dict)
    return Row(
        name,
        str(each["what"]),
        str(each["kind"]),
        at if isinstance(at, int) else None,
        {call: kind for kind in OUTCOMES for call in names(kind)},
        frozenset(names("release")),
        each.get("held") == "even if it fails",
        bool(each.get("alone")),
        frozenset(names("weak")),
        loops,
        frozenset(names("consumes")),
        frozenset(names("refuted_by")),
        frozenset(names("confirmed_by")),
        names("release")[0],
        str(each["source"]),
        str(each.get("member", "")),
        frees,
        frozenset(names("wrong")),
    )


@lru_cache(maxsize=1)
def by_call() -> Mapping[str, Row]:
    """The row of each call that takes something, and of each loop macro that does."""
    return {call: row for row in rows() for call in (*row.calls, *row.loops)}


@lru_cache(maxsize=1)
def releasing() -> Mapping[str, tuple[Row, ...]]:
    """The rows that each call gives back."""
    found: dict[str, list[Row]] = {}
    for row in rows():
        for name in row.release:
            found.setdefault(name, []).append(row)
    return {name: tuple(each) for name, each in found.items()}


@lru_cache(maxsize=1)
def freeing() -> Mapping[str, int]:
    """The calls after which what they are handed must not be used, and the number of that argument."""
    return {"platform_device_unregister": 0} | {name: at for row in rows() for name, at in row.frees.items()}


@lru_cache(maxsize=4096)
def opposites(name: str) -> tuple[str, ...]:
    """The names of what would give back what a call of this name takes."""
    found = tuple(dict.fromkeys(_opposites(name)))
    return () if found and (name in _NO_PAIR or _NO_PAIR_BY_FORM.search(name)) else found


def _opposites(name: str) -> Iterator[str]:
    words = name.split("_")
    if _TAKES.isdisjoint(words):
        return
    for take, give in _OPPOSITES:
        for at, word in enumerate(words):
            if word == take:
                yield "_".join((*words[:at], give, *words[at + 1 :]))


@lru_cache(maxsize=1024)
def takes_named(name: str) -> frozenset[str]:
    """The names of what would take what a call of this name gives back."""
    words = name.split("_")
    found = (
        "_".join((*words[:at], take, *words[at + 1 :]))
        for take, give in _OPPOSITES
        for at, word in enumerate(words)
        if word == give
    )
    return frozenset(each for each in found if name in opposites(each))


def may_take(function: Function) -> bool:
    """Whether a function calls something that takes a resource, or two functions whose names are a pair."""
    words = function.identifiers
    return not words.isdisjoint(by_call()) or any(
        each in words for word in words for each in opposites(word) if each != word
    )


@lru_cache(maxsize=8)
def words_of_names(kind: str) -> frozenset[str]:
    """The words that tell what a function does with what it is handed, of a kind of rules/tables/words.toml."""
    names = read_table("words.toml")[kind]
    assert isinstance(names, list)
    return frozenset(names)


@lru_cache(maxsize=4096)
def returns_null(name: str) -> bool:
    """Whether a call of this name returns NULL where memory is short."""
    row = by_call().get(name)
    if row is not None:
        return row.kind == "memory" and row.calls.get(name) == "null"
    return _MANAGED.fullmatch(name) is not None


def may_give_back(function: Function) -> bool:
    """Whether a function calls something that gives a resource back."""
    return not function.identifiers.isdisjoint(releasing())
