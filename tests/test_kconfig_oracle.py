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


@pytest.mark.parametrize("architecture", ["x86", "arm64", "s390", "riscv"])
def test_random_configurations_satisfy_what_we_claim(architecture: str, tmp_path: Path) -> None:
    broken: dict[tuple[str, str], int] = {}
    judged = 0
    for seed in range(1, NUMBER + 1):
        command = ["make", "-s", f"O={tmp_path}", f"ARCH={architecture}", f"KCONFIG_SEED={seed * 7919}"]
        subprocess.run([*command, "randconfig"], cwd=TREE, check=True, capture_output=True)
        found = set(re.findall(r"^CONFIG_(\w+)=[ym]$", (tmp_path / ".config").read_text(), re.M))
        for name in sorted(found):
            for other in claims().get(name, ()):
                judged += 1
                if other not in found:
                    broken[name, other] = seed
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
