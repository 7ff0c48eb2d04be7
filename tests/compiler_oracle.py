"""The compiler's verdict on unchanged files of a kernel tree against that of our rules, each file read as new.

    PATCHSCAN_KERNEL_TREE=... PATCHSCAN_PREPARED=... python -m tests.compiler_oracle [--seed N] [--files N]

PATCHSCAN_PREPARED: see tests.mutations. Only files that the configuration of that directory builds are taken. The names
that gcc and our rules speak of are compared by class. What our rules say of another configuration than that one is
counted apart and printed, for gcc was not asked.
"""

import argparse
import os
import random
import re
import sys
from collections import Counter
from pathlib import Path

from patchscan.finding import Finding
from patchscan.kbuild.built import built_exactly_when
from patchscan.settling.registry import load_rules
from patchscan.tree import Directory
from patchscan.tree.overlay import View
from patchscan.wholefile import judge_file

from tests.mutations import compiler, files

# Rules, and what gcc says, by class.
RULES = {
    "undeclared": ("undeclared-name",),
    "arity": ("argument-count",),
    "members": ("no-such-member",),
    "unused": ("unused-symbol", "unused-variable", "unused-without-option"),
    "static": ("should-be-static",),
}
SAID = {
    "undeclared": r"implicit declaration of function '(\w+)'|'(\w+)' undeclared",
    "arity": r"too (?:few|many) arguments to function '(\w+)'|macro \"(\w+)\" (?:requires|passed)",
    "members": r"has no member named '(\w+)'",
    "unused": r"'(\w+)' defined but not used|unused variable '(\w+)'",
    "static": r"no previous (?:prototype|declaration) for '(\w+)'",
}
QUOTED = re.compile(r"'(\w+)'")
ELSEWHERE = re.compile(
    r"in every configuration|this is built without|only where|declared only|where the compiler drops|CONFIG_\w+"
)


def said_by_compiler(text: str) -> dict[str, set[str]]:
    """The names that gcc speaks of, by class."""
    plain = text.replace("\N{LEFT SINGLE QUOTATION MARK}", "'").replace(
        "\N{RIGHT SINGLE QUOTATION MARK}", "'"
    )
    return {
        kind: {name for match in re.finditer(pattern, plain) for name in match.groups() if name}
        for kind, pattern in SAID.items()
    }


def is_built(view: View, path: str, options: frozenset[str]) -> bool:
    """Whether the Makefiles build a file where some options are on, and no others."""
    when = built_exactly_when(view, path)
    return (
        when is not None
        and when.plain
        and when.holds({name: name in options or name == "X86" for name in when.atoms})
    )


def options_of(prepared: str, values: str = "ym") -> frozenset[str]:
    """The options of a build directory that are on; values: "y", "m" or both."""
    text = Path(prepared, "include/config/auto.conf").read_text()
    return frozenset(re.findall(rf"(?m)^CONFIG_(\w+)=[{values}]$", text))


def by_class(findings: tuple[Finding, ...], rules: tuple[str, ...]) -> tuple[set[str], list[str]]:
    """(names that some rules speak of, what they say of other configurations)."""
    names: set[str] = set()
    elsewhere: list[str] = []
    for each in findings:
        if each.rule in rules and each.severity != "info":
            if ELSEWHERE.search(each.message):
                elsewhere.append(f"{each.path}:{each.line}: {each.rule}: {each.message}")
            else:
                names.update(QUOTED.findall(each.message)[:1])
    return names, elsewhere


def main() -> int:
    """Print a table; 1 where a verdict differs."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--files", type=int, default=100)
    asked = options.parse_args()
    root, prepared = os.environ["PATCHSCAN_KERNEL_TREE"], os.environ["PATCHSCAN_PREPARED"]
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(10**6)
    wanted = {name for names in RULES.values() for name in names}
    rules = [rule for rule in load_rules()[0] if rule.name in wanted]
    tree, on, built_in = Directory(root), options_of(prepared), options_of(prepared, "y")
    view = View(tree, {})
    counts: Counter[tuple[str, str]] = Counter()
    left = asked.files
    for path in random.Random(seed).sample(files(root), len(files(root))):
        text = Path(root, path).read_text(errors="surrogateescape")
        if not left:
            break
        if not text.isascii() or not is_built(view, path, on):
            continue
        said = compiler(root, prepared, path, text, module=not is_built(view, path, built_in))
        if "fatal error" in said:
            # A header that only the build makes.
            continue
        left -= 1
        theirs = said_by_compiler(said)
        report = judge_file(path, text.encode(), tree, rules)
        for kind, names in RULES.items():
            ours, elsewhere = by_class(report.findings, names)
            same = ours == theirs[kind]
            counts[kind, "same" if same else "differ"] += 1
            counts[kind, "elsewhere"] += bool(elsewhere)
            for line in elsewhere:
                print(f"in another configuration: {line}")
            if not same:
                print(f"{path}: {kind}: gcc {sorted(theirs[kind])}, we {sorted(ours)}", flush=True)
    print(f"seed {seed}, {asked.files - left} files")
    for kind in RULES:
        print(
            f"{kind:10} {counts[kind, 'same']:4} the same, {counts[kind, 'differ']:3} not; "
            f"{counts[kind, 'elsewhere']:3} with a word on another configuration"
        )
    return int(any(number for (_, what), number in counts.items() if what == "differ"))


if __name__ == "__main__":
    sys.exit(main())
