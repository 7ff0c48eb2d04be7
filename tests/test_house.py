"""The house: imports only go down, files stay short, and a module's name says one thing."""

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
# The same word for the same thing in two rooms.
SHARED_NAMES = {"entries", "scan", "table"}
MOST_LINES = 400
# A rule that needs more is two, or asks what a room should answer.
MOST_IMPORTS_OF_A_RULE = 4


def modules() -> Mapping[str, Path]:
    """The project's modules by dotted name; rules are called as they are installed."""
    found = {}
    for path in sorted(ROOT.glob("patchscan/**/*.py")):
        found[".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")] = path
    for path in sorted(ROOT.glob("rules/*.py")):
        found[f"patchscan.rules.{path.stem}"] = path
    return found


def imports(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """The project's modules that a file imports, lazily and for its types, too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            for each in node.names:
                whole = f"{node.module}.{each.name}"
                yield whole if whole in known else node.module
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def circles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Sets of modules that import each other: Tarjan's strongly connected components, those of one left out."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        number[name] = lowest[name] = len(number)
        stack.append(name)
        for other in sorted(edges[name]):
            if other not in number:
                visit(other)
            if other in stack:
                lowest[name] = min(lowest[name], lowest[other])
        if lowest[name] == number[name]:
            place = stack.index(name)
            component = stack[place:]
            del stack[place:]
            if len(component) > 1:
                found.append(sorted(component))

    for name in sorted(edges):
        if name not in number:
            visit(name)
    return found


def expressions(path: Path) -> Iterator[ast.Call]:
    """The regular expressions that are known when the module is loaded, and yet are handed to `re`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and node.func.attr != "escape"
        ):
            yield node


def test_a_regular_expression_is_a_pattern_at_the_top() -> None:
    """Only what is made while the program runs is handed to `re`."""
    known = {name: [each.lineno for each in expressions(path)] for name, path in modules().items()}
    assert {name: lines for name, lines in known.items() if lines} == {}


def test_no_modules_import_each_other() -> None:
    known = modules()
    edges = {
        name: {other for other in imports(path, known) if other in known} for name, path in known.items()
    }
    assert circles(edges) == []


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


def test_no_file_is_long() -> None:
    """Examples for which a rule's file has no room stand in tests/rules/further."""
    lines = {name: path.read_text().count("\n") for name, path in modules().items()}
    assert {name: number for name, number in lines.items() if number > MOST_LINES} == {}


def test_a_rule_imports_few_modules() -> None:
    """Lazily and for types, too; patchscan.rule counts."""
    known = modules()
    rules = {name: path for name, path in known.items() if name.startswith("patchscan.rules.")}
    found = {name: {each for each in imports(path, known) if each in known} for name, path in rules.items()}
    assert len(found) > 50 and all(
        "patchscan.rule" in each for name, each in found.items() if "__" not in name
    )
    assert {name: sorted(each) for name, each in found.items() if len(each) > MOST_IMPORTS_OF_A_RULE} == {}


def test_no_name_stands_for_two_things() -> None:
    """But for the formats of a report, which are called as users call them."""
    rooms = defaultdict(list)
    for name, path in modules().items():
        if path.name != "__init__.py" and not name.startswith(("patchscan.rules.", "patchscan.report.")):
            rooms[name.rpartition(".")[2]].append(name)
    twice = {name: places for name, places in rooms.items() if len(places) > 1 and name not in SHARED_NAMES}
    assert twice == {}


def test_every_room_is_installed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    rooms = {".".join(path.parent.relative_to(ROOT).parts) for path in modules().values()}
    rooms = {"patchscan.rules" if room == "rules" else room for room in rooms}
    assert rooms == set(settings["tool"]["setuptools"]["packages"])
