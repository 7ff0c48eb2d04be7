"""Sphinx: the manual, its rule and command pages made from the rules and parsers themselves."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from generate import write_pages  # noqa: E402
from patchscan import __version__  # noqa: E402

project = "patchscan"
version = release = __version__
extensions = ["sphinx.ext.autodoc"]
exclude_patterns = ["_build", "tutorial/*", "hooks/*"]
html_theme = "alabaster"
html_theme_options = {
    "description": "What a careful reviewer would say",
    "page_width": "1060px",
    "sidebar_width": "240px",
}
html_show_sourcelink = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True

write_pages(HERE / "generated")
