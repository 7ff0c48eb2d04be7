"""What a patch changes of schemas and Devicetree sources, read where it is known."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.changedfile import ChangedFile, encode
from patchscan.context import Context
from patchscan.devicetree.dts import Datum, Property, Unread, read_source
from patchscan.devicetree.dts import Node as Node
from patchscan.devicetree.yaml_text import Unreadable, read_yaml
from patchscan.devicetree.yaml_text import Value as Value

BINDINGS = "Documentation/devicetree/bindings/"
# The name that a node gets here which begins before the text.
OUTER = "_"

_SOURCE = pattern(r"\.dts[io]?$")
# A line with which a statement of a source begins: what stands before the first in a hunk may be the end of another.
_BEGINS = pattern(r"^\s*(?:(?:\w+:\s*)*[&\w,.#?+@{}/-]+\s*(?:=.*|\{.*|;.*)|\};?|#\w+.*|/[\w-]+/.*|)$")
_PLAIN = pattern(r"[\w,.+-]*\w")
_NO_CODE = pattern(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?(?:\*/|\Z)', 16)


def is_schema(path: str) -> bool:
    """Whether a file is the schema of a binding."""
    return path.startswith(BINDINGS) and path.endswith(".yaml")


def changed_schemas(context: Context) -> Iterator[tuple[ChangedFile, Value | Unreadable]]:
    """The schemas that a patch makes or changes, where all of them is known."""
    for file in context.files:
        after = file.state.after
        if (
            is_schema(file.path)
            and after is not None
            and file.change.kind != "delete"
            and not file.change.damaged
        ):
            yield file, read_yaml(after)


def unread(context: Context) -> Iterator[tuple[ChangedFile, int, str, bool]]:
    """(file, line, why, whether only for its size) of what is not read; of schemas those that could be before."""
    for file, read in changed_schemas(context):
        before = file.state.before
        if isinstance(read, Unreadable) and (before is None or isinstance(read_yaml(before), Value)):
            yield file, read.line, read.why, read.bound
    for file in context.files:
        after = file.state.after
        if after is not None and file.added and _SOURCE.search(file.path):
            source = read_source(after)
            if isinstance(source, Unread):
                yield file, source.line, source.why, True


def schemas(context: Context) -> Iterator[tuple[ChangedFile, Value]]:
    """Those of them that can be read."""
    for file, read in changed_schemas(context):
        if isinstance(read, Value) and read.kind == "mapping":
            yield file, read


@frozen
class Excerpt:
    """Nodes that a patch touches.

    whole: whether their text is known as a whole; example: whether it is one of a schema; given: names of nodes that
    the schema gives, or how they begin.
    """

    nodes: tuple[Node, ...]
    whole: bool
    example: bool = False
    given: tuple[str, ...] = ()

    def every(self) -> Iterator[Node]:
        """All nodes, in order."""
        for node in self.nodes:
            yield from node.below()


def examples(schema: Value) -> Iterator[tuple[Value, tuple[Node, ...]]]:
    """The examples of a schema as nodes, those that are written as blocks and can be read."""
    held = schema.get("examples")
    for item in held.items if held is not None else ():
        nodes = read_source(encode(item.text), item.line + 1) if item.style == "|" else ()
        if nodes and not isinstance(nodes, Unread):
            yield item, nodes


def given_names(schema: Value) -> tuple[str, ...]:
    """The names of properties and nodes that a schema gives, as far as they are plain."""
    found = {
        _PLAIN.match(key.text.lstrip("^("))
        for value in schema.below()
        for held in ("properties", "patternProperties")
        if (names := value.get(held)) is not None
        for key, _ in names.entries
    }
    return tuple(sorted({each[0] for each in found if each is not None and "_" in each[0]}))


def excerpts(context: Context) -> Iterator[tuple[ChangedFile, Excerpt]]:
    """The Devicetree sources and examples that a patch adds to."""
    for file, schema in schemas(context):
        added, given = sorted(file.added_numbers), given_names(schema)
        for item, nodes in examples(schema):
            if bisect_left(added, item.line) < bisect_right(added, item.last):
                yield file, Excerpt(nodes, whole=True, example=True, given=given)
    for file in context.files:
        if not _SOURCE.search(file.path) or not file.added:
            continue
        if file.state.after is not None:
            read = read_source(file.state.after)
            if not isinstance(read, Unread):
                yield file, Excerpt(read, whole=True)
        else:
            for first, text in pieces(file):
                read = read_source(encode(text), first)
                if not isinstance(read, Unread):
                    yield file, Excerpt(read, whole=False)


def added_values(context: Context) -> Iterator[tuple[ChangedFile, Property, Datum]]:
    """The values of properties on lines that a patch adds, those left out that were there before."""
    for file, excerpt in excerpts(context):
        for node in excerpt.every():
            for held in node.properties:
                for value in held.values:
                    if value.line in file.added_numbers and not file.was_there(value.line):
                        yield file, held, value


def pieces(file: ChangedFile) -> Iterator[tuple[int, str]]:
    """(first line, text) of each hunk, with a brace for each node that begins before it or ends behind it."""
    for hunk in file.change.hunks:
        lines = [line.text for line in hunk.lines if line.kind != "-"]
        begin = next((number for number, line in enumerate(lines) if _BEGINS.match(line)), len(lines))
        text = "\n".join(["", *lines[begin:]])
        depth = lowest = 0
        for char in _NO_CODE.sub("", text):
            depth += (char == "{") - (char == "}")
            lowest = min(lowest, depth)
        if lines[begin:]:
            opened = f"{OUTER} {{" * -lowest
            yield hunk.new_start + begin - 1, opened + text + "\n" + "};" * (depth - lowest)
