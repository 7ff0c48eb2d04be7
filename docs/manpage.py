"""The manual page patchscan.1, made from the parsers; `PATCHSCAN_UPDATE=1 pytest tests/test_manpage.py` writes it."""

from argparse import Action
from collections.abc import Iterator

from generate import EXIT, spelled
from patchscan.cli import COMMANDS, parser_of, written

ABOUT = (
    "reads a Linux kernel patch series as it comes from the mailing list and says what a careful reviewer would say, at"
    " the line where they would say it. What it claims about concurrency it shows: the changed code becomes a small"
    " model, which is executed under the kernel's memory model."
)
SERIES = (
    (
        "FILE",
        "an mbox, a mail, a patch, also compressed (.gz, .xz, .bz2, .zst); several patches are parts of one series",
    ),
    ("DIR", "a Maildir, a directory of patches, a quilt series"),
    ("RANGE", "commits of git, e.g. HEAD~3.., of the tree named by --tree or the one you stand in"),
    ("COMMIT", "HEAD, a SHA, a tag: that commit alone"),
    ("BRANCH", "what the branch has beyond its upstream, else beyond the trunk or tag below it"),
    (
        "ID",
        "a Message-ID or its address on lore.kernel.org, found in an inbox at hand (see --inbox); nothing is fetched",
    ),
    ("-", "standard input; it is also read where no series is named and something comes in"),
    ("", "without a name: the branch at hand, @{upstream}..HEAD"),
)
ENVIRONMENT = (
    ("PATCHSCAN_INBOX", "inboxes to look a Message-ID up in, separated by colons"),
    ("PI_CONFIG", "public-inbox's configuration, whose inboxes are looked into"),
    ("XDG_DATA_HOME", "holds lei/store"),
    ("XDG_CACHE_HOME", "holds patchscan/, the indexes of kernel trees"),
    ("XDG_CONFIG_HOME", "holds .patchscan.toml, your settings"),
    ("NO_COLOR, FORCE_COLOR, COLUMNS, TERM", "are heeded"),
)
FILES = (
    (".patchscan.toml", "settings of a kernel tree, at its top; it names no file outside the tree"),
    ("~/.config/.patchscan.toml, ~/.patchscan.toml", "your settings; --config names others"),
    ("~/.cache/patchscan/", "indexes that patchscan index makes"),
    ("~/.public-inbox/config", "inboxes at hand"),
    ("~/.local/share/lei/store", "lei's mail"),
)
EXAMPLES = (
    ("patchscan", "Judge the branch you are on, before you send it."),
    ("patchscan HEAD~3..", "Judge the last three commits."),
    ("b4 am -o- 20240101.1@example.org | patchscan", "Judge a series from the list."),
    ("patchscan v5.mbox --previous v4.mbox", "Judge v5, and whether it answers the review of v4."),
    ("patchscan compare v4.mbox v5.mbox", "What changed between two revisions; open remarks stand last."),
    ("patchscan why v5.mbox mm/gup.c:120", "Why the rules are silent on a line."),
    ("patchscan v5.mbox --format mail -o replies/", "Draft replies; nothing is sent."),
)


def page(version: str) -> str:
    """The page as roff for man(7)."""
    return "\n".join(
        [
            f'.TH PATCHSCAN 1 "" "patchscan {version}" "User Commands"',
            *section("NAME", [r"patchscan \- read kernel patch series as a reviewer does"]),
            *section("SYNOPSIS", synopsis()),
            *section("DESCRIPTION", [r"\fBpatchscan\fR", plain(ABOUT)]),
            *section("SERIES", tagged(SERIES, "I")),
            *section("COMMANDS", commands()),
            *section("EXIT STATUS", tagged(EXIT, "B")),
            *section("ENVIRONMENT", tagged(ENVIRONMENT, "B")),
            *section("FILES", tagged(FILES, "I")),
            *section("EXAMPLES", examples()),
            *section("SEE ALSO", [".BR b4 (1),", ".BR git\\-format\\-patch (1),", ".BR lei (1)"]),
            "",
        ]
    )


def section(title: str, lines: Iterator[str] | list[str]) -> Iterator[str]:
    """A section with its heading."""
    yield f".SH {title}"
    yield from lines


def synopsis() -> Iterator[str]:
    """The ways to call it."""
    for words in (
        r"[\fISERIES\fR ...] [\fIOPTION\fR ...]",
        r"\fICOMMAND\fR [\fIARGUMENT\fR ...] [\fIOPTION\fR ...]",
    ):
        yield from (rf"\fBpatchscan\fR {words}", ".br")


def commands() -> Iterator[str]:
    """Each command with its arguments and options."""
    for name, (_, _, text) in COMMANDS.items():
        parser = parser_of(name)
        arguments = " ".join(map(written, parser._get_positional_actions()))
        yield f".SS {plain(f'patchscan {name} {arguments}').rstrip()}"
        yield plain(f"{text[:1].upper()}{text[1:]}.")
        rows = [(spelled(action), told(action)) for action in parser._actions if action.dest != "help"]
        yield from tagged([row for row in rows if row[1]], "B")


def told(action: Action) -> str:
    """What an option does; "" for an argument that explains itself."""
    return (action.help or "") % {"default": action.default} if action.help else ""


def examples() -> Iterator[str]:
    """Command lines and what they are for."""
    for command, text in EXAMPLES:
        yield from (".TP", rf"\fB{plain(command)}\fR", plain(text))


def tagged(rows: list[tuple[str, str]] | tuple[tuple[str, str], ...], font: str) -> Iterator[str]:
    """A list of words and what they mean."""
    for word, text in rows:
        yield from (".TP", rf"\f{font}{plain(word)}\fR" if word else r"\&", plain(text))


def plain(text: str) -> str:
    """Text that roff takes as it stands."""
    escaped = (
        text.replace("\\", r"\e")
        .replace("-", r"\-")
        .replace("'", r"\(aq")
        .replace("^", r"\(ha")
        .replace("~", r"\(ti")
    )
    return rf"\&{escaped}" if escaped[:1] in (".", "'") else escaped
