"""Pages of the manual that are made and not written: a page a rule, and the commands."""

from argparse import Action
from collections.abc import Iterator
from pathlib import Path

from patchscan.cli import COMMANDS, parser_of
from patchscan.rule import Rule
from patchscan.settling.registry import load_rules
from patchscan.settling.trackrecord import read_records, sentences

EXIT = (
    ("0", "clean"),
    ("1", "findings at or above the level of --severity"),
    ("2", "wrong usage or unreadable input; one line on standard error says which"),
    (
        "3",
        "not judged in full: something that was ours to judge was lost, and the report says what; 1 goes before 3",
    ),
    ("70", "a fault of patchscan"),
    ("130, 141", "interrupted; the reader of the output went before its end"),
)


def write_pages(directory: Path) -> None:
    """Write rules.rst, a page for each rule, and commands.rst."""
    rules, problems = load_rules()
    assert not problems, problems
    pages = {f"rule-{rule.name}.rst": rule_page(rule) for rule in rules}
    pages |= {"rules.rst": rules_page(rules), "commands.rst": commands_page()}
    directory.mkdir(exist_ok=True)
    for old in directory.glob("*.rst"):
        if old.name not in pages:
            old.unlink()
    for name, lines in pages.items():
        text = "\n".join(lines) + "\n"
        path = directory / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def rules_page(rules: tuple[Rule, ...]) -> Iterator[str]:
    """The list of rules."""
    yield from titled("Rules", "=")
    yield "A page a rule: what it finds, why that matters, on what it rests, and its examples."
    yield from (
        "",
        ".. list-table::",
        "   :header-rows: 1",
        "",
        "   * - rule",
        "     - severity",
        "     - what it finds",
    )
    for rule in rules:
        yield f"   * - :doc:`{rule.name} <rule-{rule.name}>`"
        yield f"     - {rule.severity}"
        yield f"     - {escaped(rule.summary)}"
    yield from ("", ".. toctree::", "   :hidden:", "")
    yield from (f"   rule-{rule.name}" for rule in rules)


def rule_page(rule: Rule) -> Iterator[str]:
    """One rule."""
    yield from titled(rule.name, "=")
    yield from (
        escaped(rule.summary) + ".",
        "",
        f"Severity {rule.severity}, confidence {rule.confidence}.",
        "",
    )
    yield from (escaped(rule.why), "", f"*Source:* {escaped(rule.source)}", "")
    for line in sentences(rule.name, read_records()):
        yield from (f"*Record* (see :doc:`../survey`): {escaped(line)}.", "")
    for title, examples in (("Flagged", rule.bad), ("Not flagged", rule.good)):
        yield from titled(title, "-")
        for example in examples:
            yield from ("::", "")
            yield from (f"   {line}".rstrip() for line in example.strip("\n").split("\n"))
            yield from ("", "..", "")


def commands_page() -> Iterator[str]:
    """All commands with their options; also the manual page."""
    yield from titled("Commands", "=")
    yield "``patchscan SERIES`` is ``patchscan scan SERIES``."
    yield ""
    for name, (_, _, text) in COMMANDS.items():
        yield from titled(f"patchscan {name}", "-")
        yield from (f"{text[:1].upper()}{escaped(text[1:])}.", "")
        for action in parser_of(name)._actions:
            if action.dest != "help":
                yield from (f"``{spelled(action)}``", f"   {escaped(action.help or 'see above')}", "")
    yield from titled("Exit status", "-")
    for status, text in EXIT:
        yield from (f"``{status}``", f"   {escaped(text)}", "")


def spelled(action: Action) -> str:
    """An option or argument as one writes it."""
    if not action.option_strings:
        return (
            action.metavar if isinstance(action.metavar, str) else "|".join(action.choices or [action.dest])
        )
    words = ", ".join(action.option_strings)
    if action.nargs == 0:
        return words
    value = action.metavar if isinstance(action.metavar, str) else "|".join(map(str, action.choices or ["N"]))
    return f"{words} {value}"


def titled(title: str, mark: str) -> Iterator[str]:
    """A heading."""
    yield from ("", title, mark * len(title), "")


def escaped(text: str) -> str:
    """Text that reST must take as it stands."""
    return "".join(f"\\{character}" if character in "\\`*_|" else character for character in text)
