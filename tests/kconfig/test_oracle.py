"""What we claim of Kconfig against the kernel's own scripts/kconfig: random configurations satisfy every implication.

PATCHSCAN_RANDOM_CONFIGURATIONS: how many an architecture (default 2); needs flex and bison to build conf.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from patchscan.kconfig.entries import definitions_in
from patchscan.kconfig.implied import implied
from patchscan.kconfig.symbols import config_symbols
from patchscan.tree import open_tree
from patchscan.tree.overlay import View

TREE = os.environ.get("PATCHSCAN_KERNEL_TREE", "")
NUMBER = int(os.environ.get("PATCHSCAN_RANDOM_CONFIGURATIONS", "2"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not TREE or not all(map(shutil.which, ("flex", "bison", "make", "gcc"))),
        reason="needs a kernel tree and what builds scripts/kconfig/conf",
    ),
]


@cache
def claims() -> Mapping[str, frozenset[str]]:
    """Each option of the tree that is on or off -> the options that we claim to be on with it."""
    view = View(open_tree(TREE), {})
    symbols = config_symbols(view)
    return {
        name: implied(view, [name]) - {name} for name in symbols if symbols[name].kind in ("bool", "tristate")
    }


# The compiler says yes to every option, so that no entry is hidden by what the one at hand cannot do.
COMPILER = """#!/bin/sh
case " $* " in *" -E "*|*--version*) exec gcc "$@";; esac
exit 0
"""
UNMET = re.compile(r"unmet direct dependencies detected for (\w+)")


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernel's own conf, and beside it the compiler that it asks."""
    made = tmp_path_factory.mktemp("kconfig")
    command = ["make", "-s", f"O={made}", "ARCH=x86", "allnoconfig"]
    subprocess.run(command, cwd=TREE, check=True, capture_output=True)
    compiler = made / "cc"
    compiler.write_text(COMPILER)
    compiler.chmod(0o755)
    return made / "scripts/kconfig/conf"


def random_configuration(
    conf: Path, architecture: str, seed: int, directory: Path
) -> tuple[set[str], set[str]]:
    """The options that are on, and those that are although what they depend on is off: of these Kconfig warns."""
    tools = {"CC": str(conf.parents[2] / "cc"), "LD": "ld", "NM": "nm", "OBJCOPY": "objcopy", "AR": "ar"}
    missing = {"RUSTC": "rustc", "BINDGEN": "bindgen", "PAHOLE": "pahole", "RUSTC_VERSION_TEXT": ""}
    place = {"srctree": TREE, "objtree": ".", "ARCH": architecture, "SRCARCH": architecture}
    rest = {"KERNELVERSION": "6", "CC_VERSION_TEXT": "gcc", "HOSTCC": "gcc", "KCONFIG_SEED": str(seed)}
    (directory / ".config").unlink(missing_ok=True)
    run = subprocess.run(
        [conf, "--randconfig", f"{TREE}/Kconfig"],
        cwd=directory,
        env={**os.environ, **tools, **missing, **place, **rest},
        check=True,
        capture_output=True,
        text=True,
    )
    found = set(re.findall(r"^CONFIG_(\w+)=[ym]$", (directory / ".config").read_text(), re.MULTILINE))
    return found, set(UNMET.findall(run.stderr))


@pytest.mark.parametrize("architecture", ["x86", "arm64", "s390", "riscv"])
def test_random_configurations_satisfy_what_we_claim(architecture: str, conf: Path, tmp_path: Path) -> None:
    """But for what follows from an option whose own dependencies a select has overridden."""
    broken: dict[tuple[str, str], int] = {}
    judged = 0
    for seed in range(1, NUMBER + 1):
        found, unmet = random_configuration(conf, architecture, seed * 7919, tmp_path)
        for name in sorted(found - unmet):
            others = claims().get(name, frozenset())
            if unmet.isdisjoint(others):
                judged += len(others)
                broken.update({(name, other): seed for other in others - found})
    assert judged > 1000 * NUMBER
    assert broken == {}


def test_no_architecture_implies_another() -> None:
    own = {"X86", "ARM64", "S390", "RISCV", "PPC", "M68K", "SUPERH", "ALPHA", "MIPS", "SPARC"}
    assert {name: claims()[name] & (own - {name}) for name in own if claims()[name] & (own - {name})} == {}


def test_every_select_of_an_architecture_is_read() -> None:
    text = Path(TREE, "arch/arm64/Kconfig").read_bytes()
    (found,) = (each for each in definitions_in(text) if each.name == "ARM64")
    assert (
        len(found.selects)
        == len(re.findall(rb"(?m)^\t(?:select|imply) ", text.split(b"config ARM64_")[0]))
        == 262
    )
