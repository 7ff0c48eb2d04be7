"""Writes a rule file with its sections, ready to fill in."""

from pathlib import Path

from patchscan.basics.pattern import pattern

NAME = pattern(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")

TEMPLATE = '''"""Say in one line what is wrong with the code that this rule finds."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence


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

ROW = '''# Rules that are rows; `patchscan test-rules` on this directory holds them against their examples.

[[row]]
name = "{name}"
summary = "One line: what is wrong"
# C with holes: $X is one expression, statement, name or type, $$$A any number of arguments, $$$; any statements.
find = ["some_function($X, 0);"]
# Conditions on what stands in a hole, or ("in") on the place of it all: the manual lists them.
where = {{ X = "simple" }}
message = "say what is wrong with $X and what to do"
replace = "another_function($X);"
why = "The reason, for somebody who has not met it."
source = "The kernel document, commit or review that this rests on"
bad = ["""
 static void example(struct part *part)
 {{
+	some_function(part, 0); // want "say what is wrong with part"
 }}
"""]
good = ["""
 static void example(struct part *part)
 {{
+	some_function(part, 1);
 }}
"""]
'''


def create(name: str, directory: str) -> Path:
    """Write the file and return its path. Raises ValueError for a bad name, and where it cannot be written."""
    return write(name, directory, f"{name.replace('-', '_')}.py", TEMPLATE)


def create_row(name: str, directory: str) -> Path:
    """The same for a table with one row."""
    return write(name, directory, f"{name}.toml", ROW)


def write(name: str, directory: str, file_name: str, template: str) -> Path:
    """Write a template with its name filled in. Raises as create() does."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no rule name: lower-case words joined by hyphens, e.g. missing-braces")
    path = Path(directory) / file_name
    if not path.parent.is_dir():
        raise ValueError(f"{directory}: no such directory: name one with --directory, and give it to --rules")
    if path.exists():
        raise ValueError(f"{path}: this file is there already")
    try:
        with path.open("x", encoding="utf-8") as file:
            try:
                file.write(template.format(name=name))
                file.flush()
            except OSError:
                path.unlink()
                raise
    except OSError as error:
        raise ValueError(f"{path}: cannot be written: {error.strerror}") from None
    return path
