"""A title of a document whose line is too short, and a new document that no table of contents has."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

DOCUMENT = pattern(r"Documentation/(?:.+/)?[^/]+\.rst")
LINE = pattern(r"([=\-~^\"#*+`'.:_])\1{2,}")
TITLE = pattern(r"[ -~]*[A-Za-z][ -~]*")
LEFT_OUT = pattern(r"(?m)^:orphan:|SPDX-License-Identifier.*\n(?:\n|\.\. .*\n)*:orphan:")
TOP = "Documentation/index.rst"


def check(context: Context) -> Iterator[Finding | Silence]:
    """The documents that the patch makes or changes."""
    for file in context.files:
        if DOCUMENT.fullmatch(file.path) and file.added:
            yield from titles(file)
            if file.change.kind == "create" and context.has_tree and not is_listed(context, file):
                yield context.claimed(
                    file.finding(
                        1,
                        "no table of contents of the documents beside it, or above, names this one: sphinx warns, and "
                        "nobody comes to it; add it to the toctree of an index.rst",
                    )
                )


def titles(file: ChangedFile) -> Iterator[Finding]:
    """The titles on lines that follow each other, of which the patch writes one."""
    for hunk in file.change.hunks:
        shown = [line for line in hunk.lines if line.kind != "-"]
        for above, title, line in zip([None, *shown], shown, shown[1:], strict=False):
            text, under = title.text.rstrip(), line.text.rstrip()
            starts = above is None or not above.text.strip() or above.text.rstrip() == under
            if "+" not in (title.kind, line.kind) or not starts or not LINE.fullmatch(under):
                continue
            if TITLE.fullmatch(text) and not text.startswith((" ", "..")) and len(under) < len(text):
                yield file.finding(
                    line.new or 1,
                    f"the line below {text!r} is {len(text) - len(under)} short of it: sphinx warns (Title underline "
                    "too short)",
                )


def is_listed(context: Context, file: ChangedFile) -> bool:
    """Whether a document beside a new one, or in a directory above, may name it, or it is one that none need name."""
    text = "\n".join(line.text for line in file.added)
    directory, _, name = file.path.removesuffix(".rst").rpartition("/")
    if LEFT_OUT.search(text) or not context.final.exists(TOP) or "translations" in file.path:
        return True
    if not context.final.exists(f"{directory}/index.rst"):
        # Where none is beside it, one of any other directory may name it.
        return True
    # A hunk of an index that does not apply names it all the same.
    others = (each for other in context.all for each in other.files if each.path != file.path)
    if any(each.path.endswith(".rst") and each.adds(name) for each in others):
        return True
    place = name
    while directory:
        for path in context.final.files(directory, deep=False):
            other = (
                (context.final.read(path) or b"").decode("utf-8", "replace") if path.endswith(".rst") else ""
            )
            if path != file.path and (place in other or ":glob:" in other):
                return True
        directory, _, last = directory.rpartition("/")
        place = f"{last}/{place}"
    return False


RULE = Rule(
    name="document-form",
    summary="The line below a title is too short, or no table of contents has a new document",
    why="sphinx prints a warning of each, and a build robot sends it; a document that none leads to is not read.",
    source="Documentation/doc-guide/sphinx.rst; docutils: Title underline too short; sphinx: in no toctree",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    wakes=(".rst",),
    bad=(
        """
>>> tree Documentation/index.rst
.. toctree::

   mm/index
>>> tree Documentation/mm/index.rst
Memory
======

.. toctree::

   other
>>> patch mm: walk
>>> file Documentation/mm/walk.rst
+.. SPDX-License-Identifier: GPL-2.0 // want "no table of contents of the documents beside it"
+
+======
+Walking
+====== // want "the line below 'Walking' is 1 short of it"
+
+How to walk
+--------- // want "the line below 'How to walk' is 2 short of it"
+
+On.
""",
    ),
    good=(
        """
>>> tree Documentation/index.rst
.. toctree::

   mm/index
>>> tree Documentation/mm/index.rst
Memory
======

.. toctree::

   walk
>>> patch mm: walk
>>> file Documentation/mm/walk.rst
+.. SPDX-License-Identifier: GPL-2.0
+
+=======
+Walking
+=======
+
+What a table holds:
+
+====  =====
+one   three
+====  =====
+
+See :doc:`run`.
+
+Some text that is longer than the line below
+it and goes on.
+
+...
+
+    indented text
+    ---
""",
        """
>>> tree Documentation/index.rst
.. toctree::

   mm/walk
>>> patch mm: walk
>>> file Documentation/mm/walk.rst
+Walk
+====
>>> file Documentation/far/alone.rst
+Alone
+=====
>>> file Documentation/mm/run.rst
+Run
+===
>>> file Documentation/index.rst
 .. toctree::
 
    mm/walk
+   mm/run
""",
        """
>>> patch mm: walk
>>> file Documentation/mm/walk.txt
+A long title
+===
""",
    ),
)
