"""What MAINTAINERS still names though a patch takes it away."""

import pytest
from patchscan.mail import read_messages
from patchscan.mail.thread import read_thread
from patchscan.rule import Rule
from patchscan.scan import scan
from patchscan.settling.registry import load_rule, path_of
from patchscan.testing import MemoryTree

TREE = MemoryTree(
    "a tree",
    {
        "Documentation/index.rst": b"All.\n",
        "Documentation/mm/walk.txt": b"Walk.\n",
        "MAINTAINERS": b"WALK\nF:\tDocumentation/mm/walk.txt\nF:\tmm/walk.c\n",
    },
)
HEAD = """\
From: A Developer <developer@example.org>
Subject: [PATCH] mm: take the text away
Message-ID: <1@example.org>

Nobody reads it.

Signed-off-by: A Developer <developer@example.org>
---
"""
DELETION = """\
diff --git a/Documentation/mm/walk.txt b/Documentation/mm/walk.txt
deleted file mode 100644
--- a/Documentation/mm/walk.txt
+++ /dev/null
@@ -1 +0,0 @@
-Walk.
"""
RENAMING = """\
diff --git a/Documentation/mm/walk.txt b/Documentation/mm/walk.rst
similarity index 100%
rename from Documentation/mm/walk.txt
rename to Documentation/mm/walk.rst
"""
ENTRY = """\
diff --git a/MAINTAINERS b/MAINTAINERS
--- a/MAINTAINERS
+++ b/MAINTAINERS
@@ -1,3 +1,2 @@
 WALK
-F:\tDocumentation/mm/walk.txt
 F:\tmm/walk.c
"""


@pytest.mark.parametrize("diff", [DELETION, RENAMING])
def test_an_entry_that_is_left_is_told(diff: str) -> None:
    (message,) = said(diff)
    assert message.startswith("MAINTAINERS names Documentation/mm/walk.txt, which this patch takes away")


@pytest.mark.parametrize("diff", [DELETION + ENTRY, RENAMING + ENTRY])
def test_an_entry_that_goes_is_not(diff: str) -> None:
    assert said(diff) == []


def said(diff: str) -> list[str]:
    """The messages of the rule on a mail with a diff."""
    rule = load_rule(path_of("missing-document"))
    assert isinstance(rule, Rule)
    thread = read_thread(*read_messages((HEAD + diff).encode(), "mail"))
    return [each.message for each in scan(thread, TREE, (rule,)).findings]
