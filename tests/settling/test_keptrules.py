"""Rules by what is kept of their files: the same as loaded, never of a file that changed, asleep for good reason."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from patchscan.basics.fields import as_dict
from patchscan.basics.problem import Problem
from patchscan.commands.newrule import create
from patchscan.commands.reading import read
from patchscan.context import NO_SETTINGS, Context, contexts
from patchscan.portions import cover_letter
from patchscan.rule import Rule
from patchscan.settling.keptrules import compiled_rules
from patchscan.settling.preexisting import old_context
from patchscan.settling.registry import load_rule, load_rules, names_of_files, path_of
from patchscan.tree import Tree, open_tree
from patchscan.tree.fit import place

ROOT = Path(__file__).parents[2]
SERIES = sorted(ROOT.glob("fixtures/series/*/series.mbox"))
FILES = tuple(rule for rule in load_rules()[0] if rule.name in names_of_files())


@pytest.mark.parametrize("rule", FILES, ids=lambda rule: rule.name)
def test_what_is_kept_is_what_the_file_says(rule: Rule) -> None:
    loaded = load_rule(path_of(rule.name))
    assert isinstance(loaded, Rule)
    assert {**as_dict(loaded), "check": None} == {**as_dict(rule), "check": None}


@pytest.mark.parametrize("name", sorted(names_of_files()))
def test_a_rule_file_says_itself_what_is_kept_of_it(name: str) -> None:
    """A check sum of the file would not tell that an imported value is another one now."""
    tree = ast.parse(Path(path_of(name)).read_text())
    imported = {
        each.asname or each.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for each in node.names
    }
    assigned = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    asked, pending = set[str](), ["RULE"]
    while pending:
        value = assigned.get(pending.pop())
        names = {each.id for each in ast.walk(value) if isinstance(each, ast.Name)} if value else set()
        pending += names - asked
        asked |= names
    assert asked & imported <= {"Rule"}


def loaded_of(directory: Path, paths: list[str]) -> tuple[list[str], list[str]]:
    """(the summaries of the rules, the files that were loaded for them)."""
    loaded: list[str] = []

    def load(path: str) -> Rule | Problem:
        loaded.append(Path(path).name)
        return load_rule(path)

    return [rule.summary for rule in compiled_rules(str(directory), paths, load)], loaded


def test_files_are_loaded_where_one_changed_or_nothing_is_kept(tmp_path: Path) -> None:
    paths = [str(create(name, str(tmp_path))) for name in ("first-rule", "second-rule")]
    both = ["first_rule.py", "second_rule.py"]
    summaries, loaded = loaded_of(tmp_path, paths)
    assert loaded == both
    assert loaded_of(tmp_path, paths) == (summaries, [])
    file = tmp_path / "first_rule.py"
    file.write_text(file.read_text().replace(summaries[0], "Another thing"))
    assert loaded_of(tmp_path, paths) == (["Another thing", summaries[1]], both)
    assert loaded_of(tmp_path, paths[1:]) == (summaries[1:], both[1:])
    file.write_text("RULE = None\n")
    assert loaded_of(tmp_path, paths) == ([], both)


def judged(series: Path, tree: Tree | None) -> Iterator[Context]:
    """The cover letter and the patches of a series, and the old code of each."""
    thread = read([str(series)], None)
    states, fit = place(thread.series[0], tree)
    found = contexts(thread.series[0], states, NO_SETTINGS, fit)
    for context in (*cover_letter(found), *found):
        yield context
        old = old_context(context) if context.patch.index else None
        if old is not None:
            yield old


@pytest.mark.parametrize("tree", [None, open_tree(str(ROOT / "fixtures" / "tree"))], ids=["alone", "tree"])
@pytest.mark.parametrize("series", SERIES, ids=lambda path: path.parent.name)
def test_a_rule_that_sleeps_has_nothing_to_say(series: Path, tree: Tree | None) -> None:
    asleep = 0
    for context in judged(series, tree):
        for rule in FILES:
            told = rule.wakes or rule.in_code
            if told and (tree or not rule.needs_tree) and rule.sleeps_on(context):
                asleep += 1
                context.asking = rule.name
                before = set(context.blind)
                assert (rule.name, [*rule.check(context)]) == (rule.name, [])
                assert context.blind == before
    assert asleep
