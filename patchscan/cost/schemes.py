"""Schemes to compare: which functions are whose reader and updater, in which configuration. Data, in TOML."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from patchscan.basics.files import Unreadable, read_toml_file
from patchscan.basics.record import frozen
from patchscan.codebase.code import Codebase
from patchscan.cost.operations import Program, lower_program
from patchscan.kconfig.configured import Config
from patchscan.model.lowering.stubs import BUILT_IN, load_stubs
from patchscan.model.scenarios.scenario import DEFAULT_STUBS

READER, UPDATER = "reader", "updater"
STUBS = Path(__file__).parent / "stubs"
_LISTS = ("config", "without", "look_into", "stubs", "files", "update", "finish", "series")
_TABLES = ("choices", "init", "table")
Functions = tuple[tuple[str, str], ...]
ReadFile = Callable[[str], bytes | None]


@frozen
class Scheme:
    """One way to wait, as programs.

    reader: what a walker, or a CPU that enters the kernel, executes; update: executed for each table; finish:
    executed once for all tables of an update; init: memory at the start of an update; table: memory that is set
    again for each table; where: "walkers" or "isolated", the CPUs that execute the reader.
    """

    name: str
    about: str
    reader: Program | None
    update: tuple[Program, ...]
    finish: tuple[Program, ...]
    init: Mapping[str, int]
    table: Mapping[str, int]
    where: str = "walkers"

    @property
    def programs(self) -> tuple[Program, ...]:
        return (*((self.reader,) if self.reader else ()), *self.update, *self.finish)


@frozen
class SchemeFile:
    """The schemes of one file; problems: a line for each scheme whose code could not be lowered."""

    schemes: tuple[Scheme, ...]
    problems: tuple[str, ...]


def load_schemes(
    path: Path, read: ReadFile | None = None, laid: Callable[[Sequence[str]], ReadFile] | None = None
) -> SchemeFile:
    """The schemes of a TOML file; read: path in the tree to bytes, by default from the file's own `tree`.

    laid: the paths of a series to how the tree is read after it; without it a scheme with a series is not lowered.
    Raises ValueError with "file: reason" when the file itself cannot be used.
    """
    try:
        tables = read_toml_file(str(path))[1]
        common, schemes = _checked(tables.get("common", {})), tables["scheme"]
        read = read or reader_of(path.parent / str(tables["tree"]))
        named = [(str(table["name"]), _checked(table)) for table in schemes]
    except Unreadable as error:
        raise ValueError(f"{path.name}: {error}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path.name}: a scheme file lacks or misuses {error}") from None
    found, problems = list[Scheme](), list[str]()
    for name, table in named:
        try:
            found.append(_scheme(name, common, table, _after_series(table, path.parent, read, laid)))
        except ValueError as error:
            problems.append(f"{name}: not lowered, so not counted: {error}")
    return SchemeFile(tuple(found), tuple(problems))


def _after_series(
    table: Mapping[str, object],
    directory: Path,
    read: ReadFile,
    laid: Callable[[Sequence[str]], ReadFile] | None,
) -> ReadFile:
    """How a scheme's code is read: after its series, whose files stand beside the scheme file."""
    names = [str(directory / str(name)) for name in _list(table, "series")]
    if not names:
        return read
    if laid is None:
        raise ValueError("its series wants a tree: --tree DIR")
    return laid(names)


def reader_of(tree: Path) -> ReadFile:
    """Reads files of a directory; nothing outside of it."""
    root = tree.resolve()

    def read(path: str) -> bytes | None:
        file = (root / path).resolve()
        return file.read_bytes() if file.is_relative_to(root) and file.is_file() else None

    return read


def _checked(table: Mapping[str, object]) -> Mapping[str, object]:
    """The table; raises TypeError for a list or table of another kind."""
    for name in _LISTS:
        if not isinstance(table.get(name, []), list):
            raise TypeError(f"{name} (a list)")
    for name in _TABLES:
        if not isinstance(table.get(name, {}), dict):
            raise TypeError(f"{name} (a table)")
    return table


def _scheme(name: str, common: Mapping[str, object], own: Mapping[str, object], read: ReadFile) -> Scheme:
    def words(key: str) -> tuple[str, ...]:
        values = [*_list(common, key), *_list(own, key)]
        return tuple(str(value) for value in values)

    def numbers(key: str) -> dict[str, int]:
        return {str(k): int(v) for k, v in {**_dict(common, key), **_dict(own, key)}.items()}

    symbols = {**dict.fromkeys(words("config"), 1), **dict.fromkeys(words("without"), 0)}
    config = Config(symbols)
    seen = _Seen(read, words("stubs"))
    stubs = load_stubs((*DEFAULT_STUBS, *words("stubs"), "machine.c"), config, [STUBS])
    code = Codebase(seen.read, words("files"), config)

    def lower(functions: Sequence[str], names: frozenset[str] = frozenset()) -> tuple[Program, ...]:
        return tuple(
            lower_program(
                function, path, code, stubs, numbers("choices"), frozenset(words("look_into")), names
            )
            for path, _, function in (text.rpartition(":") for text in functions)
        )

    update, finish = lower(words("update")), lower(words("finish"))
    looked_at = frozenset(name for program in (*update, *finish) for name in program.looks_at)
    reader = lower((str(own["reader"]),), looked_at) if own.get("reader") else ()
    unasked = [str(symbol) for symbol in _list(own, "config") if not seen.mentions(str(symbol))]
    if unasked:
        raise ValueError(f"no code that was read asks for {', '.join(unasked)}")
    return Scheme(
        name,
        str(own.get("about", "")),
        reader[0] if reader else None,
        update,
        finish,
        numbers("init"),
        numbers("table"),
        str(own.get("where", "walkers")),
    )


class _Seen:
    """Reads files, and knows which words stood in what was read."""

    def __init__(self, read: ReadFile, stubs: Sequence[str]) -> None:
        self._read = read
        self._texts = {name: (BUILT_IN / name).read_bytes() for name in stubs if (BUILT_IN / name).is_file()}

    def read(self, path: str) -> bytes | None:
        text = self._read(path)
        if text is not None:
            self._texts[path] = text
        return text

    def mentions(self, word: str) -> bool:
        return any(word.encode() in text for text in self._texts.values())


def _list(table: Mapping[str, object], key: str) -> list[object]:
    value = table.get(key, [])
    return value if isinstance(value, list) else []


def _dict(table: Mapping[str, object], key: str) -> dict[str, int]:
    value = table.get(key, {})
    return value if isinstance(value, dict) else {}
