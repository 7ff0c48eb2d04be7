"""The language server protocol by pygls: diagnostics while editing, an explanation where one points, fixes as actions.

Judging is done in the main thread, where the time limit of a patch can end it; an editor waits that long for the rest.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

from lsprotocol import types
from pygls import uris
from pygls.lsp.server import LanguageServer

from patchscan import __version__
from patchscan.basics.foreign import in_words
from patchscan.basics.printable import printable
from patchscan.rule import Rule
from patchscan.serve.resident import Resident
from patchscan.serve.told import Desk, Judge, Told
from patchscan.serve.worktree import top_of

# How long nobody types before the text is judged, in seconds.
PAUSE = 0.4
_SEVERITIES = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "info": types.DiagnosticSeverity.Information,
}


class Session:
    """What one editor has open, and what it was told last."""

    def __init__(
        self,
        server: Any,
        tools_of: Callable[[str], Judge],
        explain: Callable[[Rule], str],
    ) -> None:
        self.server = server
        self.tools_of = tools_of
        self.explain = explain
        self.desk: Desk | None = None
        self.told: list[Told] = []
        self.shown: set[str] = set()
        self.waiting: asyncio.Task[None] | None = None

    def begin(self, parameters: Any) -> None:
        """Take the work tree that the editor has opened."""
        folders = parameters.workspace_folders or []
        uri = folders[0].uri if folders else parameters.root_uri
        top = top_of(uris.to_fs_path(uri) or os.getcwd()) if uri else top_of(os.getcwd())
        self.desk = Desk(top, self.tools_of(top)) if top else None

    def changed(self, _parameters: Any) -> None:
        """The text has changed: judge it once nobody types any more."""
        self.soon(PAUSE)

    def settled(self, _parameters: Any) -> None:
        """A text was opened, saved or closed: judge now."""
        self.soon(0)

    def soon(self, pause: float) -> None:
        """Judge after a pause, in place of what waits already."""
        if self.waiting is not None:
            self.waiting.cancel()
        self.waiting = asyncio.get_running_loop().create_task(self.judge(pause))

    async def judge(self, pause: float) -> None:
        """Judge the change at hand and publish what there is to tell."""
        await asyncio.sleep(pause)
        if self.desk is None:
            return
        try:
            self.told = self.desk.told(self.buffers())
        except Exception as error:
            told = types.LogMessageParams(
                type=types.MessageType.Error, message=f"patchscan: {printable(in_words(error))}"
            )
            self.server.window_log_message(told)
            return
        self.publish()

    def buffers(self) -> Mapping[str, bytes]:
        """The texts that are open, by their path below the top of the work tree."""
        found = {}
        for uri, document in self.server.workspace.text_documents.items():
            path = self.path_of(uri)
            if path is not None:
                found[path] = document.source.encode("utf-8", "surrogatepass")
        return found

    def path_of(self, uri: str) -> str | None:
        """The path of a file below the top, None for one elsewhere."""
        whole = uris.to_fs_path(uri)
        if self.desk is None or not whole:
            return None
        path = os.path.relpath(os.path.realpath(whole), os.path.realpath(self.desk.top))
        return None if path.startswith(("..", ".git/")) else path

    def uri_of(self, path: str) -> str:
        """The name by which the editor knows a file: its own where it has it open."""
        for uri in self.server.workspace.text_documents:
            if self.path_of(uri) == path:
                return str(uri)
        assert self.desk is not None
        return str(uris.from_fs_path(os.path.join(self.desk.top, path)))

    def publish(self) -> None:
        """Tell of each file what there is to tell, and of those told of before that there is nothing any more."""
        paths = {each.path for each in self.told}
        for path in sorted(paths | self.shown):
            uri = self.uri_of(path)
            diagnostics = [self.diagnostic(each, uri) for each in self.told if each.path == path]
            self.server.text_document_publish_diagnostics(
                types.PublishDiagnosticsParams(uri=uri, diagnostics=diagnostics)
            )
        self.shown = paths

    def diagnostic(self, told: Told, uri: str) -> Any:
        """One finding as the protocol has it."""
        related = [
            types.DiagnosticRelatedInformation(
                location=types.Location(uri=self.uri_of(path), range=whole_line(line, "")),
                message=printable(text),
            )
            for path, line, text in told.places
            if line
        ]
        return types.Diagnostic(
            range=whole_line(told.line, self.line_text(uri, told.line)),
            severity=_SEVERITIES[told.finding.severity],
            code=told.finding.rule,
            source="patchscan",
            message=printable(told.said),
            related_information=related or None,
        )

    def line_text(self, uri: str, line: int) -> str:
        """A line of an open text, "" where it is not open or has no such line."""
        document = self.server.workspace.text_documents.get(uri)
        lines = document.source.split("\n") if document is not None else []
        return lines[line - 1] if 0 < line <= len(lines) else ""

    def at(self, uri: str, first: int, last: int) -> list[Told]:
        """What was told on lines of a file, counted from 1."""
        path = self.path_of(uri)
        return [each for each in self.told if each.path == path and first <= each.line <= last]

    def hover(self, parameters: Any) -> Any:
        """Why a rule says what it says, and on what it rests."""
        line = parameters.position.line + 1
        found = self.at(parameters.text_document.uri, line, line)
        rules = {rule.name: rule for rule in self.desk.judge.rules} if self.desk is not None else {}
        texts = [
            self.explain(rules[name])
            for name in dict.fromkeys(each.finding.rule for each in found)
            if name in rules
        ]
        if not texts:
            return None
        content = types.MarkupContent(kind=types.MarkupKind.PlainText, value="\n".join(texts))
        return types.Hover(contents=content)

    def actions(self, parameters: Any) -> list[Any]:
        """The fixes of what was told on the lines asked for."""
        uri, lines = parameters.text_document.uri, parameters.range
        return [
            types.CodeAction(
                title=f"patchscan: fix {each.finding.rule}",
                kind=types.CodeActionKind.QuickFix,
                diagnostics=[self.diagnostic(each, uri)],
                edit=types.WorkspaceEdit(changes=self.changes(each)),
            )
            for each in self.at(uri, lines.start.line + 1, lines.end.line + 1)
            if each.edits
        ]

    def changes(self, told: Told) -> dict[str, list[Any]]:
        """The edits of a fix by file: whole lines are replaced."""
        found: dict[str, list[Any]] = {}
        for edit in told.edits:
            first = types.Position(line=edit.first - 1, character=0)
            end = types.Position(line=edit.first - 1 + len(edit.old), character=0)
            text = "".join(f"{line}\n" for line in edit.new)
            change = types.TextEdit(range=types.Range(start=first, end=end), new_text=text)
            found.setdefault(self.uri_of(edit.path), []).append(change)
        return found


def whole_line(line: int, text: str) -> Any:
    """The range of a line without its indentation, in units of UTF-16."""
    start = len(text) - len(text.lstrip())
    end = len(text.encode("utf-16-le", "surrogatepass")) // 2
    number = max(line - 1, 0)
    return types.Range(
        start=types.Position(line=number, character=start), end=types.Position(line=number, character=end)
    )


def speak(
    tools_of: Callable[[str], Judge], explain: Callable[[Rule], str], resident: Resident | None
) -> None:
    """Speak to an editor until it ends; tools_of: what judges a work tree; resident: serves command lines beside it."""
    server = LanguageServer("patchscan", __version__)
    session = Session(server, tools_of, explain)

    def initialized(_parameters: Any) -> None:
        if resident is not None:
            loop = asyncio.get_running_loop()
            loop.add_reader(resident.socket, resident.answer_one)
        session.soon(0)

    features = {
        types.INITIALIZE: session.begin,
        types.INITIALIZED: initialized,
        types.TEXT_DOCUMENT_DID_OPEN: session.settled,
        types.TEXT_DOCUMENT_DID_CHANGE: session.changed,
        types.TEXT_DOCUMENT_DID_SAVE: session.settled,
        types.TEXT_DOCUMENT_DID_CLOSE: session.settled,
        types.TEXT_DOCUMENT_HOVER: session.hover,
        types.TEXT_DOCUMENT_CODE_ACTION: session.actions,
    }
    for name, answer in features.items():
        server.feature(name)(alone(answer))
    with streams_of_its_own() as (source, sink):
        server.start_io(source, sink)


def alone(answer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function in place of a method, for pygls writes on what it is given."""

    def answers(parameters: Any) -> Any:
        return answer(parameters)

    return answers


@contextmanager
def streams_of_its_own() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Standard input and output under other numbers, so that what prints by mistake, or is served, spoils nothing."""
    source, sink = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(nowhere, number)
    os.close(nowhere)
    with open(source, "rb") as reader, open(sink, "wb") as writer:
        yield reader, writer
