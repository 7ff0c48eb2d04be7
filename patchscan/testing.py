"""Checks a rule against its own examples; public, for the rules of third parties too.

An example is text in one of two forms. The short form is one piece of a diff: every line begins with " ", "+", "-"
or "@@", and it is taken as a change of mm/example.c without a tree. The long form has sections:

    >>> tree mm/Makefile        a file of the kernel tree before the series; its lines follow as they are
    >>> cover mm: add helpers   the cover letter; its text follows
    >>> patch mm: add a helper  a patch; its changelog follows, and its notes below a line ---; "v2 mm: " has a version
    >>> missing                 a patch that did not arrive
    >>> file mm/example.c       a file of that patch; its diff lines follow ("new file" when all are added); a mode
                                that the patch gives it stands behind the path ("mm/example.c 100755")

With a `tree` section the example is judged on a tree of these files and of the pre-images of the changed ones.
An expectation `// want "regex"` (several: `"one" "two"`) ends a line and is taken out before the scan; it must match
the message of a finding on that line. On every other line the rule must be silent.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from patchscan.basics.pattern import pattern
from patchscan.basics.record import field, frozen, record, replace
from patchscan.context import Settings
from patchscan.finding import CHANGELOG
from patchscan.mail.body import read_trailers
from patchscan.results import Report
from patchscan.rule import Rule
from patchscan.series import ChangeKind, FileChange, Hunk, Line, LineKind, Patch, Series, Thread
from patchscan.tree import Tree

NO_NEWLINE = "\\ No newline at end of file"
DEFAULT_PATH = "mm/example.c"
VERSION = pattern(r"v([1-9]) ")
WANT = pattern(r'\s*// want((?:\s+"[^"]*")+)\s*$')
_SECTION = pattern(r"^>>> ", re.M)
_QUOTED = pattern(r'"([^"]*)"')


@frozen
class Expectation:
    """A finding that an example asks for: patch number, path, line and a regular expression for its message."""

    patch: int
    path: str
    line: int
    pattern: str


class MemoryTree:
    """A kernel tree of a few files, for examples and tests."""

    commit = None

    def __init__(self, name: str, contents: Mapping[str, bytes]) -> None:
        self.name = name
        self.contents = contents

    def read(self, path: str) -> bytes | None:
        """The content of a file, None where there is none."""
        return self.contents.get(path)

    def exists(self, path: str) -> bool:
        """Whether read() would give something."""
        return path in self.contents

    def files(self, under: str = "", deep: bool = True) -> Iterator[str]:
        """The files below a directory (deep=False: directly in it), sorted."""
        prefix = under.rstrip("/") + "/" if under else ""
        below = (path for path in self.contents if path.startswith(prefix))
        return iter(sorted(path for path in below if deep or "/" not in path[len(prefix) :]))

    def subject(self, commit: str) -> str | None:
        """None: the tree has no history."""
        return None


@record
class _Draft:
    """A patch of an example while it is read; one without a subject did not arrive."""

    subject: str
    changelog: list[str] = field(default_factory=list)
    files: dict[str, list[str]] = field(default_factory=dict)


def faults(rule: Rule) -> Iterator[str]:
    """What is wrong with a rule's examples, one sentence each; nothing when all do as they say."""
    for kind, examples in (("bad", rule.bad), ("good", rule.good)):
        for number, text in enumerate(examples, 1):
            name = f"{rule.name}: {kind} example {number}"
            expected = read_example(text)[2]
            if (kind == "bad") != bool(expected):
                yield f"{name}: a bad example needs an expectation, a good one has none"
            yield from (f"{name}: {fault}" for fault in mismatches(rule, text))


def mismatches(rule: Rule, text: str) -> Iterator[str]:
    """Where one example's findings and its expectations differ."""
    from patchscan.scan import scan

    series, files, expected = read_example(text)
    tree = MemoryTree("the example's tree", files) if files is not None else None
    report = scan(Thread((series,), (), ()), tree, (rule,), Settings({}))
    yield from (f"{problem.where}: {problem.message}" for problem in report.problems)
    open_findings = [each for each in report.findings if not each.preexisting]
    for want in expected:
        hit = next(
            (each for each in open_findings if meets(each.patch, each.path, each.line, each.message, want)),
            None,
        )
        if hit is None:
            yield f"patch {want.patch}, {want.path}:{want.line}: no finding matches {want.pattern!r}"
        else:
            open_findings.remove(hit)
    for each in open_findings:
        yield f"patch {each.patch}, {each.path}:{each.line}: unexpected finding: {each.message}"
    yield from fix_faults(report, tree)


def fix_faults(report: Report, tree: Tree | None) -> Iterator[str]:
    """Where the fixes of a report, laid on top of its series, do not make their findings go."""
    from patchscan.diff.read import read_diff
    from patchscan.scan import scan
    from patchscan.settling.fixes import fix_patch

    text, left_out = fix_patch(report)
    yield from (f"{each.where}: {each.message}" for each in left_out)
    if not text or report.series is None:
        return
    changes, troubles = read_diff(text.partition("---\n")[2].removesuffix("\n").split("\n"), "the fixes")
    yield from (f"{each.where}: {each.message}" for each in troubles)
    number = len(report.series.patches) + 1
    series = replace(
        report.series,
        patches=(*report.series.patches, example_patch(number, number, "fix", [], changes)),
    )
    again = scan(Thread((series,), (), ()), tree, report.rules, Settings({}))
    fixed = {finding.fingerprint for finding in report.findings if finding.fix and finding.counts}
    for finding in again.findings:
        where = f"{finding.path}:{finding.line}"
        if finding.patch == number:
            yield f"the fix brings a finding at {where}: {finding.message}"
        elif finding.fingerprint in fixed and finding.repaired_by != number:
            yield f"the fix leaves the finding at {where}"


def meets(patch: int, path: str, line: int, message: str, want: Expectation) -> bool:
    """Whether a finding is the one expected."""
    at = (patch, path, line) == (want.patch, want.path, want.line)
    return at and re.search(want.pattern, message) is not None


def read_example(text: str) -> tuple[Series, dict[str, bytes] | None, tuple[Expectation, ...]]:
    """The series of an example, the tree it stands on (None: no tree) and its expectations."""
    covers, drafts, tree = sections(text)
    expected: list[Expectation] = []
    patches = []
    for number, draft in enumerate((*covers, *drafts), 1 - len(covers)):
        changelog = take_out(draft.changelog, number, CHANGELOG, expected, lambda at: at + 1)
        changes = []
        for name, lines in draft.files.items():
            path, _, mode = name.partition(" ")
            numbers = new_numbers(lines)
            plain = take_out(lines, number, path, expected, numbers.__getitem__)
            changes.append(file_change(path, plain, mode))
        patches.append(example_patch(number, len(drafts), draft.subject, changelog, tuple(changes)))
    if tree is not None:
        for change in (change for patch in patches for change in patch.files):
            if change.old_path is not None:
                tree.setdefault(change.path, pre_image(change))
    cover = patches.pop(0) if covers else None
    missing = tuple(number for number, draft in enumerate(drafts, 1) if not draft.subject)
    patches = [patch for patch in patches if patch.index not in missing]
    revision = max((each.revision for each in patches), default=1)
    series = Series("example", revision, "example@example.org", cover, tuple(patches), missing)
    return series, tree, tuple(expected)


def sections(text: str) -> tuple[list[_Draft], list[_Draft], dict[str, bytes] | None]:
    """The cover letter of an example where it has one, its patches and the files of its tree, None for no tree."""
    if not text.lstrip("\n").startswith(">>>"):
        return [], [_Draft("mm: example", files={DEFAULT_PATH: text.strip("\n").split("\n")})], None
    covers: list[_Draft] = []
    drafts: list[_Draft] = []
    tree: dict[str, bytes] | None = None
    for part in _SECTION.split(text.strip("\n"))[1:]:
        head, _, body = part.partition("\n")
        kind, _, name = head.partition(" ")
        lines = body.removesuffix("\n").split("\n") if body else []
        if kind == "tree":
            tree = tree or {}
            tree[name] = body.encode()
        elif kind == "patch":
            drafts.append(_Draft(name, lines))
        elif kind == "missing":
            drafts.append(_Draft(""))
        elif kind == "cover" and not covers:
            covers.append(_Draft(name, lines))
        elif kind == "file" and drafts:
            drafts[-1].files[name] = lines
        else:
            raise ValueError(f"an example has no section {head!r} here")
    return covers, drafts, tree


def take_out(
    lines: list[str], patch: int, path: str, expected: list[Expectation], number: Callable[[int], int]
) -> list[str]:
    """The lines without their expectations, which are added to `expected`."""
    plain = []
    for at, line in enumerate(lines):
        match = WANT.search(line)
        if match:
            patterns = _QUOTED.findall(match[1])
            expected += [Expectation(patch, path, number(at), pattern) for pattern in patterns]
            line = line[: match.start()]
        plain.append(line)
    return plain


def new_numbers(lines: list[str]) -> list[int]:
    """The post-image number of each diff line (for a removed line, of the line before it)."""
    numbers = []
    current = 0
    for line in lines:
        current += line[:1] in ("+", " ", "")
        numbers.append(current)
    return numbers


def file_change(path: str, lines: list[str], mode: str = "") -> FileChange:
    """A FileChange of diff lines; each "@@ section" line begins a new hunk that follows directly."""
    old = new = 1
    hunks: list[Hunk] = []
    section = ""
    current: list[Line] = []
    for text in [*lines, "@@"]:
        if text.startswith("@@"):
            if current:
                hunks.append(hunk_of(section, current))
            section, current = text[2:].strip(), []
            continue
        if text == NO_NEWLINE and current:
            current[-1] = replace(current[-1], newline=False)
            continue
        kind: LineKind = "+" if text[:1] == "+" else "-" if text[:1] == "-" else " "
        body = text[1:]
        current.append(Line(kind, body, old if kind != "+" else None, new if kind != "-" else None))
        old += kind != "+"
        new += kind != "-"
    created = all(line.kind == "+" for hunk in hunks for line in hunk.lines)
    change: ChangeKind = "create" if created else "modify"
    return FileChange(path, None if created else path, change, tuple(hunks), mode=mode)


def hunk_of(section: str, lines: list[Line]) -> Hunk:
    """A hunk with the counts its lines prove."""
    olds = [line.old for line in lines if line.old is not None]
    news = [line.new for line in lines if line.new is not None]
    return Hunk(min(olds, default=0), len(olds), min(news, default=0), len(news), section, tuple(lines))


def pre_image(change: FileChange) -> bytes:
    """The file that a change of an example was made on."""
    lines = [line.text for hunk in change.hunks for line in hunk.lines if line.old is not None]
    return "".join(line + "\n" for line in lines).encode()


def example_patch(
    number: int, total: int, subject: str, changelog: list[str], files: tuple[FileChange, ...]
) -> Patch:
    """A patch as a mail would give it."""
    version = VERSION.match(subject)
    title = VERSION.sub("", subject)
    cut = changelog.index("---") if "---" in changelog else len(changelog)
    return Patch(
        index=number,
        total=total,
        revision=int(version[1]) if version else 1,
        subject=f"[PATCH {version[0] if version else ''}{number}/{total}] {title}",
        title=title,
        author="A Developer <developer@example.org>",
        date="",
        message_id=f"example-{number}@example.org",
        changelog=tuple(changelog[:cut]),
        trailers=read_trailers(changelog[:cut]),
        notes=tuple(changelog[cut + 1 :]),
        files=files,
    )
