"""The language server, spoken to as an editor does: messages over pipes to a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_cli import git

pytest.importorskip("pygls", reason="needs patchscan[serve]")

ROOT = Path(__file__).parents[2]
SOUND = "int f(int a)\n{\n\treturn a;\n}\n"
BARRIER = "int f(int a)\n{\n\tsmp_mb();\n\tif (a) {\n\t\ta++;\n\t\ta += g();\n\t} \n\treturn a;\n}\n"


class Editor:
    """A client: sends messages, and keeps those that came."""

    def __init__(self, top: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "patchscan", "serve", "--lsp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=top,
        )
        self.number = 0
        self.top = top
        folders = [{"uri": top.as_uri(), "name": "linux"}]
        parameters = {"processId": os.getpid(), "rootUri": top.as_uri(), "capabilities": {}}
        self.abilities = self.ask("initialize", {**parameters, "workspaceFolders": folders})["capabilities"]
        self.tell("initialized", {})

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self.process.stdin.flush()

    def tell(self, method: str, parameters: dict[str, Any]) -> None:
        self.send({"method": method, "params": parameters})

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout
        length = 0
        while line := self.process.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return message

    def ask(self, method: str, parameters: dict[str, Any]) -> Any:
        """The result of a request; what is told meanwhile is passed over."""
        self.number += 1
        self.send({"id": self.number, "method": method, "params": parameters})
        while (message := self.receive()).get("id") != self.number:
            pass
        assert "error" not in message, message
        return message["result"]

    def diagnostics(self, path: str) -> list[dict[str, Any]]:
        """What is published of a file next."""
        while True:
            message = self.receive()
            told = message.get("method") == "textDocument/publishDiagnostics"
            if told and message["params"]["uri"] == self.uri(path):
                found: list[dict[str, Any]] = message["params"]["diagnostics"]
                return found

    def uri(self, path: str) -> str:
        return (self.top / path).as_uri()

    def open(self, path: str) -> None:
        text = (self.top / path).read_text()
        item = {"uri": self.uri(path), "languageId": "c", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": item})

    def type(self, path: str, text: str, version: int = 2) -> None:
        document = {"uri": self.uri(path), "version": version}
        self.tell("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]})

    def ask_at(self, method: str, path: str, line: int, **more: Any) -> Any:
        place = {"line": line - 1, "character": 0}
        return self.ask(
            method,
            {
                "textDocument": {"uri": self.uri(path)},
                "position": place,
                "range": {"start": place, "end": place},
                **more,
            },
        )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A work tree whose branch has one commit more than its upstream."""
    top = tmp_path / "linux"
    (top / "mm").mkdir(parents=True)
    (top / "mm/a.c").write_text(SOUND)
    (top / "mm/b.c").write_text(SOUND)
    git(top, "init", "-q", "-b", "master")
    git(top, "add", ".")
    git(top, "commit", "-q", "-m", "start")
    git(top, "checkout", "-q", "-b", "work", "--track", "master")
    (top / "mm/b.c").write_text(BARRIER)
    git(top, "commit", "-q", "-a", "-m", "mm: count\n\nIt counts.")
    return top


@pytest.fixture
def editor(tree: Path, tmp_path: Path) -> Iterator[Editor]:
    path = f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": path}
    environment["XDG_RUNTIME_DIR"] = str(tmp_path)
    made = Editor(tree, environment)
    yield made
    made.ask("shutdown", {})
    made.tell("exit", {})
    assert made.process.wait(20) == 0
    for stream in (made.process.stdin, made.process.stdout):
        assert stream
        stream.close()


def rules_at(found: list[dict[str, Any]], line: int) -> set[str]:
    return {each["code"] for each in found if each["range"]["start"]["line"] == line - 1}


def test_a_session(editor: Editor, tree: Path) -> None:
    # What the upstream lacks is told of without that anything is opened.
    committed = editor.diagnostics("mm/b.c")
    assert "barrier-comment" in rules_at(committed, 3)
    assert any("[mm: count]" in each["message"] for each in committed)
    assert any(each["message"].startswith("changelog of 'mm: count'") for each in committed)

    # What is typed is judged before it is saved.
    editor.open("mm/a.c")
    editor.type("mm/a.c", BARRIER)
    typed = editor.diagnostics("mm/a.c")
    assert {"barrier-comment"} <= rules_at(typed, 3)
    assert (tree / "mm/a.c").read_text() == SOUND
    (barrier,) = (each for each in typed if each["code"] == "barrier-comment")
    assert (barrier["source"], barrier["severity"]) == ("patchscan", 2)
    assert barrier["range"] == {"start": {"line": 2, "character": 1}, "end": {"line": 2, "character": 10}}

    hover = editor.ask_at("textDocument/hover", "mm/a.c", 3)
    assert "barrier-comment (" in hover["contents"]["value"]
    assert "Why:" in hover["contents"]["value"]
    assert editor.ask_at("textDocument/hover", "mm/a.c", 1) is None

    # A fix is an edit of the text as it is typed.
    (action,) = editor.ask_at("textDocument/codeAction", "mm/a.c", 7, context={"diagnostics": []})
    ((uri, (edit,)),) = action["edit"]["changes"].items()
    assert uri == editor.uri("mm/a.c")
    assert edit["newText"] == "\t}\n"
    assert edit["range"] == {"start": {"line": 6, "character": 0}, "end": {"line": 7, "character": 0}}
    assert action["title"].startswith("patchscan: fix ")

    # What is mended is told of as mended.
    editor.type("mm/a.c", SOUND, 3)
    assert editor.diagnostics("mm/a.c") == []


def test_a_commits_lines_move_with_what_is_typed_above_them(editor: Editor) -> None:
    editor.diagnostics("mm/b.c")
    editor.open("mm/b.c")
    editor.type("mm/b.c", "int g;\nint h;\n" + BARRIER)
    while "barrier-comment" not in rules_at(found := editor.diagnostics("mm/b.c"), 5):
        pass
    assert "barrier-comment" not in rules_at(found, 3)
    # A line of the commit that was edited away has nothing to be told of any more.
    editor.type("mm/b.c", SOUND, 3)
    while rules_at(found := editor.diagnostics("mm/b.c"), 3):
        pass
    assert not any(each["code"] == "barrier-comment" for each in found)


def test_what_is_outside_and_what_is_no_text_is_no_matter(editor: Editor, tmp_path: Path) -> None:
    editor.diagnostics("mm/b.c")
    outside = tmp_path / "secret.c"
    outside.write_text(BARRIER)
    item = {"uri": outside.as_uri(), "languageId": "c", "version": 1, "text": BARRIER}
    editor.tell("textDocument/didOpen", {"textDocument": item})
    assert {each["code"] for each in editor.diagnostics("mm/b.c")}
    assert (
        editor.ask("textDocument/hover", {"textDocument": item, "position": {"line": 2, "character": 0}})
        is None
    )
