"""Kernel APIs as C bodies over the model's builtins, and what each of them can do."""

from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.codebase.definition import Definition, define
from patchscan.codebase.file import indexed
from patchscan.kconfig.configured import Config

BUILT_IN = Path(__file__).parent / "stubs"
_PARAMETERS = pattern(rb"\(((?:[^(){}])*)\)\s*\{")
_EFFECTS = {
    "__F": ("order",),
    "__open": ("open", "begin"),
    "__close": ("open", "end"),
    "__wait": ("wait",),
    "__wait_for": ("wait",),
    "__ipi": ("wait",),
    "__flush": ("wait",),
    "__after": ("wait",),
    "__lock": ("lock", "begin"),
    "__unlock": ("lock", "end"),
    "__sleep": ("sleep",),
    "__turned": ("turn",),
}
_ACCESS = pattern(r"__[RUWXC]\(")
_FULL_FENCE = pattern(r"__F\(mb\)|__X\(\w+, full")
_TRANSLATES = pattern(r"__open\(tlb\)")
_WORD = pattern(r"\w+")


@frozen(eq=False)
class Stubs:
    """Stubs by name.

    effects: "fence" (a full one), "order" (any), "open" and "lock" (a section or a lock is begun, "begin", or ended,
    "end"), "sleep", "turn" (a static key), "wait", "free", "access", "translate" (a section in which a CPU uses a
    translation), "<type>" where a pointer to that type is given.
    """

    definitions: dict[str, Definition]
    effects: dict[str, frozenset[str]]

    def get(self, name: str) -> Definition | None:
        return self.definitions.get(name)

    def names_with(self, effects: frozenset[str], without: frozenset[str] = frozenset()) -> frozenset[str]:
        """The stubs that have one of the effects and none of `without`."""
        return frozenset(name for name, own in self.effects.items() if own & effects and not own & without)

    def mentioning(self, names: frozenset[str]) -> frozenset[str]:
        """The stubs that name one of these variables, or call a stub that does."""
        found: frozenset[str] = frozenset()
        while True:
            more = frozenset(n for n, stub in self.definitions.items() if stub.identifiers & (names | found))
            if more <= found:
                return found
            found |= more


def load_stubs(names: Sequence[str], config: Config, directories: Sequence[Path] = ()) -> Stubs:
    """The stubs of the named files ("tlb.c"), looked up in `directories` first, then among the shipped ones.

    A later file replaces the stubs of an earlier one; the same object for equal arguments. Raises ValueError for a
    file that is in none of them.
    """
    return _load(tuple(names), config, tuple(directories))


def is_stub_file(name: str, directories: Sequence[Path]) -> bool:
    """Whether a name is that of a stub file, of further directories or shipped."""
    return Path(name).name == name and any((at / name).is_file() for at in (*directories, BUILT_IN))


@lru_cache(maxsize=64)
def _load(names: tuple[str, ...], config: Config, directories: tuple[Path, ...]) -> Stubs:
    definitions: dict[str, Definition] = {}
    for name in names:
        path = next((at / name for at in (*directories, BUILT_IN) if (at / name).is_file()), None)
        if path is None or Path(name).name != name:
            raise ValueError(f"no stub file {name!r}")
        definitions.update(read_stubs(path.read_bytes(), name, config))
    return Stubs(definitions, _close(definitions))


def read_stubs(text: bytes, name: str, config: Config) -> dict[str, Definition]:
    """The stubs in a text; name: shown as their path."""
    file = indexed(name, text, config)
    found: dict[str, Definition] = {}
    for function, span in file.functions.items():
        header = _PARAMETERS.search(file.text, span.start, span.brace + 1)
        if header is None:
            continue
        parameters = tuple(_parameter(part) for part in header.group(1).decode().split(",") if part.strip())
        by_name = tuple(pair for pair in parameters if pair[1] != "void")
        stub = define(function, name, *file.cut(function), by_name, True)
        if stub is not None:
            found[function] = stub
    for function in [name for name in found if name.startswith("atomic_")]:
        for wider in ("atomic_long_", "atomic64_"):
            found.setdefault(wider + function.removeprefix("atomic_"), found[function])
    return found


def _parameter(text: str) -> tuple[str, str]:
    """(type, name) of a stub's parameter; the type may be left out."""
    name = _WORD.findall(text)[-1]
    return " ".join(text[: text.rindex(name)].replace("*", " * ").split()), name


def _close(definitions: dict[str, Definition]) -> dict[str, frozenset[str]]:
    """Effects of each stub, those of the stubs it calls included."""
    effects = {name: _own_effects(stub) for name, stub in definitions.items()}
    changed = True
    while changed:
        changed = False
        for name, stub in definitions.items():
            inherited = [effects[callee] for callee in stub.called if callee in effects]
            total = effects[name].union(*inherited)
            if total != effects[name]:
                effects[name], changed = total, True
    return effects


@cache
def _own_effects(stub: Definition) -> frozenset[str]:
    """What a stub's own builtins do."""
    text = stub.text.decode("latin-1")
    found = {effect for name in stub.called for effect in _EFFECTS.get(name, ())}
    if _FULL_FENCE.search(text):
        found.add("fence")
    if "FREED" in text:
        found.add("free")
    if _TRANSLATES.search(text):
        found.add("translate")
    types = {name: kind for kind, name in stub.parameters}
    found |= {f"<{kind.rstrip(' *')}>" for kind in types.values() if kind.endswith("*")}
    if _ACCESS.search(text):
        found.add("access")
    return frozenset(found)
