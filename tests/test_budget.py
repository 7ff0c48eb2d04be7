"""Each bound of a scan: when it is met the report says so, and "safe" or a clean file is not said of what was left."""

import gzip
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from patchscan.basics.budget import BUDGET, Budget, bounds
from patchscan.basics.record import replace
from patchscan.cli import main
from patchscan.commands.workers import side_by_side
from patchscan.flow.callees import Callees
from patchscan.flow.sleeping import sleeps
from patchscan.lkmm import LitmusError, run
from patchscan.mail import read_input
from patchscan.mail.thread import read_thread
from patchscan.model.verdicts.gate import _KNOWN
from patchscan.rule import Context, Finding
from patchscan.scan import scan
from patchscan.settling.registry import load_rules
from patchscan.tree import open_tree

from tests.flow.test_callees import SLEEPER, asking, view
from tests.growth import LETTER, nested
from tests.mails import DIFF, mail, mbox, thread
from tests.test_bounds import function, new_file, rule

ROOT = Path(__file__).parent.parent
RULES = load_rules()[0]
MAIL = mail("[PATCH] mm: count", LETTER + DIFF, headers="To: l@example.org\n")
MAKES = ["void *p = kmalloc(a, GFP_KERNEL);", *(f"if (a == {n}) g(p);" for n in range(9)), "kfree(p);"]


def forget_answers() -> None:
    """What is remembered of models, here and in other tests, is not to mix with what a lower bound leaves of them."""
    _KNOWN.clear()
    for name, module in list(sys.modules.items()):
        if name.startswith(("patchscan.model", "patchscan.lkmm", "patchscan.codebase", "patchscan.facts")):
            for each in vars(module).values():
                if hasattr(each, "cache_clear"):
                    each.cache_clear()


class Scanning:
    """What a test lowers and runs; told: all that was said."""

    def __init__(self, place: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self.place, self.patch, self.capture = place, patch, capture
        # Verdicts under a lower bound are not to be kept.
        patch.setenv("XDG_CACHE_HOME", str(place / "cache"))

    def lower(self, *places: str, most: float) -> None:
        for place in places:
            self.patch.setattr(f"patchscan.{place}", most)

    def of_input(self, data: bytes | str, *words: str, name: str = "x.mbox", status: int = 3) -> str:
        """What the command says of an input."""
        path = self.place / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        assert main([str(path), "--no-tree", *words]) == status
        told = self.capture.readouterr()
        return " ".join((told.out + told.err).split())

    def of_model(self) -> str:
        """Why the model of a series that is safe has no verdict."""
        series = ROOT / "fixtures/series/sync-under-lock/series.mbox"
        found = read_thread(*read_input([str(series)]))
        forget_answers()
        try:
            report = scan(found, open_tree(str(ROOT / "fixtures/tree")), RULES)
        finally:
            forget_answers()
        assert {each.verdict for each in report.models} <= {"unknown"}
        return " ".join(reason for each in report.models for reason in each.reasons)

    def engine(self, **most: int) -> str:
        lowered = {name: replace(getattr(BUDGET, name), most=number) for name, number in most.items()}
        self.patch.setattr("patchscan.model.verdicts.gate.BUDGET", replace(BUDGET, **lowered))
        return self.of_model()


def input_bytes(at: Scanning) -> str:
    at.lower("mail.MOST_OF_INPUT", "mail.archive.MOST_OF_INPUT", most=100)
    return at.of_input(MAIL, status=2)


def archive_bytes(at: Scanning) -> str:
    at.lower("mail.archive.LARGE", "mail.archive.MOST_OF_ARCHIVE", most=100)
    at.lower("mail.MOST_OF_INPUT", "mail.archive.MOST_OF_INPUT", most=100)
    return at.of_input(mbox(MAIL, MAIL), status=2)


def unpacked_bytes(at: Scanning) -> str:
    at.lower("mail.unpack._MOST_UNPACKED", most=100)
    return at.of_input(gzip.compress(mbox(MAIL)), name="x.mbox.gz", status=2)


def mail_bytes(at: Scanning) -> str:
    at.lower("mail.MOST_OF_MAIL", most=5000)
    return at.of_input(mbox(MAIL, mail("[PATCH] y", "x\n" * 5000)))


def line_bytes(at: Scanning) -> str:
    at.lower("mail._LONGEST_LINE", most=5000)
    return at.of_input(mbox(MAIL, mail("[PATCH] y", "x" * 6000)))


def parts(at: Scanning) -> str:
    return at.of_input(mbox(MAIL, nested(500)))


def group_mails(at: Scanning) -> str:
    at.lower("mail.archive._MOST_OF_GROUP", most=2)
    at.lower("mail.archive.LARGE", "mail.archive._SMALL_GROUP", most=100)
    mails = (mail(f"[PATCH {n}/3] mm: {n}", LETTER + DIFF, f"{n}@x", ["1@x"] * (n > 1)) for n in (1, 2, 3))
    return at.of_input(mbox(*mails))


def tree_file_bytes(at: Scanning) -> str:
    tree = at.place / "tree"
    (tree / "mm").mkdir(parents=True)
    (tree / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\n")
    (tree / "Kconfig").write_text("\n")
    (tree / "mm/widget.c").write_text("int a;\n" * 100)
    at.lower("tree.MOST_OF_TREE", most=200)
    (at.place / "x.mbox").write_text(MAIL)
    main([str(at.place / "x.mbox"), "--tree", str(tree), "--exit-zero"])
    return " ".join(at.capture.readouterr().out.split())


def settings_bytes(at: Scanning) -> str:
    at.lower("basics.files.MOST_OF_SETTINGS", most=10)
    (at.place / "c.toml").write_text("ignore = ['kernel-doc']\n")
    return at.of_input(MAIL, "--config", str(at.place / "c.toml"), status=2)


def seconds(at: Scanning) -> str:
    at.patch.setattr("time.process_time", iter(range(10**9)).__next__)
    return at.of_input(MAIL, "--time-limit", "3")


def worker_limits(at: Scanning) -> str:
    at.lower("commands.workers.MOST_LIMITS", most=2)
    return next(side_by_side(time.sleep, [60], 1, 0.1))[1]


def calls(at: Scanning) -> str:
    def check(context: Context) -> Iterator[Finding]:
        yield from check(context)

    report = scan(thread(MAIL), None, [rule("deep", check)])
    return " ".join(each.message for each in report.judged.lost)


def depth(at: Scanning) -> str:
    return at.of_input(new_file(function(*["{"] * 200, *MAKES, *["}"] * 200)), "--exit-zero", status=0)


def points(at: Scanning) -> str:
    at.lower("flow.deciding.MAX_POINTS", most=10)
    return at.of_input(new_file(function(*MAKES)), "--exit-zero", status=0)


def steps(at: Scanning) -> str:
    at.lower("flow.ways.MAX_STEPS", most=5)
    return at.of_input(new_file(function(*MAKES)), "--exit-zero", status=0)


def look_ups(at: Scanning) -> str:
    at.lower("flow.callees.MOST_LOOK_UPS", most=0)
    return str(Callees(view({"mm/pool.c": SLEEPER})).certain_call("settle", ("p",), asking(), sleeps))


def statements(at: Scanning) -> str:
    told = []
    # The last is left before what the patch changes: nothing of that is in the model, neither before nor after.
    for most in (30, 10, 1):
        at.lower("model.extraction.extract._STATEMENTS", most=most)
        told.append(at.of_model())
    assert all(told)
    return told[-1]


def choices(at: Scanning) -> str:
    at.lower("model.extraction.slice._STEPS", most=0)
    return at.of_model()


def variants(at: Scanning) -> str:
    at.lower("model.extraction.slice._CAP", most=-1)
    return at.of_model()


def models(at: Scanning) -> str:
    at.lower("model.extraction.variants._CAP", most=0)
    return at.of_model()


def values(at: Scanning) -> str:
    at.lower("lkmm.solving.values.LARGEST", most=1)
    return at.of_model()


def operators(at: Scanning) -> str:
    at.lower("lkmm.memory.events.MOST_OPERATORS", most=1)
    text = "C a\n\n{}\n\nP0(int *x)\n{\n\tint r0 = READ_ONCE(*x);\n\tWRITE_ONCE(*x, r0 + r0 + r0);\n}\n\nexists (x=1)\n"
    result = run(text)
    assert result.outcome == "Unknown"
    return " ".join(result.notes)


def rounds(at: Scanning) -> str:
    with pytest.raises(LitmusError) as raised:
        run("C a\n\n{}\n\nP0(int *x)\n{\n\twhile (1) {\n\t\tWRITE_ONCE(*x, 1);\n\t}\n}\n\nexists (x=1)\n")
    return raised.value.message


def of_schema(at: Scanning, *lines: str) -> str:
    patch = new_file([*lines]).replace("mm/new.c", "Documentation/devicetree/bindings/a.yaml")
    return at.of_input(patch, "--select", "devicetree-unreadable", status=0)


def schema_bytes(at: Scanning) -> str:
    return of_schema(at, *["a: b"] * (BUDGET.schema_bytes.most // 4))


def schema_depth(at: Scanning) -> str:
    return of_schema(at, "a: " + "[" * 100 + "]" * 100)


def schema_values(at: Scanning) -> str:
    return of_schema(at, *["- a"] * (BUDGET.schema_values.most + 1))


MET: dict[str, Callable[[Scanning], str]] = {
    **{
        each.__name__: each
        for each in (
            *(input_bytes, archive_bytes, unpacked_bytes, mail_bytes, line_bytes, parts, group_mails),
            *(tree_file_bytes, settings_bytes, seconds, worker_limits, calls, depth, points, steps, look_ups),
            *(statements, choices, variants, models, values, operators, rounds),
            *(schema_bytes, schema_depth, schema_values),
        )
    },
    "events": lambda at: at.engine(events=1),
    "variables": lambda at: at.engine(variables=2),
    "effort": lambda at: at.engine(effort=0),
    "engine_seconds": lambda at: at.engine(engine_seconds=0),
}
# Beyond them a claim is not made, which needs no telling: nothing says that such a thing is well.
SILENT = {"states", "facts", "configurations", "expansion"}


@pytest.mark.parametrize("name", MET)
def test_a_bound_that_is_met_is_told(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = MET[name](Scanning(tmp_path, monkeypatch, capsys))
    assert getattr(BUDGET, name).said in told


def test_every_bound_is_met_by_a_test() -> None:
    assert {*MET, *SILENT} == {*Budget.__match_args__}


def test_the_manual_lists_every_bound() -> None:
    page = (ROOT / "docs/limits.rst").read_text(encoding="utf-8")
    rows = re.findall(r"   \* - (.+)\n     - (.+)\n     - (.+)\n     - (.+)\n", page)
    assert rows[1:] == [(f"{each.most:,}", each.unit, each.why, each.said) for _, each in bounds()]
