"""What all models of a series said: taken again only where the tree says the same to all that was asked of it."""

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import patchscan
import pytest
from patchscan.basics import limits
from patchscan.basics.limits import OutOfTime, meets
from patchscan.basics.record import replace
from patchscan.codebase.traced import Trace, Traced, answers_alike
from patchscan.commands.reading import read
from patchscan.facts.store import store_of
from patchscan.model.scenarios import kept_models, one_case, series_models
from patchscan.model.scenarios.kept_models import KeptModels
from patchscan.model.scenarios.scenario import Atom, Follow, Role, Scenario, Step
from patchscan.model.scenarios.series_models import SeriesModels
from patchscan.model.scenarios.touched import shipped_scenarios
from patchscan.model.verdicts.model_timeline import Interleaving, Moment
from patchscan.model.verdicts.report import verdict_text
from patchscan.model.verdicts.verdict import Mutation, Verdict
from patchscan.results import CaseCost, CostChange
from patchscan.series import FileChange, Hunk, Line, Patch, Series
from patchscan.tree import Directory, GitRevision, Tree
from patchscan.tree.index.build import build_index
from patchscan.tree.overlay import FileState, PatchState, lay

from tests.commands.test_cli import git

FIXTURES = Path(__file__).parents[2] / "fixtures"
WALK = next(each for each in shipped_scenarios() if each.name == "page-table-walk-against-freeing")
SCENARIO = (replace(WALK, columns={"generic": WALK.columns["generic"]}),)
WAITS = "{\n\ttlb_remove_table_sync_one();\n}\n"
COLLAPSE = FIXTURES / "series" / "collapse-without-sync" / "series.mbox"


def series_of(mbox: Path) -> Series:
    return read([str(mbox)], None).series[0]


def models_on(root: Path, series: Series | None = None, tree: Tree | None = None) -> SeriesModels:
    """The models of a series on a tree as another process would begin with them."""
    store_of.cache_clear()
    return SeriesModels(lay(series or series_of(COLLAPSE), tree or Directory(str(root))), SCENARIO)


def said_by(models: SeriesModels) -> list[tuple[Verdict, ...]]:
    found = [models.patch(index) for index in range(len(models.states))]
    tree = models.code_after(0).tree
    assert tree is not None
    store_of(tree).write()
    return found


def told(said: list[tuple[Verdict, ...]]) -> list[str]:
    """What a reader sees of it."""
    return [verdict_text(verdict, "models") for verdicts in said for verdict in verdicts]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the scenarios that were extracted, not taken."""
    names: list[str] = []
    extract = one_case.extract_case

    def counted(*words: object) -> object:
        names.append(words[0].name)  # type: ignore[attr-defined]
        return extract(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(series_models, "extract_case", counted)
    return names


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with an index, and nothing kept of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(FIXTURES / "tree", tmp_path / "tree")
    text = f"#ifdef CONFIG_WAITS\npmd_t mk_huge_pmd(struct page *page)\n{WAITS}#endif\n"
    write(tmp_path / "tree", "mm/waits.c", text)
    build_index(str(tmp_path / "tree"))
    return tmp_path / "tree"


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def without_wait(root: Path) -> None:
    text = (root / "mm/mmu_gather.c").read_text()
    assert "\tsmp_call_function(" in text
    write(root, "mm/mmu_gather.c", text.replace("\tsmp_call_function(", "\tdo_nothing("))


CHANGES: dict[str, Callable[[Path], object]] = {
    "changed": without_wait,
    "removed": lambda root: (root / "mm/mmu_gather.c").unlink(),
    "a header with a macro of that name": lambda root: write(
        root, "include/linux/huge.h", "#define mk_huge_pmd(page) ({ tlb_remove_table_sync_one(); 1; })\n"
    ),
    "a source with a function of that name": lambda root: write(
        root, "mm/huge.c", "pmd_t mk_huge_pmd(struct page *page)\n" + WAITS
    ),
    "a header in front of another": lambda root: write(
        root, "include/internal.h", "static inline void copy_page_into(struct page *page)\n" + WAITS
    ),
    "a header that was missing": lambda root: write(
        root, "include/linux/sched.h", "static inline struct page *pte_page(pte_t pte)\n" + WAITS
    ),
    "a configuration": lambda root: write(root, "arch/x86/configs/x86_64_defconfig", "CONFIG_WAITS=y\n"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_the_tree_gives_the_answer_of_the_new_tree(
    name: str, root: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = said_by(models_on(root))
    CHANGES[name](root)
    asked.clear()
    after = said_by(models_on(root))
    assert asked and after != before
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other cache"))
    assert after == said_by(models_on(root))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["collapse-without-sync", "targeted-ipi", "skip-sync-everywhere", "rmap-order"]
)
def test_any_change_of_the_tree_gives_the_answer_of_the_new_tree(
    name: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines dropped, doubled or exchanged and files taken away, at random."""
    series = series_of(FIXTURES / "series" / name / "series.mbox")
    draw = random.Random(name)
    said_by(models_on(root, series))
    for _ in range(6):
        path = draw.choice(sorted(root.rglob("*.[ch]")))
        old = path.read_text()
        lines = old.split("\n")
        one, other = (draw.randrange(len(lines)) for _ in range(2))
        lines[one], lines[other] = draw.choice(
            [("", lines[other]), (lines[other],) * 2, (lines[other], lines[one])]
        )
        path.write_text("\n".join(lines))
        if draw.randrange(4) == 0:
            path.unlink()
        found = said_by(models_on(root, series))
        with monkeypatch.context() as patched:
            patched.setattr(KeptModels, "recall", lambda *_: None)
            assert found == said_by(models_on(root, series)), (path, one, other)
        path.write_text(old)


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_another_commit_gives_its_own_answer(root: Path, asked: list[str]) -> None:
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "one")
    one = GitRevision(str(root), "HEAD")
    build_index(str(root), "HEAD")
    before = said_by(models_on(root, tree=one))
    without_wait(root)
    # Nobody looks at the work tree, and a commit that changes nothing that was asked for changes nothing.
    git(root, "commit", "-q", "--allow-empty", "-m", "two")
    asked.clear()
    assert said_by(models_on(root, tree=GitRevision(str(root), "HEAD"))) == before and not asked
    git(root, "commit", "-q", "-a", "-m", "three")
    after = said_by(models_on(root, tree=GitRevision(str(root), "HEAD")))
    assert asked and after != before
    asked.clear()
    assert said_by(models_on(root, tree=GitRevision(str(root), "HEAD"))) == after and not asked
    assert said_by(models_on(root, tree=GitRevision(str(root), "HEAD~2"))) == before and asked


@pytest.mark.parametrize("touched", ["Documentation/mm/new.rst", "drivers/misc/new.c", "mm/gup.c"])
def test_what_nobody_asked_for_or_stayed_as_it_was_changes_nothing(
    touched: str, root: Path, asked: list[str]
) -> None:
    before = said_by(models_on(root))
    assert asked and before[0][0].verdict == "unsafe"
    asked.clear()
    path = root / touched
    path.write_text(path.read_text() if path.exists() else "int mk_huge_pmd;\n")
    models = models_on(root)
    again = said_by(models)
    assert again == before and told(again) == told(before) and not asked
    assert models.rule(again[0][0]) == "table-free-without-sync" and models.concerns(0)


def trace_of(models: SeriesModels) -> Trace:
    """What the models asked of their tree."""
    tree = models.states[0].view.tree
    assert isinstance(tree, Traced)
    return tree.trace()


def test_each_answer_of_the_tree_counts(root: Path) -> None:
    """Whatever was asked, the trace is of no use once the tree has another answer to it."""
    models = models_on(root)
    said_by(models)
    trace = trace_of(models)
    assert answers_alike(Directory(str(root)), trace)
    kinds = {str(each[0]) for each in trace}
    assert kinds == {"read", "defining"}
    for kind, *words, _ in trace:
        name = str(words[-1])
        path = root / (name if kind == "read" else f"{words[0]}/another.h")
        old = path.read_bytes() if path.exists() else None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"void %s(void);\n" % name.encode() if old is None else old + b"\n")
        assert not answers_alike(Directory(str(root)), trace), (kind, words)
        if old is None:
            path.unlink()
        else:
            path.write_bytes(old)
    assert answers_alike(Directory(str(root)), trace)


def test_what_an_earlier_model_made_known_stands_in_the_trace_of_the_next_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KeptModels, "recall", lambda *_: None)
    tree = Directory(str(root))
    found = [SeriesModels(lay(series_of(COLLAPSE), tree), SCENARIO) for _ in range(2)]
    first, second = ((models.patch(0), sorted(map(str, trace_of(models)))) for models in found)
    assert first == second and first[1]


class Watched(Directory):
    """A tree that is read only while it is asked through the one edge where questions are noted."""

    noting = True

    def read(self, path: str) -> bytes | None:
        assert self.noting, path
        return super().read(path)

    def exists(self, path: str) -> bool:
        assert self.noting, path
        return super().exists(path)

    def files(self, under: str = "", deep: bool = True) -> Iterator[str]:
        assert self.noting, under
        return super().files(under, deep)


def noting(asked: Callable[..., object]) -> Callable[..., object]:
    """A method of the edge that lets the tree be read as long as it runs."""

    def noted(*words: object, **named: object) -> object:
        Watched.noting = True
        try:
            return asked(*words, **named)
        finally:
            Watched.noting = False

    return noted


@pytest.mark.parametrize("name", ["collapse-without-sync", "targeted-ipi", "skip-redundant-sync"])
def test_models_read_no_tree_past_their_trace(name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Watched(str(root))
    mbox = FIXTURES / "series" / name / "series.mbox"
    models = SeriesModels(lay(series_of(mbox), tree))
    monkeypatch.setattr(Watched, "noting", False)
    for kind in ("read", "exists", "defining", "declaring", "naming", "files"):
        monkeypatch.setattr(Traced, kind, noting(getattr(Traced, kind)))
    found = [models.patch(index) for index in range(len(models.states))]
    assert any(verdict.verdict != "unknown" for verdicts in found for verdict in verdicts)


def test_every_kind_of_question_is_noted(root: Path) -> None:
    write(root, "include/linux/thing.h", "struct thing {\n\tint member;\n};\n")
    traced = Traced(Directory(str(root)))
    questions: dict[tuple[str, ...], Callable[[], object]] = {
        ("exists", "mm/thing.c"): lambda: traced.exists("mm/thing.c"),
        ("files", "include/linux"): lambda: list(traced.files("include/linux", deep=False)),
        ("declaring", "thing"): lambda: traced.declaring("thing", "mm/thing.c"),
        ("naming", "thing"): lambda: traced.naming("thing"),
        ("name",): lambda: traced.name,
        ("commit",): lambda: traced.commit,
        ("subject",): lambda: traced.subject("0123456789ab"),
    }
    for ask in questions.values():
        ask()
    trace = traced.trace()
    assert [each[0] for each in trace] == [words[0] for words in questions]
    assert answers_alike(Directory(str(root)), trace)
    (root / "include/linux/thing.h").unlink()
    write(root, "mm/thing.c", "struct thing {\n\tint member;\n};\n")
    changed = [each[0] for each in trace if not answers_alike(Directory(str(root)), [each])]
    assert changed == ["exists", "files", "declaring", "naming"]


def kept_rows(root: Path) -> list[bytes]:
    """The rows of the store that hold what models said."""
    with sqlite3.connect(store_of(Directory(str(root))).path) as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        rows = database.execute("SELECT rows FROM facts_models") if "facts_models" in names else ()
        return [row for (row,) in rows]


@pytest.mark.parametrize(
    "harm", [lambda rows: rows[:-3], lambda rows: rows[:20] + b"\0" + rows[21:], lambda _: b""]
)
def test_a_damaged_answer_is_found_again(
    harm: Callable[[bytes], bytes], root: Path, asked: list[str]
) -> None:
    before = said_by(models_on(root))
    (row,) = kept_rows(root)
    with sqlite3.connect(store_of(Directory(str(root))).path) as database:
        database.execute("UPDATE facts_models SET rows = ?", (harm(row),))
    asked.clear()
    assert said_by(models_on(root)) == before and asked
    asked.clear()
    assert said_by(models_on(root)) == before and not asked


@pytest.mark.parametrize(
    "rows",
    [[], [[["read"]], []], [[["tree", "x"]], []], [[], ["Verdict", 1]], [[], ["()"]], [5, 5], [[[]], 1]],
)
def test_what_is_no_answer_is_none(rows: list[object], root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = models_on(root)
    monkeypatch.setattr("patchscan.facts.store.Store.recall", lambda *_: rows)
    assert models.patch(0)[0].verdict == "unsafe"


def test_another_series_or_program_finds_nothing(
    root: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said_by(models_on(root))
    one = series_of(COLLAPSE).patches[0]
    worded = Series("t", 1, "m", None, (replace(one, subject="another subject", changelog=("more",)),))
    asked.clear()
    said_by(models_on(root, worded))
    assert not asked
    (file,) = one.files
    first, *others = file.hunks
    lines = tuple(
        replace(each, text=each.text.replace("Take", "Took")) if each.kind == "+" else each
        for each in first.lines
    )
    changed = replace(one, files=(replace(file, hunks=(replace(first, lines=lines), *others)),))
    said_by(models_on(root, Series("t", 1, "m", None, (changed,))))
    assert asked
    monkeypatch.setattr(kept_models, "_version", lambda: "another")
    for _ in range(2):
        asked.clear()
        said_by(models_on(root))
        # Nor does it keep anything under the name of the one that is there by now.
        assert asked


def test_what_a_limit_ended_is_not_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MET", set())
    meets("clock")
    said_by(models_on(root))
    assert not kept_rows(root)


def test_what_code_said_that_may_be_gone_is_not_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patchscan, "BEGAN", 0)
    said_by(models_on(root))
    assert not kept_rows(root)


def test_what_was_interrupted_is_not_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = models_on(root)
    with monkeypatch.context() as patched:

        def late(*_: object) -> None:
            raise OutOfTime

        patched.setattr(series_models, "judge_case", late)
        with pytest.raises(OutOfTime):
            models.patch(0)
    said_by(models)
    assert not kept_rows(root)


def test_a_tree_that_changed_meanwhile_keeps_nothing(root: Path) -> None:
    traced = Traced(Directory(str(root)))
    assert traced.naming("thing") == []
    assert traced.steady
    assert not traced.exists("mm/thing.c")
    write(root, "mm/thing.c", "int thing;\n")
    assert traced.exists("mm/thing.c") and not traced.steady


def test_nothing_is_kept_beside_what_a_user_may_change(root: Path, tmp_path: Path) -> None:
    states = lay(series_of(COLLAPSE), Directory(str(root)))
    assert KeptModels(states, SCENARIO, ()).states != states
    assert KeptModels(states, SCENARIO, (tmp_path,)).states is states
    write(tmp_path, "resources.toml", "")
    shutil.rmtree(tmp_path / "cache")
    assert KeptModels(states, SCENARIO, ()).states is states


def test_what_is_written_down_is_all_there_is() -> None:
    """A field that equality leaves out would be missing from a key, or from what comes back."""
    seen = (PatchState, Patch, FileState, FileChange, Hunk, Line, Scenario, Role, Step, Atom, Follow)
    said = (Verdict, Mutation, Interleaving, Moment, CostChange, CaseCost)
    left_out = {
        f"{kind.__name__}.{name}"
        for kind in (*seen, *said)
        for name, field in vars(kind)["__fields__"].items()
        if not field.compare
    }
    # Made again by who takes it.
    assert left_out == {"CaseCost.made"}
