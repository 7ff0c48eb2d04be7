"""Code that is kept in one file is that of the sources, or is not used."""

import importlib
import importlib.util
import os
import py_compile
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from patchscan.basics import keptcode
from patchscan.basics.keptcode import KeptCode

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    directory = tmp_path / "keptpart"
    (directory / "inner" / "__pycache__").mkdir(parents=True)
    (directory / "__pycache__").mkdir()
    (directory / "__init__.py").write_text("")
    (directory / "inner" / "__init__.py").write_text("NAME = __name__\n")
    (directory / "inner" / "leaf.py").write_text("VALUE = 1\n")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    # What is written here is older than it looks.
    monkeypatch.setattr(keptcode, "_RACY_NANOSECONDS", -(10**12))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield directory
    forget()


def forget() -> None:
    """As in a new process."""
    for name in [name for name in sys.modules if name.startswith("keptpart")]:
        del sys.modules[name]
    sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, KeptCode)]


def value_of(package: Path) -> tuple[int, int]:
    """(what the leaf says, how many modules came from what is kept) in a new process, which then keeps them."""
    forget()
    kept = KeptCode("keptpart", str(package))
    sys.meta_path.insert(0, kept)
    leaf = importlib.import_module("keptpart.inner.leaf")
    assert importlib.import_module("keptpart.inner").__path__ == [str(package / "inner")]
    assert leaf.__file__ == str(package / "inner" / "leaf.py")
    kept.keep([str(module.__file__) for name, module in sys.modules.items() if name.startswith("keptpart")])
    return leaf.VALUE, len(kept.served)


def write_leaf(package: Path, text: str, seconds: int) -> None:
    leaf = package / "inner" / "leaf.py"
    leaf.write_text(text)
    os.utime(leaf, (seconds, seconds))


def test_what_a_full_disk_cut_short_is_made_anew(package: Path) -> None:
    """Python 3.11 writes as much of its own files as there is room for, and fails on them ever after."""
    leaf = package / "inner" / "leaf.py"
    compiled = Path(importlib.util.cache_from_source(str(leaf)))
    py_compile.compile(str(leaf))
    whole = compiled.read_bytes()
    compiled.write_bytes(whole[: len(whole) // 2])
    assert value_of(package)[0] == 1
    assert not compiled.exists() or compiled.read_bytes() == whole
    compiled.write_bytes(whole[: len(whole) // 2])
    assert KeptCode("keptpart", str(package)).code_of("keptpart.inner.leaf", str(leaf)) is not None


def test_modules_are_loaded_from_what_the_first_run_kept(package: Path) -> None:
    assert value_of(package) == (1, 0)
    assert value_of(package) == (1, 3)


def test_a_source_of_another_time_or_size_is_loaded_itself(package: Path) -> None:
    value_of(package)
    write_leaf(package, "VALUE = 2\n", 1_000_000)
    assert value_of(package) == (2, 2)
    assert value_of(package) == (2, 3)
    write_leaf(package, "VALUE = 33\n", 1_000_000)
    assert value_of(package) == (33, 2)


def test_a_source_that_changed_behind_its_time_is_not_taken_for_what_it_was(package: Path) -> None:
    write_leaf(package, "VALUE = 1\n", 1_000_000)
    value_of(package)
    for number in (2, 3):
        write_leaf(package, f"VALUE = {number}\n", 1_000_000)
        # Python cannot tell, and runs the code of its own file; who deletes that has what the source says.
        value_of(package)
        for compiled in package.rglob("*.pyc"):
            compiled.unlink()
        assert value_of(package)[0] == number


def test_what_changed_just_now_is_not_kept_yet(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keptcode, "_RACY_NANOSECONDS", 10**12)
    value_of(package)
    assert value_of(package) == (1, 0)


def test_a_package_comes_before_a_module_of_its_name(package: Path) -> None:
    value_of(package)
    (package / "inner" / "leaf").mkdir()
    forget()
    sys.meta_path.insert(0, KeptCode("keptpart", str(package)))
    assert importlib.import_module("keptpart.inner.leaf").VALUE == 1
    (package / "inner" / "leaf" / "__init__.py").write_text("VALUE = 2\n")
    forget()
    sys.meta_path.insert(0, KeptCode("keptpart", str(package)))
    assert importlib.import_module("keptpart.inner.leaf").VALUE == 2


def test_a_package_whose_name_begins_like_ours_is_another_one(package: Path) -> None:
    value_of(package)
    kept = KeptCode("keptpart", str(package))
    assert kept.find_spec("keptpart.inner.leaf") is not None
    assert kept.find_spec("keptpartner.inner.leaf") is None


def test_what_is_broken_or_of_another_python_is_not_used(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value_of(package)
    kept = package / "__pycache__" / "all.code"
    whole = kept.read_bytes()
    for broken in (b"", whole[:5], whole[:40], b"\xff" * 60):
        kept.write_bytes(broken)
        assert value_of(package) == (1, 0)
    value_of(package)
    with monkeypatch.context() as other:
        other.setattr(sys, "version", "4.0")
        assert value_of(package) == (1, 0)


def test_a_module_that_is_gone_is_gone(package: Path) -> None:
    value_of(package)
    (package / "inner" / "leaf.py").unlink()
    with pytest.raises(ModuleNotFoundError):
        value_of(package)


def test_nothing_is_kept_where_no_code_is_to_be(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place, name, value in (
        (sys, "dont_write_bytecode", True),
        (sys, "pycache_prefix", str(package.parent)),
        (os, "access", lambda path, mode: False),
    ):
        with monkeypatch.context() as changed:
            changed.setattr(place, name, value)
            value_of(package)
        assert not (package / "__pycache__" / "all.code").exists()


def test_the_command_runs_from_what_is_kept() -> None:
    command = [sys.executable, "-m", "patchscan", "rules"]
    one, two = (
        subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True) for _ in range(2)
    )
    assert one.stdout == two.stdout and not two.stderr
