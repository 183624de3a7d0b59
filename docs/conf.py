"""How Sphinx makes the documentation site; ``make docs`` runs it.

The source is the whole repository, so that a link between two of its files leads to the same place here as on a code
host. ``site_pages`` makes what is written nowhere: the contents, and the pages that the program itself tells.
"""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "Pocketpilot"
author = "The Pocketpilot authors"
version = release = installed_version("pocketpilot")

extensions = ["myst_parser", "sphinx.ext.autodoc", "site_pages"]
root_doc = "docs/index"
include_patterns = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "hardware/README.md", "docs/**.md"]
# What lies around in a clone is not walked through.
exclude_patterns = [".*", "build", "demo", "dist", "mycar", "screenshots", "tests", "**/__pycache__"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

smartquotes = False  # Lines of car.toml stand in sentences too, and are copied from there.

nitpicky = True
# A signature also names what has no page here: NumPy's types, the standard library's, and ours behind the stage.
nitpick_ignore_regex = [(r"py:.*", r".*")]
autodoc_default_options = {"exclude-members": "model_config"}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_display_short_literal_types = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100

html_theme = "furo"
html_title = "Pocketpilot"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_additional_pages = {"index": "to_contents.html"}
templates_path = ["templates"]
