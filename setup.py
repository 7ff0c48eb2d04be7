"""Compiles the tables of rows when the package is built; all else stands in pyproject.toml."""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithTables(build_py):
    """Build the package, with its tables compiled where what compiles them is installed."""

    def run(self) -> None:
        here = Path(__file__).parent
        sys.path.insert(0, str(here))
        from patchscan.match.kept import main

        if main(str(here / "rules" / "tables")):
            raise SystemExit("a table of rows cannot be compiled")
        super().run()


setup(cmdclass={"build_py": BuildWithTables})
