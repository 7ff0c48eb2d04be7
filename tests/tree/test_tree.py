"""Trees: what is read, and that nothing outside a tree is read and nothing inside it is run."""

import os
import subprocess
from pathlib import Path

import pytest
from patchscan.tree import (
    Directory,
    GitRevision,
    Tree,
    TreeError,
    find_tree,
    kernel_version,
    open_tree,
    safe_path,
)

MAKEFILE = "# top\nVERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\nEXTRAVERSION = -rc3\nNAME = x\n"


def git(directory: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    return subprocess.run(
        ["git", "-C", str(directory), *identity, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """A small tree in git, with files, links that stay inside and links that leave."""
    top = tmp_path / "linux"
    (top / "mm").mkdir(parents=True)
    (top / "mm" / "gup.c").write_text("int gup;\n")
    (top / "mm.h").write_text("int mm;\n")
    (top / "Makefile").write_text(MAKEFILE)
    (top / "Kconfig").write_text("mainmenu\n")
    (tmp_path / "secret").write_text("secret\n")
    (top / "inside").symlink_to("mm/gup.c")
    (top / "outside").symlink_to("../secret")
    (top / "upwards").symlink_to("..")
    git(top, "init", "-q")
    git(top, "add", ".")
    git(top, "commit", "-q", "-m", "first")
    return top


@pytest.fixture(params=["directory", "revision", "bare", "worktree", "shallow"])
def tree(request: pytest.FixtureRequest, kernel: Path, tmp_path: Path) -> Tree:
    copy = tmp_path / "copy"
    if request.param == "bare":
        git(tmp_path, "clone", "-q", "--bare", str(kernel), str(copy))
    elif request.param == "worktree":
        git(kernel, "worktree", "add", "-q", str(copy))
    elif request.param == "shallow":
        git(tmp_path, "clone", "-q", "--depth=1", "file://" + str(kernel), str(copy))
    else:
        copy = kernel
    return open_tree(str(copy), "HEAD" if request.param in ("revision", "shallow") else None)


def test_every_kind_of_tree_reads_the_same(tree: Tree, kernel: Path) -> None:
    assert tree.read("mm/gup.c") == b"int gup;\n"
    assert tree.read("./mm//gup.c") == b"int gup;\n"
    assert tree.read("inside") == b"int gup;\n"
    assert tree.read("mm") is None
    assert tree.read("mm/none.c") is None
    assert tree.exists("mm/gup.c") and not tree.exists("mm/none.c") and not tree.exists("mm")
    assert list(tree.files()) == ["Kconfig", "Makefile", "mm.h", "mm/gup.c"]
    assert list(tree.files("mm")) == ["mm/gup.c"]
    assert list(tree.files("none")) == []
    assert list(tree.files(deep=False)) == ["Kconfig", "Makefile", "mm.h"]
    assert list(tree.files("mm", deep=False)) == ["mm/gup.c"]
    assert tree.commit == git(kernel, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "/etc/passwd",
        "mm/../../secret",
        "outside",
        "upwards/secret",
        ".git/HEAD",
        "",
        "a\0b",
        "a\nb",
    ],
)
def test_nothing_outside_the_tree_is_read(tree: Tree, path: str) -> None:
    assert tree.read(path) is None
    assert not tree.exists(path)


def test_files_does_not_list_what_lies_outside(tree: Tree) -> None:
    assert list(tree.files("upwards")) == []
    assert list(tree.files("..")) == []


def test_a_named_pipe_does_not_hold_us(kernel: Path) -> None:
    os.mkfifo(kernel / "pipe")
    tree = Directory(str(kernel))
    assert tree.read("pipe") is None
    assert "pipe" not in list(tree.files())


def test_a_revision_is_not_the_work_tree(kernel: Path) -> None:
    (kernel / "mm.h").write_text("int changed;\n")
    (kernel / "new.h").write_text("\n")
    tree = open_tree(str(kernel), "HEAD")
    assert tree.read("mm.h") == b"int mm;\n"
    assert not tree.exists("new.h")


def test_an_ignored_file_is_still_seen(kernel: Path) -> None:
    (kernel / ".gitignore").write_text("/*\n")
    (kernel / "ignored.c").write_text("int x;\n")
    assert "ignored.c" in list(Directory(str(kernel)).files())


@pytest.mark.parametrize("revision", ["--output=x", "-h", "", "none", "HEAD:mm.h", "HEAD\0"])
def test_a_bad_revision_is_one_line(kernel: Path, revision: str) -> None:
    with pytest.raises(TreeError) as caught:
        open_tree(str(kernel), revision)
    assert str(kernel) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (kernel / "x").exists()


def test_no_directory_and_no_repository(tmp_path: Path) -> None:
    with pytest.raises(TreeError, match="no such directory"):
        open_tree(str(tmp_path / "none"))
    with pytest.raises(TreeError, match="not a git repository"):
        open_tree(str(tmp_path), "HEAD")
    assert Directory(str(tmp_path)).commit is None


def test_no_program_of_the_repository_is_run(kernel: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    for setting in (
        "core.fsmonitor",
        "core.pager",
        "core.alternateRefsCommand",
        "filter.f.smudge",
        "gpg.program",
    ):
        git(kernel, "config", setting, str(trap))
    hooks = kernel / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-checkout", "post-index-change", "reference-transaction", "query-watchman"):
        (hooks / hook).symlink_to(trap)
    (kernel / ".git" / "info").mkdir(exist_ok=True)
    (kernel / ".git" / "info" / "attributes").write_text("* filter=f\n")
    for tree in (open_tree(str(kernel)), open_tree(str(kernel), "HEAD")):
        assert tree.read("mm.h") == b"int mm;\n"
        assert tree.commit
        assert list(tree.files())
    assert not (tmp_path / "sprung").exists()


def test_paths_that_are_not_utf8(kernel: Path) -> None:
    name = os.fsdecode(b"caf\xe9.c")
    (kernel / name).write_text("int e;\n")
    git(kernel, "add", ".")
    git(kernel, "commit", "-q", "-m", "second")
    for tree in (open_tree(str(kernel)), open_tree(str(kernel), "HEAD")):
        assert name in list(tree.files())
        assert tree.read(name) == b"int e;\n"


def test_a_forked_worker_reads_through_its_own_pipe(kernel: Path) -> None:
    tree = open_tree(str(kernel), "HEAD")
    assert isinstance(tree, GitRevision)
    tree.read("mm.h")
    child = os.fork()
    if child == 0:
        os._exit(0 if tree.read("mm/gup.c") == b"int gup;\n" else 1)
    assert tree.read("mm/gup.c") == b"int gup;\n"
    assert os.waitpid(child, 0)[1] == 0
    assert tree.read("mm.h") == b"int mm;\n"


def test_find_tree(kernel: Path, tmp_path: Path) -> None:
    assert find_tree(str(kernel / "mm")) == str(kernel)
    assert find_tree(str(kernel)) == str(kernel)
    assert find_tree(str(tmp_path)) is None


def test_kernel_version(kernel: Path) -> None:
    assert kernel_version(Directory(str(kernel))) == "6.12.0-rc3"
    assert kernel_version(Directory(str(kernel / "mm"))) is None


@pytest.mark.parametrize(
    ("path", "plain"),
    [("a/b.c", "a/b.c"), ("./a//b.c", "a/b.c"), ("a..b/c", "a..b/c"), ("a/.GIT/x", None), (".", None)],
)
def test_safe_path(path: str, plain: str | None) -> None:
    assert safe_path(path) == plain
