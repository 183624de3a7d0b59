"""The contents at the side of every page, from the lists of links in docs/index.md and docs/course/index.md."""

from __future__ import annotations

import re

SECTION = re.compile(r"^## (.+)\n\n((?:- .+\n)+)", re.MULTILINE)
LINK = re.compile(r"^- \[([^\]]+)\]\(([^)#]+)\.md\)", re.MULTILINE)


def with_contents(index: str) -> str:
    """Return the index with each section's list as a part of the contents too."""
    return SECTION.sub(_with_toctree, index)


def _with_toctree(section: re.Match[str]) -> str:
    entries = "\n".join(f"{title} <{page}>" for title, page in LINK.findall(section[2]))
    return f"{section[0]}\n```{{toctree}}\n:hidden:\n:caption: {section[1]}\n\n{entries}\n```\n"
