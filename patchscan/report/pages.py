"""Where to read on about a rule: its page in the manual where that is built, else the document it rests on."""

from __future__ import annotations

import os

from patchscan.basics.pattern import pattern

# Not imported from typing, which takes a tenth of the time that `--help` has.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from patchscan.rule import Rule

MANUAL = os.path.join(os.path.dirname(__file__), os.pardir, os.pardir, "docs", "_build", "html", "generated")
# The kernel's documents are published under their names.
DOCUMENT = pattern(r"\bDocumentation/([\w/.-]+)\.rst\b")


def document_of(rule: Rule) -> str:
    """The kernel's document that a rule rests on, "" where it names none."""
    found = DOCUMENT.search(rule.source)
    return f"https://docs.kernel.org/{found[1]}.html" if found else ""


def page_of(rule: Rule) -> str:
    """The page of a rule, "" where there is none."""
    page = os.path.abspath(os.path.join(MANUAL, f"rule-{rule.name}.html"))
    if not os.path.isfile(page):
        return document_of(rule)
    from urllib.parse import quote

    return f"file://{quote(page)}"
