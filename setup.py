"""Compiles what is kept of rules when the package is built; all else stands in pyproject.toml."""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithRules(build_py):
    """Build the package, with what is kept of its rules where what they need is installed."""

    def run(self) -> None:
        here = Path(__file__).parent
        sys.path.insert(0, str(here))
        from patchscan.basics.ourtables import NAMES, read_table
        from patchscan.settling.registry import load_rules

        for name in NAMES:
            read_table(name)
        for problem in load_rules()[1]:
            raise SystemExit(f"{problem.where}: {problem.message}")
        super().run()


setup(cmdclass={"build_py": BuildWithRules})
