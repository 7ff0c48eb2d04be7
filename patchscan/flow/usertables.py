"""Tables of a user beside ours: resources.toml and conventions.toml among the rules of a directory.

They are of the form of rules/tables; a row of the name of one of ours takes its place. What is wrong with one is told
by file, line, column, row and field, and the rest is used.
"""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from patchscan.basics.files import Unreadable, read_toml_file
from patchscan.basics.problem import Problem
from patchscan.flow.resources import FIELDS, KINDS, OUTCOMES, has_further_rows, row_of, use_rows
from patchscan.flow.wellknown import CONVENTIONS as KNOWN_CONVENTIONS
from patchscan.flow.wellknown import has_further_names, use_names

RESOURCES, CONVENTIONS = "resources.toml", "conventions.toml"
NAMES = frozenset((RESOURCES, CONVENTIONS))
_CONVENTIONS = tuple(KNOWN_CONVENTIONS)
_SHAPES = {
    "text": (str, "a text"),
    "names": (list, "a list of names"),
    "yes or no": (bool, "true or false"),
    "numbers": (dict, "a table of names and numbers of arguments"),
}


class _Fault(ValueError):
    """What is wrong with a field of a row, and the text in it that is."""

    def __init__(self, field: str, message: str, text: str = "") -> None:
        super().__init__(message)
        self.field = field
        self.text = text


def use_tables(directory: str) -> Iterator[Problem]:
    """Use the tables of a directory from now on, and tell what is wrong with them."""
    for name in (RESOURCES, CONVENTIONS):
        path = os.path.join(directory, name)
        if os.path.exists(path):
            yield from _use(path, name)


def forget_tables() -> None:
    """Use our own tables only."""
    use_rows(None)
    use_names(None)


def has_tables() -> bool:
    """Whether a user's tables are in use."""
    return has_further_rows() or has_further_names()


def _use(path: str, name: str) -> Iterator[Problem]:
    try:
        text, table = read_toml_file(path)
    except Unreadable as error:
        yield Problem(path, str(error), lost=True)
        return
    if name == CONVENTIONS:
        yield from _use_conventions(path, text, table)
        return
    rows = []
    for row, data in table.items():
        try:
            _check(data)
            rows.append(row_of(row, data))
        except _Fault as fault:
            line, column = _place(text, row, fault)
            yield Problem(f"{path}:{line}:{column}", f"row {row}: {fault}", lost=True)
    use_rows(rows)


def _check(data: Any) -> None:
    """Raise _Fault for a row that is none."""
    if not isinstance(data, dict):
        raise _Fault("", "it is no table: [NAME] begins one")
    for field, value in data.items():
        shape = "names" if field in OUTCOMES else FIELDS.get(field)
        if shape is None:
            known = ", ".join((*FIELDS, *OUTCOMES))
            raise _Fault(field, f"there is no field {field}: it is one of {known}")
        if shape in _SHAPES and not isinstance(value, _SHAPES[shape][0]):
            raise _Fault(field, f"{field} wants {_SHAPES[shape][1]}")
        if shape == "names":
            _check_names(field, value)
    for field in ("what", "kind", "at", "release", "source"):
        if not data.get(field) and data.get(field) != 0:
            raise _Fault("", f"it has no {field}: give it one")
    if data["kind"] not in KINDS:
        raise _Fault("kind", f"{data['kind']!r} is none of {', '.join(KINDS)}", data["kind"])
    if data["at"] != "result" and (not isinstance(data["at"], int) or data["at"] < -1):
        raise _Fault("at", '"result", the number of an argument from 0, or -1 for none is wanted')
    if not any(data.get(kind) for kind in OUTCOMES) and not data.get("loops"):
        raise _Fault("", f"it has no call that takes it: one of {', '.join(OUTCOMES)}")
    for macro, at in data.get("loops", {}).items():
        if not isinstance(at, int):
            raise _Fault("loops", f"{macro} wants the number of an argument", macro)


def _check_names(field: str, names: list[Any]) -> None:
    for name in names:
        if not isinstance(name, str) or not name.isidentifier():
            raise _Fault(field, f"{name!r} is no name of a function", str(name))


def _use_conventions(path: str, text: str, table: Mapping[str, Any]) -> Iterator[Problem]:
    found: dict[str, str] = {}
    for kind, names in table.items():
        try:
            if kind == "source":
                continue
            if kind not in _CONVENTIONS:
                raise _Fault(kind, f"there is no convention {kind}: it is one of {', '.join(_CONVENTIONS)}")
            if not isinstance(names, list):
                raise _Fault(kind, f"{kind} wants a list of names")
            _check_names(kind, names)
        except _Fault as fault:
            line, column = _place(text, "", fault)
            yield Problem(f"{path}:{line}:{column}", f"row {kind}: {fault}", lost=True)
        else:
            found.update((name, kind) for name in names)
    use_names(found)


def _place(text: str, row: str, fault: _Fault) -> tuple[int, int]:
    """Line and column (from 1) of what is wrong in a row; row: its name, "" before the first."""
    lines = text.split("\n")
    head = re.compile(rf"\s*\[\s*\"?{re.escape(row)}\"?\s*\]")
    first = next((at for at, line in enumerate(lines) if row and head.match(line)), 0)
    field = re.compile(rf"\s*\"?{re.escape(fault.field)}\"?\s*=")
    for at in range(first, len(lines)):
        if fault.field and field.match(lines[at]):
            for below in range(at, len(lines)) if fault.text else ():
                if fault.text in lines[below]:
                    return below + 1, lines[below].index(fault.text) + 1
            return at + 1, len(lines[at]) - len(lines[at].lstrip()) + 1
    return first + 1, 1
