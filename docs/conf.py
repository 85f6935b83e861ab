"""Configuration of Sphinx, which builds a site from the pages that GitHub shows: ``make docs``."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

project = "airflow-kubernetes-secrets"
author = "the authors of airflow-kubernetes-secrets"
# The version is read, not imported: importing the package needs Airflow, and the pages do not.
[release] = re.findall(
    r'^__version__ = "(.+)"$',
    (DOCS.parent / "src" / "airflow_kubernetes_secrets" / "version.py").read_text(),
    re.MULTILINE,
)
version = release

# In a workflow of GitHub, the repository is the one that runs it, so a fork links to itself.
[repository] = re.findall(r'^Repository = "(.+)"$', (DOCS.parent / "pyproject.toml").read_text(), re.MULTILINE)
if "GITHUB_REPOSITORY" in os.environ:
    repository = f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}"

extensions = ["myst_parser", "sphinx_copybutton", "as_on_github"]
exclude_patterns = ["reference/*-prose.md"]

# Anchors follow GitHub's rules, so that a link to a heading works in both places.
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline"]

html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {
    "navigation_with_keys": True,
    # The links to the source of a page, and to edit it.
    "source_repository": f"{repository}/",
    "source_branch": "main",
    "source_directory": "docs/",
    "footer_icons": [{"name": "Repository", "url": repository, "html": "Repository", "class": ""}],
}
copybutton_prompt_text = "$ "
# The output of a command has no button.
copybutton_selector = "div:not(.highlight-text) > div.highlight > pre"

# Some blocks are not in a language that Pygments knows, or are templates.
highlight_language = "none"

# Only `make docs-links` queries other servers.
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_anchors = False
# The repository has no address before the first release, and the newest files may not be pushed yet.
linkcheck_ignore = [f"{re.escape(repository)}/"]
