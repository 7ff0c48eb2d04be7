"""Writes a rule file with its sections, ready to fill in."""

from pathlib import Path

from patchscan.basics.pattern import pattern

NAME = pattern(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")

TEMPLATE = '''"""Say in one line what is wrong with the code that this rule finds."""

from collections.abc import Iterator

from patchscan.context import Context
from patchscan.rule import (Rule)
from patchscan.finding import (Finding, Silence)


def check(context: Context) -> Iterator[Finding | Silence]:
    """Say what is looked at, and when it is wrong."""
    for file in context.c_files:
        for _function, call in file.added_calls({{"some_function"}}):
            yield file.finding(call.line, "say what is wrong and what to do")


RULE = Rule(
    name="{name}",
    summary="One line: what is wrong",
    why="The reason, for somebody who has not met it.",
    source="The kernel document, commit or review that this rests on",
    severity="info",
    confidence="low",
    check=check,
    bad=(
        """
 static void example(void)
 {{
+	some_function(); // want "say what is wrong"
 }}
""",
    ),
    good=(
        """
 static void example(void)
 {{
+	another_function();
 }}
""",
    ),
)
'''


def create(name: str, directory: str) -> Path:
    """Write the file and return its path. Raises ValueError for a bad name, OSError where it cannot be written."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no rule name: lower-case words joined by hyphens, e.g. missing-braces")
    path = Path(directory) / f"{name.replace('-', '_')}.py"
    with path.open("x", encoding="utf-8") as file:
        file.write(TEMPLATE.format(name=name))
    return path
