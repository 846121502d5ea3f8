"""How Sphinx makes the site from these pages. `make docs` builds it; a warning is an error.

Why Sphinx: docs/decisions/066-the-site-by-sphinx.md.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from clirot import __version__

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "clirot"
author = "The clirot authors"
copyright = "The clirot authors, Apache License 2.0"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "settings_table"]
exclude_patterns = ["_build", "pictures"]
html_theme = "furo"
html_title = f"clirot {version}"
html_theme_options = {
    "source_repository": "https://github.com/clirot/clirot/",
    "source_branch": "main",
    "source_directory": "docs/",
}

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4  # so that links to a heading of another page are checked

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"  # fields say their types themselves
autodoc_preserve_defaults = True


def _without_signature(app: Any, what: str, name: str, obj: Any, *rest: Any) -> Any:
    """A configuration's signature would repeat its table of settings."""
    return ("(...)", None) if what == "class" and "Config" in name else None


def setup(app: Any) -> None:
    """Leave out the signatures of configurations."""
    app.connect("autodoc-process-signature", _without_signature)
