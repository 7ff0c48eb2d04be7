"""A scan of a small patch loads what it needs and no more: an import is most of its time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PATCH = """\
From: "A. Person" <a@example.org>
Date: Thu, 1 Jan 2026 10:00:00 +0000
Subject: [PATCH] pinbuf: refuse mappings that are too long

A map of more than 4096 pages fails half-way on every board tested. Refuse it at once.

Signed-off-by: A Person <a@example.org>
---
diff --git a/drivers/misc/pinbuf-main.c b/drivers/misc/pinbuf-main.c
--- a/drivers/misc/pinbuf-main.c
+++ b/drivers/misc/pinbuf-main.c
@@ -13,4 +13,6 @@ static int pinbuf_map(struct pinbuf *buf, unsigned long start, int nr_pages)
 	int ret = 0;
 
+	if (nr_pages > 4096)
+		return -E2BIG;
 	mutex_lock(&buf->lock);
 	buf->pages = kcalloc(nr_pages, sizeof(*buf->pages), GFP_KERNEL);
"""
# Each takes as long to import as a rule to run, most as long as all rules together.
SLOW = {
    "dataclasses": "patchscan.basics.record",
    "inspect": "patchscan.basics.record",
    "email.parser": "patchscan.mail.plainmail, or import it where it is used",
    "email.utils": "patchscan.mail.plainmail, or import it where it is used",
    "tomllib": "import it where it is used",
    "subprocess": "patchscan.basics.git, or import it where it is used",
    "pathlib": "os.path",
    "datetime": "import it where it is used",
    "json": "import it where it is used",
    "sqlite3": "import it where it is used",
    "pickle": "import it where it is used",
    "tempfile": "import it where it is used",
    "multiprocessing": "import it where it is used",
    "importlib.metadata": "import it where it is used",
    "patchscan.model.extraction.extract": "ask patchscan.model.scenarios.touched first",
    "patchscan.lkmm": "ask patchscan.model.scenarios.touched first",
}


def modules_after(*words: str) -> set[str]:
    """The modules that a command has loaded when it ends."""
    # What the interpreter itself loads is not ours: an editable installation's finder needs pathlib.
    program = (
        "import sys; before = set(sys.modules); from patchscan.cli import main; main(sys.argv[1:]); "
        "print('|', *(set(sys.modules) - before))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=True, env=environment
    )
    return set(done.stdout.rpartition("|")[2].split())


@pytest.mark.parametrize("place", [("--no-tree",), ("--tree", str(ROOT / "fixtures" / "tree"))])
def test_a_clean_patch_loads_nothing_slow(tmp_path: Path, place: tuple[str, ...]) -> None:
    patch = tmp_path / "one.patch"
    patch.write_text(PATCH)
    loaded = modules_after(str(patch), *place)
    assert "patchscan.scan" in loaded
    assert {name: instead for name, instead in SLOW.items() if name in loaded} == {}


def test_help_loads_neither_rules_nor_parsers() -> None:
    loaded = modules_after("--help")
    assert not {
        name for name in loaded if name.startswith(("patchscan.rules", "patchscan.mail", "tree_sitter"))
    }


def test_a_process_ends_by_what_is_due_at_its_exit_and_is_not_taken_apart() -> None:
    program = (
        "import atexit, sys; from patchscan.__main__ import start; atexit.register(print, 'at exit'); "
        "kept = type('Kept', (), {'__del__': lambda self: print('taken apart')})(); "
        "sys.argv = ['patchscan', '--version']; sys.exit(start())"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.startswith("patchscan ")
    assert done.stdout.endswith("\nat exit\n")
