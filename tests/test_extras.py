"""Extras stay extras: a plain install pulls none of them, and no command but their own loads one."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Extra -> what it installs that is imported, and where it may be.
EXTRAS = {
    "serve": ({"pygls", "lsprotocol"}, "patchscan/serve/"),
    "survey": ({"distributed", "dask", "pyarrow", "duckdb"}, "patchscan/survey/"),
}


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=~! ;\[]", each)[0].lower() for each in requirements}


def test_a_plain_install_pulls_no_extra() -> None:
    plain = names(PROJECT["dependencies"])
    for extra, (modules, _) in EXTRAS.items():
        assert names(PROJECT["optional-dependencies"][extra]) <= modules
        assert plain.isdisjoint(modules)


def test_what_is_optional_is_pinned_and_has_its_reason() -> None:
    pinned = {line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().split()}
    readme = (ROOT / "README.md").read_text()
    for extra in EXTRAS:
        packages = names(PROJECT["optional-dependencies"][extra])
        assert packages <= pinned
        assert all(re.search(rf"^\| (?:[\w, -]+, )?{name}\b.*optional", readme, re.M) for name in packages)


def test_extras_are_imported_in_their_own_rooms_only() -> None:
    for path in sorted([*ROOT.glob("patchscan/**/*.py"), *ROOT.glob("rules/*.py")]):
        found = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
        for modules, room in EXTRAS.values():
            assert found.isdisjoint(modules) or str(path.relative_to(ROOT)).startswith(room), path


def test_no_command_loads_an_extra_before_it_is_called() -> None:
    script = (
        "import sys; from patchscan.cli import COMMANDS, parser_of\n"
        "for name in COMMANDS: parser_of(name)\n"
        "import patchscan.commands.serve, patchscan.serve.resident, patchscan.serve.told\n"
        f"print(sorted({set().union(*(each for each, _ in EXTRAS.values()))!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout == "[]\n"
