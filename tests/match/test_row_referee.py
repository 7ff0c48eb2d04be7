"""Rows against coccinelle: the same row as a semantic patch must find the same lines, where spatch is installed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from patchscan.context import Settings
from patchscan.finding import Finding
from patchscan.rule import Rule
from patchscan.scan import scan
from patchscan.series import Thread
from patchscan.settling.registry import load_rules
from patchscan.testing import read_example

RULES = {rule.name: rule for rule in load_rules()[0]}
KERNEL = Path(os.environ.get("PATCHSCAN_KERNEL_TREE", "/nowhere"))
with_spatch = pytest.mark.skipif(shutil.which("spatch") is None, reason="spatch is not installed")
SEMANTIC = {
    "null-check-before-free": "@@ expression X; @@\n(\n* if (X) kfree(X);\n|\n* if (X != NULL) kfree(X);\n|\n"
    "* if (NULL != X) { kfree(X); }\n)\n",
    "error-pointer-cast": "@@ expression X; @@\n* ERR_PTR(PTR_ERR(X))\n",
    "array-size": "@@ expression A; @@\n(\n* sizeof(A) / sizeof(A[0])\n|\n* sizeof(A) / sizeof(*A)\n)\n",
    "list-move": "@@ expression X, H; @@\n(\n* list_del(X);\n  list_add_tail(X, H);\n|\n* list_del(X);\n"
    "  list_add(X, H);\n|\n* list_del(X);\n  INIT_LIST_HEAD(X);\n)\n",
    "sleep-without-range": "@@ expression X; @@\n* usleep_range(X, X)\n",
}
TEXT = """\
#include <linux/slab.h>

static void spellings(struct part *part, struct part *other)
{
	if (part->name)
		kfree(part->name);

	if (part->name != NULL)
		kfree(part->name);

	if (NULL != part->name) {
		kfree(part->name);
	}

	if (part->name)
		kfree(other->name);
	if (!part->name)
		kfree(part->name);
	if (part->name) {
		kfree(part->name);
		part->name = NULL;
	}

	list_del(&part->node);
	list_add_tail(&part->node, &other->list);

	list_del(&part->node);
	list_add(&other->node, &part->list);

	list_del(&part->node);
	INIT_LIST_HEAD(&part->node);

	usleep_range(100, 100);

	usleep_range(100, 200);

	usleep_range(part->delay, part->delay);
}

static void *errors(struct part *part)
{
	int count = sizeof(part->list) / sizeof(part->list[0]);

	int others = sizeof(part->list) / sizeof(*part->list);

	int wrong = sizeof(part->list) / sizeof(part->other[0]);

	if (IS_ERR(part))
		return ERR_PTR(PTR_ERR(part));
	if (!part)
		return ERR_PTR(count + others + wrong);
	return ERR_PTR(-ENOMEM);
}
"""


def by_coccinelle(semantic: str, path: Path, place: Path) -> set[int]:
    """The first lines that a semantic patch marks in a file."""
    rule = place / "rule.cocci"
    rule.write_text(semantic)
    words = ["spatch", "--very-quiet", "--sp-file", str(rule), str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    found, line, before = set(), 0, ""
    for text in done.stdout.split("\n"):
        head = re.match(r"@@ -(\d+)", text)
        if head:
            line, before = int(head[1]) - 1, ""
            continue
        line += text[:1] in (" ", "-") and not text.startswith("---")
        if text.startswith("-") and not text.startswith("---") and before != "-":
            found.add(line)
        before = text[:1]
    return found


def by_row(rule: Rule, text: str) -> set[int]:
    """The lines on which a row speaks, in a file that a patch adds."""
    added = "\n".join(f"+{line}" for line in text.removesuffix("\n").split("\n"))
    series = read_example(f">>> patch a: b\n>>> file drivers/misc/part.c\n{added}")[0]
    report = scan(Thread((series,), (), ()), None, (rule,), Settings({}))
    return {each.line for each in report.findings if isinstance(each, Finding)}


@with_spatch
@pytest.mark.parametrize("name", SEMANTIC)
def test_a_row_finds_what_coccinelle_finds(name: str, tmp_path: Path) -> None:
    path = tmp_path / "part.c"
    path.write_text(TEXT)
    wanted = by_coccinelle(SEMANTIC[name], path, tmp_path)
    assert wanted and by_row(RULES[name], TEXT) == wanted


@with_spatch
@pytest.mark.slow
@pytest.mark.skipif(not KERNEL.is_dir(), reason="PATCHSCAN_KERNEL_TREE is not set")
@pytest.mark.parametrize("name", SEMANTIC)
def test_the_same_in_files_of_the_kernel(name: str, tmp_path: Path) -> None:
    words = set(re.findall(r"[a-z_]{5,}", SEMANTIC[name])) - {"expression"}
    paths = [
        path
        for path in sorted((KERNEL / "net/ipv6").glob("*.c"))
        if all(word in path.read_text() for word in sorted(words)[:1])
    ][:8]
    for path in paths:
        text = path.read_text()
        assert by_row(RULES[name], text) == by_coccinelle(SEMANTIC[name], path, tmp_path), path
