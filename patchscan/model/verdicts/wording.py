"""A verdict in the names of the kernel: variables as C has them, and which function is the model's own."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from patchscan.basics.pattern import pattern
from patchscan.basics.record import replace
from patchscan.model.verdicts.litmus_threads import identifier
from patchscan.model.verdicts.model_timeline import Interleaving, Moment
from patchscan.model.verdicts.verdict import Verdict

_READ = pattern(r"(r\d+) = (.+)")
_REGISTER = pattern(r"\br\d+\b")
_FREED = pattern(r"(\w+) is freed, or used for something else.*")
# What a read gave, where that is no number.
_VALUE = pattern(r": ([a-z_]\w*)(?: \(|$)")


def in_kernel_names(verdict: Verdict) -> Verdict:
    """The verdict as a reader of the C code takes it; the litmus test stays as it is."""
    keys = sorted(verdict.kept, key=len, reverse=True)

    def spelled(edit: str) -> str:
        """An edit with the key of what it is at, in the names of C."""
        for key in keys:
            edit = edit.replace(f" of {key} at ", f" of {_spelled(key)} at ")
        return edit

    told = told_in_c(verdict.interleaving, verdict.kept)
    return replace(
        verdict,
        interleaving=told,
        repair=None if verdict.repair is None else _of_the_free(spelled(verdict.repair), told),
        tried=tuple(map(spelled, verdict.tried)),
        assumptions=(*verdict.assumptions, *_own(verdict)),
    )


def _of_the_free(repair: str, told: Interleaving) -> str:
    """A repair that names the write which frees: by what is freed, where no file of the kernel holds the write."""
    for step in told.moments:
        freed = _FREED.fullmatch(step.text)
        if freed is not None and "/" not in step.path:
            repair = repair.replace(f"the write at {step.path}:{step.line}", f"{freed[1]} is freed")
    return repair


def told_in_c(told: Interleaving, keys: Iterable[str]) -> Interleaving:
    """An interleaving with its locations, which have these keys, and what registers hold as C has them."""
    names = {identifier(key): _spelled(key) for key in sorted(keys) if key != "*"}
    found = re.compile(rf"(\*?)\b({'|'.join(map(re.escape, names))})\b") if names else None

    def spelled(text: str) -> str:
        def name(each: re.Match[str]) -> str:
            plain = names[each[2]]
            is_address = (
                text[: each.start()].endswith(("(", ", ")) and not each[1] and not plain.startswith("the ")
            )
            return f"&{plain}" if is_address else plain

        return found.sub(name, text) if found is not None else text

    moments = tuple(replace(moment, text=spelled(moment.text)) for moment in told.moments)
    return replace(told, moments=without_registers(moments), gaps=tuple(map(spelled, told.gaps)))


def _spelled(key: str) -> str:
    """A location in C: a variable of one CPU, a member, or what the model knows by its type alone, "<type>"."""
    name, _, cpu = key.rpartition("@")
    if name:
        return f"per_cpu({name}, {cpu})"
    structure, _, member = key.partition(".")
    if member:
        return f"{structure}->{member}"
    return f"the {key.replace('<', '').replace('>', '')}" if key.startswith("<") else key


def without_registers(moments: Sequence[Moment]) -> tuple[Moment, ...]:
    """The steps with what a register holds in its place, where that has a name, and no register that is of no use."""
    held: dict[tuple[str, str], str] = {}
    told: list[Moment] = []
    for moment in moments:
        read = _READ.fullmatch(moment.text)
        head, rest = (f"{read[1]} = ", read[2]) if read else ("", moment.text)
        named = _REGISTER.sub(partial(_held, held, moment.thread), rest)
        told.append(replace(moment, text=f"{head}{named}"))
        if read and (value := _VALUE.search(rest)):
            held[moment.thread, read[1]] = value[1]
    used = {(each.thread, name) for each in told for name in _REGISTER.findall(_without_head(each.text))}
    return tuple(
        replace(each, text=_without_head(each.text))
        if (read := _READ.fullmatch(each.text)) and (each.thread, read[1]) not in used
        else each
        for each in told
    )


def _held(held: Mapping[tuple[str, str], str], thread: str, found: "re.Match[str]") -> str:
    return held.get((thread, found[0]), found[0])


def _without_head(text: str) -> str:
    read = _READ.fullmatch(text)
    return read[2] if read else text


def _own(verdict: Verdict) -> list[str]:
    """A line for each function of a thread that no file of the kernel holds."""
    files = dict.fromkeys(name for _, name in verdict.functions)
    own = [
        name
        for name in files
        if (paths := [path for path, function in verdict.visited if function == name])
        and not any("/" in path for path in paths)
    ]
    return [f"{name}() is the model's own, for whoever calls what it calls" for name in own]
