"""An oracle that nobody can tune to: functions of merged drivers drawn at random, each broken in one way by a script.

`python tests/broken_functions.py [SEED [FUNCTIONS]]` with PATCHSCAN_KERNEL_TREE set; another seed draws others. A
mutation stands for a bug: a give-back that goes away, a goto to the label below, a NULL check that goes away, IS_ERR()
and ! swapped, `<` made `<=`. Told is how many of each kind the rules find, and what they say of a patch to the same
function that only adds a comment, which must be nothing.
"""

import os
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from patchscan.c.source import Function, parse
from patchscan.context import NO_SETTINGS, contexts
from patchscan.finding import Finding
from patchscan.flow.resources import releasing, returns_null
from patchscan.scan import apply
from patchscan.series import FileChange, Hunk, Line, Series
from patchscan.settling.registry import load_rules
from patchscan.testing import example_patch
from patchscan.tree.overlay import FileState, PatchState, View

NAMES = (
    "error-pointer-or-null",
    "held-at-exit",
    "null-dereference",
    "out-of-bounds",
    "released-twice",
    "unchecked-result",
    "use-after-free",
    "wrong-release",
    "wrong-return",
)
RULES = tuple(rule for rule in load_rules()[0] if rule.name in NAMES)
# Of each kind of mutation: the share that must be found.
WANTED = {"resource": 0.7, "pointer": 0.6, "bounds": 0.3}
Mutation = tuple[int, int, str]
_CHECK = re.compile(r"if \((?:unlikely\()?!([\w>.-]+)\)?\)\s*(?:\{[^{}]*\}|(?:return|goto)[^;]*;)(?!\s*else)")
_ERROR = re.compile(r"if \(IS_ERR\(([\w>.-]+)\)\)")
_BOUND = re.compile(r"\b(\w+) <( ARRAY_SIZE\((\w+)\))")
_GOTO = re.compile(r"\bgoto (\w+);")
_LABEL = re.compile(r"^(\w+):", re.M)


def give_backs(function: Function) -> Iterator[Mutation]:
    """A statement that gives something back goes away."""
    text = function.text
    taken = "|".join(sorted(re.escape(name) for name in releasing()))
    for found in re.finditer(rf"^[ \t]+(?:{taken})\([^;{{}}]*\);\n", text, re.M):
        following = text[found.end() :].lstrip()
        before = text[: found.start()].rstrip()
        # Not the whole body of an if, which would then take the next statement.
        if before.endswith((";", "{", "}", ":")) and re.search(r"\breturn\b|\bgoto\b", following):
            yield found.start(), found.end(), ""


def gotos(function: Function) -> Iterator[Mutation]:
    """A goto leads to the label below its own, so that what stands between is not done."""
    text = function.text
    labels = [found[1] for found in _LABEL.finditer(text)]
    at = {found[1]: found.start() for found in _LABEL.finditer(text)}
    for found in _GOTO.finditer(text):
        place = labels.index(found[1]) if found[1] in labels else -1
        if 0 <= place < len(labels) - 1:
            between = text[at[found[1]] : at[labels[place + 1]]]
            if any(f"{name}(" in between for name in releasing()):
                yield found.start(1), found.end(1), labels[place + 1]


def null_checks(function: Function) -> Iterator[Mutation]:
    """The check of what an allocation returned goes away."""
    text = function.text
    for found in _CHECK.finditer(text):
        made = re.findall(
            rf"(?<![\w>.]){re.escape(found[1])} = (?:\([^()]*\)\s*)?(\w+)\(", text[: found.start()]
        )
        if made and returns_null(made[-1]) and f"{found[1]}->" in text[found.end() :]:
            yield found.start(), found.end(), ";"


def swapped(function: Function) -> Iterator[Mutation]:
    """IS_ERR() becomes !, and ! of what an allocation returned becomes IS_ERR()."""
    text = function.text
    for found in _ERROR.finditer(text):
        yield found.start(), found.end(), f"if (!{found[1]})"
    for found in _CHECK.finditer(text):
        made = re.findall(rf"(?<![\w>.]){re.escape(found[1])} = (\w+)\(", text[: found.start()])
        if made and returns_null(made[-1]) and "unlikely" not in found[0]:
            start = found.start()
            yield start, start + len(f"if (!{found[1]})"), f"if (IS_ERR({found[1]}))"


def bounds(function: Function) -> Iterator[Mutation]:
    """`<` becomes `<=` before the size of an array that the variable indexes."""
    for found in _BOUND.finditer(function.text):
        if f"{found[3]}[{found[1]}]" in function.text:
            yield found.start(), found.end(), f"{found[1]} <={found[2]}"


KINDS: dict[str, tuple[str, Callable[[Function], Iterator[Mutation]]]] = {
    "give-back removed": ("resource", give_backs),
    "goto to the label below": ("resource", gotos),
    "NULL check removed": ("pointer", null_checks),
    "IS_ERR and ! swapped": ("pointer", swapped),
    "< made <=": ("bounds", bounds),
}


def said(path: str, before: bytes, after: bytes) -> list[Finding]:
    """What the rules say of a patch that turns one text of a file into another."""
    old, new = (
        text.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n") for text in (before, after)
    )
    first = next((n for n, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), 0)
    ends = zip(reversed(old[first:]), reversed(new[first:]), strict=False)
    last = next((n for n, (one, other) in enumerate(ends) if one != other), min(len(old), len(new)) - first)
    old_end, new_end = len(old) - last, len(new) - last
    lines = [Line(" ", old[n], n + 1, n + 1) for n in range(first)]
    lines += [Line("-", old[n], n + 1, None) for n in range(first, old_end)]
    lines += [Line("+", new[n], None, n + 1) for n in range(first, new_end)]
    lines += [Line(" ", old[n], n + 1, n + 1 + new_end - old_end) for n in range(old_end, len(old))]
    change = FileChange(path, path, "modify", (Hunk(1, len(old), 1, len(new), "", tuple(lines)),))
    patch = example_patch(1, 1, "drivers: change a function", ["It is changed."], (change,))
    state = FileState(change, "tree", "", before, after, (0,))
    states = (PatchState(patch, (state,), View(None, {path: after})),)
    (context,) = contexts(Series("mutation", 1, "m@example.org", None, (patch,)), states, NO_SETTINGS)
    return [each for rule in RULES for each in apply(rule, context) if isinstance(each, Finding)]


def drawn(top: Path, seed: int, count: int) -> Iterator[tuple[str, str, bytes, bytes, Function]]:
    """(kind, path, text, mutated text, function) of functions drawn at random, one mutation each."""
    chance = random.Random(seed)
    paths = sorted(str(path.relative_to(top)) for path in (top / "drivers").rglob("*.c"))
    chance.shuffle(paths)
    turns = list(KINDS)
    for path in paths:
        text = (top / path).read_bytes()
        functions = [each for each in parse(text, path).functions() if not each.partial]
        chance.shuffle(functions)
        kind = turns[0]
        for function in functions:
            found = list(KINDS[kind][1](function))
            if found:
                start, end, instead = chance.choice(found)
                body = function.text
                broken = (body[:start] + instead + body[end:]).encode("utf-8", "surrogateescape")
                yield kind, path, text, text[: function.start] + broken + text[function.end :], function
                turns.append(turns.pop(0))
                count -= 1
                break
        if not count:
            return


def main() -> int:
    """Print the shares found; 1 where one is too small or the unchanged function is spoken of."""
    top = os.environ.get("PATCHSCAN_KERNEL_TREE")
    if not top:
        print("PATCHSCAN_KERNEL_TREE is not set", file=sys.stderr)
        return 2
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.SystemRandom().randrange(10**6)
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    made: Counter[str] = Counter()
    found: Counter[str] = Counter()
    false = 0
    for kind, path, text, broken, function in drawn(Path(top), seed, count):
        made[kind] += 1
        hits = said(path, text, broken)
        found[kind] += bool(hits)
        if not hits:
            print(f"missed: {kind}: {path} {function.name}()")
        remark = text[: function.brace + 1] + b"\n\t/* A remark. */" + text[function.brace + 1 :]
        for each in said(path, text, remark):
            false += 1
            print(f"false: {each.path}:{each.line} {each.rule}: {each.message}")
    print(f"seed {seed}: {sum(made.values())} functions, {false} findings where only a comment was added")
    short = false > 0
    for kind in KINDS:
        print(f"{kind:26} {found[kind]:4} of {made[kind]:4} found")
    for group, wanted in WANTED.items():
        kinds = [kind for kind in KINDS if KINDS[kind][0] == group]
        total = sum(made[kind] for kind in kinds)
        share = sum(found[kind] for kind in kinds) / max(total, 1)
        print(f"{group:26} {100 * share:4.0f} % of {total:4}, wanted {100 * wanted:.0f} %")
        short = short or (total > 0 and share < wanted)
    return int(short)


if __name__ == "__main__":
    sys.exit(main())
