"""Tests written in the dialect that herd7 reads."""

from __future__ import annotations

from patchscan.simulator.syntax import LitmusError


def export_file(text: str, file: str, directory: str) -> None:
    raise LitmusError("export is not there yet", file=file)
