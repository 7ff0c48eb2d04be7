"""A switch over an enum names some of its values, has no default, and leaves others out."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import (
    ChangedFile,
    Context,
    Evidence,
    Finding,
    Function,
    Rule,
    Silence,
    frozen,
    pattern,
)

if TYPE_CHECKING:
    from patchscan.lookup.enums import Enum
    from patchscan.lookup.typeof import Types
    from tree_sitter import Node

ENUM = pattern(r"(?:const )?enum (\w+)")
DEFINES = pattern(r"\benum\s+(?:__\w+\s+)*(\w+)\s*\{")
WORD = pattern(r"\w+")
CONSTANT = pattern(r"\s*([A-Z_][A-Z0-9_]*)\s*(?:=[^;(]*)?,")
MOST_SHOWN = 3
MOST_FILES = 12


@frozen
class Lack:
    """A switch and the values that it leaves out."""

    line: int
    shown: str
    values: tuple[str, ...]
    enum: "Enum"


def check(context: Context) -> Iterator[Finding | Silence]:
    """The switches with a line that the patch changes, and those over an enum that it gives a value."""
    for file in context.c_files:
        if file.touches("case ", "switch", "default:"):
            for function in file.functions:
                if function.whole and not function.partial:
                    yield from in_function(context, file, function)
    for file in context.c_files:
        if any(CONSTANT.match(line.text) for line in file.added) and context.has_tree:
            yield from of_new_values(context, file)


def in_function(context: Context, file: ChangedFile, function: Function) -> Iterator[Finding]:
    """The switches of a touched function that lack a value, and lacked none before."""
    touched = file.touched_numbers
    before = file.before_of(function.name)
    for each in lacks_of(context, file, function):
        node = next(
            node for node in function.nodes("switch_statement") if line_of(function, node) == each.line
        )
        lines = range(each.line, function.source.last_line_of(node) + 1)
        if any(line in touched for line in lines) and not lacked_before(context, file, before, each):
            yield say(file, each.line, each)


def lacked_before(context: Context, file: ChangedFile, before: Function | None, lack: Lack) -> bool:
    """Whether the function before the patch left out the same values of the same expression."""
    if before is None or before.partial:
        return False
    old = (each for each in lacks_of(context, file, before) if each.shown == lack.shown)
    return any(set(lack.values) <= set(each.values) for each in old)


def of_new_values(context: Context, file: ChangedFile) -> Iterator[Finding]:
    """The switches that the patch leaves alone and that lack a value which it adds to an enum."""
    from patchscan.lookup.enums import enum_in

    after, before = file.state.after or b"", file.state.before or b""
    for name in dict.fromkeys(DEFINES.findall(after.decode("latin-1"))):
        enum, old = enum_in(after, file.path, name), enum_in(before, file.path, name)
        if enum is None or old is None or not old.given.keys() < enum.given.keys():
            continue
        new = enum.given.keys() - old.given.keys()
        line = next(
            each for each in sorted(file.added_numbers) if new & set(WORD.findall(file.code_at(each)))
        )
        for path, lack in left_alone(context, enum, next(iter(old.given))):
            if new & set(lack.values):
                place = Evidence(path, lack.line, f"switch ({lack.shown})")
                yield say(file, line, lack, place)


def left_alone(context: Context, enum: "Enum", first: str) -> Iterator[tuple[str, Lack]]:
    """(path, lack) of the switches over an enum, in functions that the patch does not touch, with a case of a value."""
    from patchscan.lookup.untouched import untouched_functions

    for file, function in untouched_functions(context, first, f"case {first}:", MOST_FILES):
        if not function.partial:
            found = lacks_of(context, file, function)
            yield from ((file.path, each) for each in found if each.enum == enum)


def lacks_of(context: Context, file: ChangedFile, function: Function) -> Iterator[Lack]:
    """The switches of a function over an enum that have no default and leave out a value."""
    types: Types | None = None
    for node in function.nodes("switch_statement"):
        named = cases_of(function, node)
        condition = node.child_by_field_name("condition")
        if not named or condition is None:
            continue
        from patchscan.lookup.typeof import types_in

        types = types or types_in(context, file, function)
        kind = ENUM.fullmatch(types.of(condition))
        enum = of_name(types, kind[1]) if kind else None
        left = left_out(enum, named) if enum is not None else ()
        if enum is not None and left:
            shown = types.written(condition).removeprefix("(").removesuffix(")")
            yield Lack(line_of(function, node), shown, left, enum)


def of_name(types: "Types", name: str) -> "Enum | None":
    """The enum of a name where a function stands."""
    from patchscan.lookup.enums import find_enum

    return find_enum(types.meaning, name)


def cases_of(function: Function, switch: "Node") -> frozenset[str]:
    """The names that the cases of a switch have, none where it has a default, a range, a number or a condition."""
    body = switch.child_by_field_name("body")
    if body is None or body.has_error or any(each.type.startswith("preproc") for each in body.named_children):
        return frozenset()
    found = set()
    for node in function.nodes_in(body, "case_statement"):
        inner = [each.node for each in function.enclosing(node) if each.kind == "switch"]
        if inner[:1] != [switch]:
            continue
        value = node.child_by_field_name("value")
        if value is None or value.type != "identifier":
            return frozenset()
        found.add(function.source.text_of(value))
    return frozenset(found)


def left_out(enum: "Enum", named: frozenset[str]) -> tuple[str, ...]:
    """The constants that no case names, and that have the value of none that is named."""
    if not named <= enum.given.keys():
        return ()
    aliases = {other for name in named for other in enum.same_as(name)}
    return tuple(
        each for each in enum.given if each not in named and each not in aliases and not enum.same_as(each)
    )


def line_of(function: Function, node: "Node") -> int:
    """The line on which a node begins."""
    return function.source.line_of(node)


def say(file: ChangedFile, line: int, lack: Lack, place: Evidence | None = None) -> Finding:
    """The finding; place: the switch, where it is in a file that the patch does not change."""
    few = ", ".join(lack.values[:MOST_SHOWN])
    more = f" and {len(lack.values) - MOST_SHOWN} more" if len(lack.values) > MOST_SHOWN else ""
    where = f" in {place.path}:{place.line}" if place is not None else ""
    return file.finding(
        line,
        f"switch ({lack.shown}){where} has no default and leaves out {few}{more}: the compiler warns (-Wswitch); name "
        "them, or add a default",
        (place or Evidence(lack.enum.path, lack.enum.line, "the enum"),),
    )


RULE = Rule(
    name="case-missing",
    summary="A switch over an enum without a default leaves out a value",
    why=(
        "The compiler warns of each value that no case names, and with CONFIG_WERROR the kernel does not build. It "
        "comes where an enum gets a value and a switch in another file is not thought of: what is new is then not done."
    ),
    source="gcc and clang -Wswitch (on by -Wall); reports of the kernel test robot: enumeration value not handled",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("case ", "switch", "default:", ","),
    bad=(
        """
+enum walk_mode {
+	WALK_FAST,
+	WALK_SLOW,
+	WALK_DEEP,
+	WALK_LAST = WALK_DEEP,
+};
+static int walk(enum walk_mode mode)
+{
+	switch (mode) { // want "switch .mode. has no default and leaves out WALK_SLOW: the compiler warns"
+	case WALK_FAST:
+		return 1;
+	case WALK_DEEP:
+		return 3;
+	}
+	return 0;
+}
""",
        """
>>> tree include/linux/walk.h
enum walk_mode {
	WALK_FAST,
	WALK_SLOW,
};
struct walk {
	enum walk_mode mode;
};
>>> tree mm/other.c
#include <linux/walk.h>
int walk_on(struct walk *walk)
{
	switch (walk->mode) {
	case WALK_FAST:
		return 1;
	case WALK_SLOW:
		return 2;
	}
	return 0;
}
>>> patch mm: walk
>>> file include/linux/walk.h
 enum walk_mode {
 	WALK_FAST,
 	WALK_SLOW,
+	WALK_DEEP, // want "switch .walk->mode. in mm/other.c:4 has no default and leaves out WALK_DEEP"
 };
 struct walk {
 	enum walk_mode mode;
 };
""",
    ),
    good=(
        """
+enum walk_mode {
+	WALK_FAST,
+	WALK_SLOW,
+	WALK_LAST = WALK_SLOW,
+};
+static int walk(enum walk_mode mode, int number)
+{
+	switch (mode) {
+	case WALK_FAST:
+		return 1;
+	case WALK_SLOW:
+		return 2;
+	}
+	switch (mode) {
+	case WALK_FAST:
+		return 1;
+	default:
+		break;
+	}
+	switch (number) {
+	case WALK_FAST:
+		return 1;
+	}
+	switch ((int)mode) {
+	case WALK_FAST:
+		return 1;
+	}
+	return 0;
+}
""",
        """
 enum walk_mode {
 	WALK_FAST,
 	WALK_SLOW,
 };
 static int walk(enum walk_mode mode)
 {
 	switch (mode) {
 	case WALK_FAST:
+		walk_on();
 		return 1;
 	}
 	return 0;
 }
+static int run(enum walk_far mode)
+{
+	switch (mode) {
+	case WALK_FAR:
+		return 1;
+	}
+	return 0;
+}
""",
        """
>>> tree mm/other.c
enum walk_mode {
	WALK_FAST,
	WALK_SLOW,
};
int walk_on(enum walk_mode mode)
{
	switch (mode) {
	case WALK_FAST:
		return 1;
	default:
		return 2;
	}
}
>>> patch mm: walk
>>> file mm/other.c
 enum walk_mode {
 	WALK_FAST,
 	WALK_SLOW,
+	WALK_DEEP,
 };
 int walk_on(enum walk_mode mode)
 {
 	switch (mode) {
 	case WALK_FAST:
 		return 1;
 	default:
 		return 2;
 	}
 }
""",
    ),
)
