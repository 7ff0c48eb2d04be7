"""The ways to wait for walkers on Linux 6.12: what each costs, and what it costs once its series is changed."""

import json
import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from patchscan.cli import main
from patchscan.commands import cost as command
from patchscan.cost import schemes

FILE = Path(__file__).parents[2] / "fixtures" / "real" / "costs.toml"
TREE = os.environ.get("PATCHSCAN_KERNEL_TREE", "")
pytestmark = pytest.mark.skipif(not os.path.isdir(TREE), reason="needs PATCHSCAN_KERNEL_TREE")

Figures = dict[str, dict[str, int]]


def counted(file: Path, cpus: int, capsys: pytest.CaptureFixture[str]) -> Figures:
    """By scheme what an update of four tables costs, of what is counted."""
    assert main(["cost", str(file), "--tree", TREE, "--cpus", str(cpus), "--runs", "0", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert not found["problems"]
    return {
        scheme["scheme"]: {each["name"]: each["low"] for each in scheme["figures"]}
        for scheme in found["rows"][0]["schemes"]
    }


@pytest.mark.parametrize("cpus", [8, 64])
def test_every_way(cpus: int, capsys: pytest.CaptureFixture[str]) -> None:
    found = counted(FILE, cpus, capsys)
    others = cpus - 1
    assert {name: figures["IPIs sent"] for name, figures in found.items()} == {
        "broadcast": 4 * others,
        "targeted": 4 * 2,
        "no batch, broadcast": 4 * others,
        "no batch, RCU wait": 0,
        "RCU-deferred": 0,
        "one broadcast per batch": others,
    }
    assert found["no batch, RCU wait"]["grace periods waited for"] == 4
    assert found["RCU-deferred"]["deferred frees"] == 4
    assert found["RCU-deferred"]["grace periods waited for"] == 0


@pytest.mark.parametrize(
    ("series", "old", "new", "scheme", "figure", "expected"),
    [
        ("targeted-ipis", "&walked_mm, cpu)) == mm;", "&walked_mm, cpu)) == mm || mm;", "targeted", "IPIs sent", 28),
        ("targeted-ipis", "walks, tlb_remove", "NULL, tlb_remove", "targeted", "IPIs sent", 28),
        ("rcu-wait", "+\tsynchronize_rcu();", "+\tkick_all_cpus_sync();", "no batch, RCU wait", "IPIs sent", 28),
        (
            "rcu-deferred",
            "+\tcall_rcu(&ptdesc->pt_rcu_head, tlb_remove_table_later);",
            "+\tsynchronize_rcu(); __tlb_remove_table(ptdesc);",
            "RCU-deferred",
            "grace periods waited for",
            4,
        ),
    ],
)  # fmt: skip
def test_a_changed_series_costs_what_it_does(
    series: str,
    old: str,
    new: str,
    scheme: str,
    figure: str,
    expected: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for path in FILE.parent.iterdir():
        shutil.copy(path, tmp_path / path.name)
    mbox = tmp_path / f"{series}.mbox"
    text = mbox.read_text()
    assert old in text
    mbox.write_text(text.replace(old, new))
    assert counted(tmp_path / FILE.name, 8, capsys)[scheme][figure] == expected


def test_a_series_wants_a_tree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "costs.toml"
    file.write_text(f'tree = "{TREE}"\n' + FILE.read_text())
    assert main(["cost", str(file), "--cpus", "2", "--runs", "0"]) == 2
    assert (
        "targeted: not lowered, so not counted: its series wants a tree: --tree DIR"
        in capsys.readouterr().out
    )


SUBJECT = re.compile(
    r"\b(gup_fast|collapse_huge_page|tlb_remove_table_one|tlb_remove_table_sync_one|tlb_wait_for_walkers|walks"
    r"|walk_begins|walk_ends|tlb_remove_table_later|huge_pmd_unshare|__huge_pmd_unshare|ptdesc_pmd_is_shared"
    r"|tlb_unshare_pmd_ptdesc|tlb_flush_unshared_tables)\b"
)


def under_other_names(read: schemes.ReadFile) -> schemes.ReadFile:
    """The same tree, in which every function of the schemes bears another name."""

    def renamed(path: str) -> bytes | None:
        text = read(path)
        return text if text is None else SUBJECT.sub(r"other_\1", text.decode("latin-1")).encode("latin-1")

    return renamed


def test_other_names_for_all_functions_cost_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = counted(FILE, 8, capsys)
    for path in FILE.parent.iterdir():
        shutil.copy(path, tmp_path / path.name)
    file = tmp_path / FILE.name
    file.write_text(SUBJECT.sub(r"other_\1", FILE.read_text()))
    reader, laid = schemes.reader_of, command._laid
    monkeypatch.setattr(schemes, "reader_of", lambda tree: under_other_names(reader(tree)))

    def laid_and_renamed(names: Sequence[str], options: object) -> Callable[[str], bytes | None]:
        return under_other_names(laid(names, options))  # type: ignore[arg-type]

    monkeypatch.setattr(command, "_laid", laid_and_renamed)
    assert counted(file, 8, capsys) == before
    file.write_text(FILE.read_text())
    with pytest.raises(AssertionError):
        counted(file, 8, capsys)
