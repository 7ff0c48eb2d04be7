"""`patchscan serve`: a process that stays, for command lines by a socket and for an editor by its protocol."""

from __future__ import annotations

import argparse
import gc
from typing import TYPE_CHECKING

from patchscan.basics.usage import CLEAN, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from patchscan.commands.loading import Tools
    from patchscan.serve.watching import Watcher


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `patchscan serve`."""
    from patchscan.commands.arguments import series_arguments

    command.add_argument(
        "--lsp", action="store_true", help="speak the language server protocol on standard input and output"
    )
    series_arguments(command)
    command.set_defaults(series=[])


def serve(options: argparse.Namespace, main: Callable[[Sequence[str]], int]) -> int:
    """Stay until interrupted, or the program on disk changes; main: what runs a command line."""
    import signal

    from patchscan.basics.limits import allow_depth
    from patchscan.basics.streams import say
    from patchscan.serve.resident import Resident
    from patchscan.serve.watching import Watcher

    allow_depth()
    if options.lsp:
        return serve_editor(options, main)
    watching = Watcher()
    resident = Resident(main, watching.rest)
    say(f"patchscan: serving on {resident.path}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        load(watching)
        resident.serve()
        say("patchscan: the program has changed: start `patchscan serve` again")
    finally:
        resident.close()
    return CLEAN


def load(watching: Watcher) -> None:
    """Load now what the first run would have to wait for."""
    import patchscan.commands.output
    import patchscan.commands.scan
    import patchscan.scan  # noqa: F401
    from patchscan.commands.loading import Tools
    from patchscan.scan import scan
    from patchscan.serve.recalled import Memory
    from patchscan.settling.registry import load_rules
    from patchscan.tree.index.quiet import watcher
    from patchscan.tree.spelling import installed

    load_rules()
    installed()
    Tools.resident = Memory(scan)
    watcher[0] = watching
    # It stays, so the collector need not look at it after each run.
    gc.collect()
    gc.freeze()


def serve_editor(options: argparse.Namespace, main: Callable[[Sequence[str]], int]) -> int:
    """Speak to an editor on standard input and output; command lines are served beside it where the socket is free."""
    try:
        from patchscan.serve.language import speak
    except ImportError as error:
        raise UsageError(f"--lsp needs pygls: pip install 'patchscan[serve]' ({error})") from None
    from patchscan.basics.streams import say
    from patchscan.commands.explain import as_text
    from patchscan.commands.loading import load_tools
    from patchscan.serve.resident import Resident

    resident = None
    try:
        resident = Resident(main)
    except UsageError as error:
        say(f"patchscan: command lines are not served: {error}")

    def tools_of(top: str) -> Tools:
        return load_tools(argparse.Namespace(**{**vars(options), "tree": top, "no_tree": True}))

    try:
        speak(tools_of, as_text, resident)
    finally:
        if resident is not None:
            resident.close()
    return CLEAN
