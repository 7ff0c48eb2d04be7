"""A verdict in the names of the kernel: per-CPU variables as C has them, and which function is the model's own."""

import re

from patchscan.basics.record import replace
from patchscan.model.verdicts.litmus import identifier
from patchscan.model.verdicts.verdict import Verdict


def in_kernel_names(verdict: Verdict) -> Verdict:
    """The verdict as a reader of the C code takes it; the litmus test stays as it is."""
    names = {identifier(key): key.rpartition("@") for key in sorted(verdict.kept) if "@" in key}
    found = re.compile(rf"\*?\b({'|'.join(map(re.escape, names))})\b") if names else None

    def spelled(text: str) -> str:
        if found is None:
            return text
        return found.sub(lambda each: "per_cpu({0}, {2})".format(*names[each[1]]), text)

    told = verdict.interleaving
    moments = tuple(replace(moment, text=spelled(moment.text)) for moment in told.moments)
    return replace(
        verdict,
        interleaving=replace(told, moments=moments, gaps=tuple(map(spelled, told.gaps))),
        assumptions=(*verdict.assumptions, *_own(verdict)),
    )


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
