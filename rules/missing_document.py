"""A document or a file of MAINTAINERS is named that is not there, or that the patch takes away."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Evidence, Finding, Line, Rule, Silence, pattern

# What is named with a wildcard, or cut off by a bracket, is no name of a file.
NAMED = pattern(r"(?<![\w/.+-])Documentation/[\w./,+-]*\.(?:rst|txt|yaml|json)(?![\w*?<{\[-])")
ENTRY = pattern(r"F:\s+(\S+)\s*")
WILDCARD = pattern(r"[*?\[]")
TOP = "Documentation/index.rst"
LIST = "MAINTAINERS"


def check(context: Context) -> Iterator[Finding | Silence]:
    """The names on added lines, and in MAINTAINERS what the patch takes away."""
    named = list(names(context))
    gone = [
        path
        for file in context.files
        for path in (file.change.old_path if file.change.kind == "rename" else file.path,)
        if file.change.kind in ("delete", "rename") and path
    ]
    if (not named and not gone) or not context.has_tree or context.not_claimed:
        return
    if context.final.exists(TOP):
        for file, line, name in named:
            if not is_there(context, name):
                yield say(context, file, line, name)
    yield from left_in_list(context, gone)


def names(context: Context) -> Iterator[tuple[ChangedFile, Line, str]]:
    """(file, line, name) of what added lines name; each name of a file once."""
    for file in context.files:
        seen: set[str] = set()
        for line in file.added:
            found = NAMED.findall(line.text)
            entry = ENTRY.fullmatch(line.text) if file.path == LIST else None
            if entry and not WILDCARD.search(entry[1]):
                found = [entry[1]]
            for name in found:
                if name not in seen and not file.takes_away(line.text):
                    seen.add(name)
                    yield file, line, name


def is_there(context: Context, name: str) -> bool:
    """Whether the series leaves a file or directory of a name in the tree, or may."""
    if any(
        name in (file.path, file.change.old_path)
        for other in context.all
        for file in other.files
        if file.change.kind not in ("delete", "rename")
    ):
        return True
    if name.endswith("/") or not name.startswith("Documentation/"):
        under = name.rstrip("/")
        return context.final.exists(under) or next(context.final.files(under), None) is not None
    return context.final.exists(name)


def say(context: Context, file: ChangedFile, line: Line, name: str) -> Finding:
    """The finding; of a tree that is not quite the base it is a question."""
    what = (
        "there is no such document in" if name.startswith("Documentation/") else "nothing of that name is in"
    )
    return context.claimed(
        Finding(
            file.path,
            line.new or 1,
            f"{name}: {what} {context.the_tree} or the series: a slip, or it was moved",
        )
    )


def left_in_list(context: Context, gone: list[str]) -> Iterator[Finding]:
    """What MAINTAINERS still names though the patch takes it away, and no later patch takes that out."""
    text = (context.final.read(LIST) or b"").decode("utf-8", "replace") if gone else ""
    places = {
        match[1]: number
        for number, each in enumerate(text.split("\n"), 1)
        if (match := ENTRY.fullmatch(each))
    }
    for path in gone:
        if path in places and not context.final.exists(path):
            yield context.changelog_finding(
                1,
                f"MAINTAINERS names {path}, which this patch takes away: the new name belongs there",
                (Evidence(LIST, places[path], f"F:\t{path}"),),
            )


RULE = Rule(
    name="missing-document",
    summary="A document or an entry of MAINTAINERS names a file that is not there",
    why=(
        "Who follows the name finds nothing, and get_maintainer.pl finds nobody. Names go stale when a text becomes a "
        "schema or a document is moved; a build robot looks for them."
    ),
    source=(
        "scripts/documentation-file-ref-check; scripts/get_maintainer.pl --self-test; reports of the kernel test "
        "robot: references a file that does not exist"
    ),
    severity="warning",
    confidence="high",
    check=check,
    needs_tree=True,
    wakes=("documentation/", "maintainers", "delete ", "rename "),
    bad=(
        """
>>> tree Documentation/index.rst
All.
>>> tree Documentation/mm/walk.rst
Walk.
>>> patch mm: walk
>>> file mm/example.c
+/* See Documentation/vm/walk.rst, and Documentation/mm/walk.rst. */ // want "Documentation/vm/walk.rst: there is no"
+int walk;
>>> file MAINTAINERS
 WALK
+F:	mm/walk/ // want "mm/walk/: nothing of that name"
+F:	mm/example.c
""",
    ),
    good=(
        """
>>> tree Documentation/index.rst
All.
>>> patch mm: walk
>>> file mm/example.c
+/*
+ * See Documentation/mm/walk-*.rst, Documentation/mm/<name>.rst, ./Documentation/mm/new.rst, and
+ * https://docs.kernel.org/Documentation/nowhere.rst or Documentation/mm/.
+ */
+int walk;
>>> file MAINTAINERS
+F:	mm/exa*
+F:	mm/
>>> file Documentation/mm/new.rst
+New.
""",
        """
>>> tree Documentation/index.rst
All.
>>> patch mm: walk
>>> file mm/example.c
 int walk;
-	/* See Documentation/mm/walk.rst. */
+/* See Documentation/mm/walk.rst. */
""",
        """
>>> patch mm: walk
>>> file mm/example.c
+/* See Documentation/mm/walk.rst. */
+int walk;
""",
    ),
)
