"""Expressions that are taken again are those that Python compiles, and nothing else is taken for one."""

import importlib
import marshal
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import patchscan.c
import patchscan.diff
import patchscan.lookup
import patchscan.mail
import patchscan.match
import pytest
from patchscan.basics.keptpatterns import KeptPatterns, parts_of, taken_again
from patchscan.basics.pattern import _Pattern

ROOMS = (patchscan.c, patchscan.diff, patchscan.lookup, patchscan.mail, patchscan.match)
DATE = r"(?P<year>\d{4})-(?P<month>\d\d)(?:-(\d\d))?"


def of_our_modules() -> Iterator[tuple[Any, int]]:
    """(text, flags) of the expressions of some rooms."""
    for room in ROOMS:
        for each in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
            for value in vars(importlib.import_module(each.name)).values():
                if isinstance(value, _Pattern):
                    yield value._text, int(value._flags)


def test_every_expression_of_some_rooms_can_be_taken_again() -> None:
    found = set(of_our_modules())
    assert len(found) > 200
    for text, flags in found:
        compiled = re.compile(text, flags)
        parts = parts_of(compiled, text, flags)
        assert parts is not None, text
        assert marshal.loads(marshal.dumps(parts)) == parts
        again = taken_again(text, parts)
        assert (again, again.flags, again.groups) == (compiled, compiled.flags, compiled.groups)
        assert (again.groupindex, again.pattern) == (compiled.groupindex, text)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "__pycache__").mkdir()
    return tmp_path


def test_what_one_process_keeps_the_next_does_not_compile(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = KeptPatterns(str(package))
    first.compiled(DATE, re.I)
    first.compiled(b"[a-z]+", 0)
    first.keep()
    with monkeypatch.context() as patch:
        patch.setattr(re, "compile", None)
        second = KeptPatterns(str(package))
        match = second.compiled(DATE, re.I).fullmatch("2024-12-31")
        assert match and match.groupdict() == {"year": "2024", "month": "12"} and match[3] == "31"
        assert second.compiled(b"[a-z]+", 0).findall(b"one 2 three") == [b"one", b"three"]
        assert not second.new
    # The same text with other flags, or as bytes, is another expression.
    assert second.compiled("[a-z]+", 0).findall("one 2") == ["one"]
    assert len(second.new) == 1


@pytest.mark.parametrize("damage", ["nothing in it", "cut", "another Python", "another code", "no table"])
def test_what_is_not_as_it_was_written_is_compiled(package: Path, damage: str) -> None:
    first = KeptPatterns(str(package))
    first.compiled(DATE, 0)
    first.keep()
    path = Path(first.path)
    mark, kept = marshal.loads(path.read_bytes())
    (key,) = kept
    path.write_bytes(
        {
            "nothing in it": b"",
            "cut": path.read_bytes()[:-20],
            "another Python": marshal.dumps((("3.0", 4), kept)),
            "another code": marshal.dumps((mark, {key: (0, b"\0" * 40, 3, {}, (None,) * 4)})),
            "no table": marshal.dumps((mark, {key: "text"})),
        }[damage]
    )
    second = KeptPatterns(str(package))
    match = second.compiled(DATE, 0).match("2024-12")
    assert match and match["month"] == "12" and len(second.new) == 1
    second.keep()
    assert KeptPatterns(str(package)).compiled(DATE, 0) == re.compile(DATE)
