"""Faults put into files of a kernel tree, and how many of those that the compiler tells our rules tell, too.

    PATCHSCAN_KERNEL_TREE=... PATCHSCAN_PREPARED=... python -m tests.mutations [--seed N] [--files N] [--show]

PATCHSCAN_PREPARED: the output directory of `make O=... allmodconfig prepare` (x86). A mutant counts only where gcc
takes the file as it is and refuses or warns of the mutant. Without it nothing is counted as told by the compiler, and
the table says what our rules tell of the mutants alone. "false": of the mutants that gcc takes, those that our rules
tell all the same; a function that is no longer static and an unused one count only with its warnings.
"""

import argparse
import difflib
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from patchscan.c.filelevel import statements
from patchscan.c.source import parse
from patchscan.context import Settings
from patchscan.lookup.edges import include_flags
from patchscan.rule import Rule
from patchscan.scan import scan
from patchscan.series import FileChange, Hunk, Line, Series, Thread
from patchscan.settling.registry import load_rules
from patchscan.testing import example_patch
from patchscan.tree import Directory
from patchscan.tree.overlay import View

PLACES = ("drivers", "fs", "net", "mm", "sound", "crypto", "lib", "kernel", "block")
COMPILER = shlex.split(
    "gcc -S -o /dev/null -nostdinc -std=gnu11 -O2 -fno-pie -mcmodel=kernel -mno-sse -fshort-wchar -Wall "
    "-Wmissing-prototypes -Wmissing-declarations -Wno-unused-but-set-variable -Wno-pointer-sign -Wno-main "
    "-Wno-address-of-packed-member -D__KERNEL__ -DCC_USING_FENTRY -D__KBUILD_MODNAME=kmod_x "
    """-DKBUILD_MODNAME='"x"' -DKBUILD_BASENAME='"x"' -DKBUILD_MODFILE='"x"'"""
)
KINDS = {
    "parameter": ("callback-type", "argument-count", "prototype-mismatch"),
    "value": ("incompatible-type",),
    "argument": ("argument-count", "format-type"),
    "member": ("no-such-member",),
    "name": ("undeclared-name",),
    "local": ("undeclared-variable", "no-such-member"),
    "include": ("undeclared-name",),
    "static": ("should-be-static",),
    "unused": ("unused-symbol", "unused-variable"),
}


def without_argument(text: str, choose: random.Random) -> str | None:
    """The text with the last argument of some call gone."""
    source = parse(text.encode(), "x.c")
    calls = [
        call
        for function in source.functions()
        if not function.partial
        for call in function.calls()
        if len(call.arguments) > 1 and call.name.islower()
    ]
    if not calls:
        return None
    call = choose.choice(calls)
    start, end = call.arguments[-2].end_byte, call.arguments[-1].end_byte
    return (source.text[:start] + source.text[end:]).decode()


def with_wrong_member(text: str, choose: random.Random) -> str | None:
    """The text with a member misspelt that an initialiser names."""
    found = list(re.finditer(r"(?m)^\t\.(\w+)\s*=", text))
    if not found:
        return None
    place = choose.choice(found)
    return text[: place.end(1)] + "_no" + text[place.end(1) :]


def with_wrong_name(text: str, choose: random.Random) -> str | None:
    """The text with a function misspelt that is called and not its own."""
    own = set(re.findall(r"\b(\w+)\([^;{}]*\)\s*\{|#[ \t]*define[ \t]+(\w+)", text))
    names = {name for pair in own for name in pair}
    found = [
        each
        for each in re.finditer(r"(?m)^\t+(?:\w+ = |return )?([a-z]\w{4,})\(", text)
        if each[1] not in names
    ]
    if not found:
        return None
    place = choose.choice(found)
    return text[: place.end(1)] + "_no" + text[place.end(1) :]


def without_local(text: str, choose: random.Random) -> str | None:
    """The text without the declaration of a local variable."""
    found = list(re.finditer(r"(?m)^\t(?!return|goto|case)(?:struct )?\w+ \**\w+(?:, \**\w+)*;\n", text))
    if not found:
        return None
    place = choose.choice(found)
    return text[: place.start()] + text[place.end() :]


def without_include(text: str, choose: random.Random) -> str | None:
    """The text without one of its #include lines."""
    found = list(re.finditer(r"(?m)^#include <linux/[^>\n]+>\n", text))
    if not found:
        return None
    place = choose.choice(found)
    return text[: place.start()] + text[place.end() :]


def without_static(text: str, choose: random.Random) -> str | None:
    """The text with a function that is no longer static."""
    found = list(re.finditer(r"(?m)^static (?=(?!inline|__)\w[\w \t*]*\([^;{}]*\)\n\{)", text))
    if not found:
        return None
    place = choose.choice(found)
    return text[: place.start()] + text[place.end() :]


def with_unused(text: str, choose: random.Random) -> str | None:
    """The text with a static variable or function that nothing uses, before some function."""
    heads = [each for each in statements(text.encode()) if each.kind == "function" and each.static]
    if not heads:
        return None
    at = choose.choice(heads).start
    new = choose.choice(
        ("static int spare_count;\n\n", "static int spare_step(int by)\n{\n\treturn by;\n}\n\n")
    )
    return text[:at] + new + text[at:]


def with_parameter(text: str, choose: random.Random) -> str | None:
    """The text with one parameter more of a function whose address an initialiser takes."""
    names = set(re.findall(r"(?m)^\t\.\w+\s*=\s*(\w+),?$", text))
    found = [
        each
        for each in re.finditer(r"(?m)^static \w[\w \t*]*?(\w+)\(([^;{}()]+)\)\n\{", text)
        if each[1] in names
    ]
    if not found:
        return None
    place = choose.choice(found)
    return text[: place.end(2)] + ", int spare" + text[place.end(2) :]


def with_other_value(text: str, choose: random.Random) -> str | None:
    """The text with an argument of a call replaced by another parameter of the function around."""
    source = parse(text.encode(), "x.c")
    places = [
        (node, other.name)
        for function in source.functions()
        if not function.partial
        for call in function.calls()
        if call.name.islower()
        for node in call.arguments
        for other in function.parameters
        if node.type == "identifier" and source.text_of(node) != other.name
    ]
    if not places:
        return None
    node, name = choose.choice(places)
    return (source.text[: node.start_byte] + name.encode() + source.text[node.end_byte :]).decode()


MUTATE: dict[str, Callable[[str, random.Random], str | None]] = {
    "parameter": with_parameter,
    "value": with_other_value,
    "argument": without_argument,
    "member": with_wrong_member,
    "name": with_wrong_name,
    "local": without_local,
    "include": without_include,
    "static": without_static,
    "unused": with_unused,
}


def change_of(path: str, old: str, new: str) -> FileChange:
    """The change between two versions of a file."""
    hunks = []
    before, after = old.split("\n"), new.split("\n")
    for group in difflib.SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(3):
        lines: list[Line] = []
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                lines += [Line(" ", before[i1 + k], i1 + k + 1, j1 + k + 1) for k in range(i2 - i1)]
            else:
                lines += [Line("-", before[i], i + 1, None) for i in range(i1, i2)]
                lines += [Line("+", after[j], None, j + 1) for j in range(j1, j2)]
        first, last = group[0], group[-1]
        hunks.append(
            Hunk(first[1] + 1, last[2] - first[1], first[3] + 1, last[4] - first[3], "", tuple(lines))
        )
    return FileChange(path, path, "modify", tuple(hunks))


def told(tree: Directory, rules: list[Rule], path: str, old: str, new: str) -> list[str]:
    """What the rules say of a change of one file."""
    patch = example_patch(
        1, 1, "x: change", [], (change_of(path, old.removesuffix("\n"), new.removesuffix("\n")),)
    )
    report = scan(
        Thread((Series("x", 1, "a@b.c", None, (patch,), ()),), (), ()), tree, rules, Settings({}, False)
    )
    return [f"{each.line} {each.rule}: {each.message}" for each in report.findings]


@cache
def flags_of(root: str, path: str) -> tuple[str, ...]:
    """The directories that the Makefiles add to the search path of a file."""
    return include_flags(View(Directory(root), {}), path)


def compiler(root: str, prepared: str, path: str, text: str, module: bool = True) -> str:
    """What gcc says of a text in the place of a file, without the numbers of lines; module: as part of one."""
    places = [
        *(f"{root}/{each}" for each in (os.path.dirname(path), *flags_of(root, path), "arch/x86/include")),
        *(f"{prepared}/{each}" for each in ("arch/x86/include/generated", "include")),
        *(f"{root}/{each}" for each in ("include", "arch/x86/include/uapi", "include/uapi")),
        *(f"{prepared}/{each}" for each in ("arch/x86/include/generated/uapi", "include/generated/uapi")),
    ]
    first = [
        f"{root}/include/linux/{each}" for each in ("compiler-version.h", "kconfig.h", "compiler_types.h")
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
        file.write(text)
        file.flush()
        command = [*COMPILER, *("-DMODULE",) * module, *(f"-I{each}" for each in places)]
        command += [word for each in first for word in ("-include", each)]
        got = subprocess.run([*command, file.name], capture_output=True, text=True, cwd=root, check=False)
        said = got.stderr.replace(file.name, "FILE").split("\n")
    # What a macro makes of an argument is told at the macro, and a header that only the build makes at its #include.
    faults = [line for line in said if re.match(r"\S+:\d+:\d+: (?:fatal error|error|warning):", line)]
    return "\n".join(sorted(re.sub(r":\d+:\d+", "", line) for line in faults))


def files(root: str) -> list[str]:
    """The C files that mutants are made of, sorted."""
    paths = (path for place in PLACES for path in Path(root, place).rglob("*.c"))
    return sorted(str(path.relative_to(root)) for path in paths)


def mutants(root: str, choose: random.Random, count: int) -> Iterator[tuple[str, str, str, str]]:
    """(kind, path, text, mutant): one of each kind for some files."""
    for path in choose.sample(files(root), count):
        text = Path(root, path).read_text(errors="surrogateescape")
        if not text.isascii():
            continue
        for kind, mutate in MUTATE.items():
            new = mutate(text, choose)
            if new is not None:
                yield kind, path, text, new


def main() -> int:
    """Print a table: mutants, those that the compiler tells, those that our rules tell of these."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--files", type=int, default=20)
    options.add_argument("--show", action="store_true")
    options.add_argument("--kinds", default=",".join(KINDS), help="of these kinds only")
    asked = options.parse_args()
    root, prepared = os.environ["PATCHSCAN_KERNEL_TREE"], os.environ.get("PATCHSCAN_PREPARED", "")
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(10**6)
    wanted = {name for names in KINDS.values() for name in names}
    rules = [rule for rule in load_rules()[0] if rule.name in wanted]
    tree, choose = Directory(root), random.Random(seed)
    made: Counter[str] = Counter()
    known: Counter[str] = Counter()
    found: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    false: Counter[str] = Counter()
    clean: dict[str, str] = {}
    kinds = asked.kinds.split(",")
    for kind, path, text, new in (each for each in mutants(root, choose, asked.files) if each[0] in kinds):
        if prepared:
            if path not in clean:
                clean[path] = compiler(root, prepared, path, text)
            said = compiler(root, prepared, path, new)
            if "error" in clean[path]:
                continue
            if said == clean[path]:
                spoken = [
                    each
                    for each in told(tree, rules, path, text, new)
                    if any(f" {name}: " in each for name in KINDS[kind])
                ]
                false[kind] += bool(spoken)
                taken[kind] += 1
                if asked.show and spoken:
                    print(f"false {kind} {path}: {spoken[0]}")
                continue
        made[kind] += 1
        said_by_us = told(tree, rules, path, text, new)
        right = any(f" {name}: " in each for name in KINDS[kind] for each in said_by_us)
        known[kind] += bool(prepared)
        found[kind] += right
        if asked.show and not right:
            new_lines = [line for line in said.splitlines() if line not in clean[path]] if prepared else []
            print(f"missed {kind} {path}: {new_lines[:1]}")
    print(f"seed {seed}, {asked.files} files")
    for kind in kinds:
        harmless = f"; {taken[kind]:4} that it takes, {false[kind]:4} false" if prepared else ""
        print(
            f"{kind:10} {made[kind]:4} mutants{' that gcc tells' * bool(prepared)}, {found[kind]:4} told{harmless}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
