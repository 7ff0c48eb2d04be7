"""A session with an editor as people have it: neovim, headless, with its own client; what went over the wire is kept.

`pytest tests/serve/test_editor.py --basetemp DIR` leaves it in DIR: sent (by the editor), came (from us), seen.json.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.serve.test_language import BARRIER, ROOT, SOUND, tree

__all__ = ["tree"]
pytest.importorskip("pygls", reason="needs patchscan[serve]")
pytestmark = pytest.mark.skipif(shutil.which("nvim") is None, reason="needs neovim")

SESSION = """
local top, out, command = os.getenv("TOP"), os.getenv("OUT"), os.getenv("COMMAND")
local seen = {}
vim.cmd("edit " .. top .. "/mm/b.c")
local committed = vim.api.nvim_get_current_buf()
vim.cmd("edit " .. top .. "/mm/a.c")
local edited = vim.api.nvim_get_current_buf()
local client = vim.lsp.start_client({ name = "patchscan", cmd = { "sh", "-c", command }, root_dir = top,
  workspace_folders = { { uri = vim.uri_from_fname(top), name = "linux" } } })
vim.lsp.buf_attach_client(edited, client)
vim.lsp.buf_attach_client(committed, client)

local function told(buffer)
  local found = {}
  for _, each in ipairs(vim.diagnostic.get(buffer)) do
    table.insert(found, { line = each.lnum + 1, rule = each.code, message = each.message, severity = each.severity })
  end
  return found
end
local function wait_for(buffer, rule)
  return vim.wait(60000, function()
    for _, each in ipairs(told(buffer)) do if each.rule == rule then return true end end
    return false
  end, 50)
end

seen.on_commit = wait_for(committed, "barrier-comment")
seen.committed = told(committed)
local text = {}
for line in os.getenv("TEXT"):gmatch("([^\\n]*)\\n") do table.insert(text, line) end
vim.api.nvim_buf_set_lines(edited, 0, -1, false, text)
seen.on_edit = wait_for(edited, "barrier-comment")
seen.edited = told(edited)

local uri = vim.uri_from_bufnr(edited)
local function at(line)
  local place = { line = line - 1, character = 1 }
  return { textDocument = { uri = uri }, position = place, range = { start = place, ["end"] = place },
    context = { diagnostics = {} } }
end
local hover = vim.lsp.buf_request_sync(edited, "textDocument/hover", at(3), 60000)
seen.hover = hover[client].result.contents.value
local actions = vim.lsp.buf_request_sync(edited, "textDocument/codeAction", at(7), 60000)
local action = actions[client].result[1]
seen.action = action.title
vim.lsp.util.apply_workspace_edit(action.edit, "utf-16")
seen.mended = vim.api.nvim_buf_get_lines(edited, 0, -1, false)
local file = io.open(out .. "/seen.json", "w")
file:write(vim.fn.json_encode(seen))
file:close()
vim.lsp.stop_client(client)
vim.wait(20000, function() return vim.lsp.client_is_stopped(client) end, 50)
vim.cmd("qa!")
"""


def messages(stream: bytes) -> list[dict[str, Any]]:
    """The messages that went over a stream."""
    found = []
    while stream:
        head, _, rest = stream.partition(b"\r\n\r\n")
        length = next(
            int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
        )
        found.append(json.loads(rest[:length]))
        stream = rest[length:]
    return found


def test_a_session_with_neovim(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "session.lua").write_text(SESSION)
    server = f"{sys.executable} -m patchscan serve --lsp"
    environment = {
        **{name: os.environ[name] for name in ("PATH",)},
        "HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "TOP": str(tree),
        "OUT": str(tmp_path),
        "TEXT": BARRIER,
        "COMMAND": f"tee '{tmp_path}/sent' | {server} | tee '{tmp_path}/came'",
    }
    words = ["nvim", "--headless", "-n", "-u", "NONE", "-i", "NONE", "-c", f"luafile {tmp_path}/session.lua"]
    done = subprocess.run(
        words, env=environment, cwd=tree, capture_output=True, text=True, timeout=240, check=False
    )
    assert (tmp_path / "seen.json").exists(), done.stderr
    seen = json.loads((tmp_path / "seen.json").read_text())

    # Of @{upstream}..HEAD at the line where it stands, with the title of its commit.
    assert seen["on_commit"]
    of_commit = [each for each in seen["committed"] if each["rule"] == "barrier-comment"]
    assert [each["line"] for each in of_commit] == [3]
    assert of_commit[0]["message"].endswith("[mm: count]")
    # Of what is typed, which no file holds.
    assert seen["on_edit"]
    assert {each["line"] for each in seen["edited"] if each["rule"] == "barrier-comment"} == {3}
    assert (tree / "mm/a.c").read_text() == SOUND
    explained = subprocess.run(
        [sys.executable, "-m", "patchscan", "explain", "barrier-comment"],
        env={**environment, "XDG_RUNTIME_DIR": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert explained.stdout in seen["hover"]
    assert seen["action"].startswith("patchscan: fix ")
    assert seen["mended"] == BARRIER.replace("\t} \n", "\t}\n").splitlines()

    sent = [message.get("method") for message in messages((tmp_path / "sent").read_bytes())]
    came = [message.get("method", "answer") for message in messages((tmp_path / "came").read_bytes())]
    order = [
        "initialize",
        "textDocument/didChange",
        "textDocument/hover",
        "textDocument/codeAction",
        "shutdown",
    ]
    assert [method for method in sent if method in order][:1] == ["initialize"]
    assert set(order) <= set(sent)
    assert came.count("answer") == sum(
        "id" in each and "method" in each for each in messages((tmp_path / "sent").read_bytes())
    )
    assert came.count("textDocument/publishDiagnostics") >= 2
