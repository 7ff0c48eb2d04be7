"""Calls of functions that a configuration lacks in which the calling code is built."""

from typing import Literal

from patchscan.basics.buildfiles import is_kconfig, is_makefile
from patchscan.basics.formula import Formula, all_of, any_of, config, follows
from patchscan.basics.record import frozen
from patchscan.c.lexical import offsets
from patchscan.c.source import Function, Source, source_of
from patchscan.context import ChangedFile, Context
from patchscan.kbuild.built import built_exactly_when
from patchscan.kconfig.solve import Configuration as Configuration
from patchscan.kconfig.solve import find_anywhere
from patchscan.lookup.compiled import compiled_when, conditions_of, exactly_when
from patchscan.lookup.definer import (
    Definer,
    declaring_header,
    definition_in,
    find_definer,
    is_only_definer,
    seen_definer,
)
from patchscan.lookup.reached import compiled_for_sure

_MOST_SHOWN = 5
Links = Literal["not", "series", "covered", "dropped", "unknown"]


@frozen
class Added:
    """An added call of a function that the file does not call under the same conditions without the patch."""

    file: ChangedFile
    line: int
    name: str


@frozen
class Suspect:
    """A call whose function an option decides on, which nothing around the call asks for; when each is compiled."""

    call: Added
    used: Formula
    defined: Formula
    definer: Definer
    definition: Function


@frozen
class Linked:
    """Whether a call links. links: "not" in a configuration that was found, whose function a header declares.

    "series": the series itself changes what decides; "covered": no configuration was found; "dropped": the compiler may
    drop the call; "unknown": something else may define the function.
    """

    links: Links
    configuration: Configuration | None = None
    header: str = ""


def was_used(context: Context, file: ChangedFile, line: int, name: str) -> bool:
    """Whether a file had a name before the patch wherever the line is compiled, or may have had."""
    before = file.state.before or b""
    if file.used == "hunk":
        # What stands around a hunk that does not apply is not known.
        return name.encode() in (context.view.read(file.path) or b"")
    if name.encode() not in before:
        return False
    places = offsets(before, name.encode())
    # Behind the end of a block, or where there is none, nothing is asked for, as a rule.
    if any(not before.startswith((b"#if", b"#el"), before.rfind(b"\n#", 0, at) + 1) for at in places):
        return True
    old = any_of(conditions_of(file.before[0], file.before[0].line_at(at)) for at in places)
    return follows(old, conditions_of(file.after[0], line)) is not False


def suspicion_of(context: Context, call: Added) -> Suspect | None:
    """A call as a suspect, None where its function is always there, or its file used what stands beside it before."""
    view, name = context.final, call.name
    seen = seen_definer(view, name)
    # Where one definition is there, it does not matter what else defines the function.
    if seen and definition_in(view, seen.path, name) and _suspect(context, call, seen) is None:
        return None
    definer = find_definer(view, name)
    return _suspect(context, call, definer) if definer is not None else None


def _suspect(context: Context, call: Added, definer: Definer) -> Suspect | None:
    definition = definition_in(context.final, definer.path, call.name)
    if definition is None or definer.path == call.file.path:
        return None
    defined = exactly_when(context.final, source_of(definition), definition.name_line)
    used = _called_when(context, call) if defined and defined.atoms else None
    if defined is None or used is None or follows(defined, used) is not False:
        return None
    others = (each.name for each in source_of(definition).functions() if not each.is_static)
    if any(was_used(context, call.file, call.line, name) for name in others):
        return None
    return Suspect(call, used, defined, definer, definition)


def _text_holding(call: Added) -> Source:
    """The text, or the piece of it, that holds a call."""
    return next(source for source in call.file.after if source.line_text(call.line))


def _called_when(context: Context, call: Added) -> Formula | None:
    """When a call is compiled, None where that hangs on more than options or is not known."""
    if call.file.used == "tree":
        return exactly_when(context.final, _text_holding(call), call.line)
    built = built_exactly_when(context.final, call.file.path)
    here = compiled_when(context.final, call.file, call.line)
    return all_of((here, built)) if built is not None and here.plain and built.plain else None


def _is_of_series(context: Context, suspect: Suspect) -> bool:
    """Whether the series moves calls, introduces the function, or changes what decides in a way that is not known."""
    name, path = suspect.call.name, suspect.definer.path
    for file in (file for other in context.all for file in other.files):
        lines = [line for hunk in file.change.hunks for line in hunk.lines if name in line.text]
        if any(line.kind == "-" or (file.path == path and line.kind == "+") for line in lines):
            return True
        other = lines and file.path.endswith((".c", ".h")) and file.path != suspect.call.file.path
        if file.used == "hunk" and (is_kconfig(file.path) or is_makefile(file.path) or other):
            return True
    return False


def linked(context: Context, suspect: Suspect) -> Linked:
    """Whether a configuration builds a call and not its function; what costs most is asked last."""
    call, view = suspect.call, context.final
    if _is_of_series(context, suspect):
        return Linked("series")
    # Of a new file many calls ask for the same: only what passes is looked at more closely.
    if find_anywhere(view, suspect.used, suspect.defined) is None:
        return Linked("covered")
    off = suspect.defined.atoms - suspect.used.atoms
    text = _text_holding(call)
    compiled = compiled_for_sure(view, text, call.line, call.name, off, suspect.definer.headers)
    if compiled is None:
        return Linked("dropped")
    used = all_of((suspect.used, compiled)) if compiled.parts else suspect.used
    configuration = find_anywhere(view, used, suspect.defined)
    if configuration is None:
        return Linked("covered")
    header = declaring_header(view, call.name, suspect.definer)
    if not header or not is_only_definer(view, call.name, suspect.definer):
        return Linked("unknown")
    return Linked("not", configuration, header)


def options_needed(suspect: Suspect, configuration: Configuration) -> str:
    """The options that the function asks for and a configuration lacks; those of which one will do, where none must."""
    off = sorted(suspect.defined.atoms - suspect.used.atoms - configuration.chosen)
    needed = [option for option in off if follows(config(option), suspect.defined)]
    known = all_of(map(config, sorted(suspect.used.atoms | configuration.chosen)))
    enough = [option for option in off if follows(suspect.defined, config(option), known)]
    shown = (needed or enough or off[:1])[:_MOST_SHOWN]
    return (" and " if needed else " or ").join(f"CONFIG_{option}" for option in shown)
