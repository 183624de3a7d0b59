"""What Sphinx makes beside the written pages; each module fills one kind of comment in a page's source.

A comment, so that a code host shows nothing in its place: there, a page says itself how to see what is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from site_pages import contents, http_api, python_api, troubleshooting

FILLED: dict[str, Callable[[], str]] = {
    "<!-- filled in: the HTTP API -->": http_api.render,
    "<!-- filled in: the Python API -->": python_api.render,
    "<!-- filled in: what the doctor may find -->": troubleshooting.render_findings,
    "<!-- filled in: why a car does not arm -->": troubleshooting.render_refusals,
    "<!-- filled in: why a car stopped -->": troubleshooting.render_trips,
}


def setup(app: Any) -> dict[str, Any]:
    """Let Sphinx ask for each page's source when it has read it."""
    app.connect("source-read", _complete)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _complete(_app: Any, page: str, source: list[str]) -> None:
    for comment, render in FILLED.items():
        if comment in source[0]:
            source[0] = source[0].replace(comment, render())
    if page.endswith("/index"):
        source[0] = contents.with_contents(source[0])
