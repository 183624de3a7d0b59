"""The pages' files: light, self-contained, and without a line of script or style in the HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import car.web

STATIC = Path(car.web.__file__).parent / "static"
PAGES = sorted(STATIC.glob("*.html"))
MAX_BYTES = 180_000


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def _tags(page: Path) -> list[tuple[str, dict[str, str | None]]]:
    return _Tags(page.read_text(encoding="utf-8")).found


def test_all_files_together_weigh_less_than_a_photo() -> None:
    assert sum(path.stat().st_size for path in STATIC.rglob("*")) < MAX_BYTES


def test_there_are_seven_pages() -> None:
    assert [page.stem for page in PAGES] == [
        "calibrate",
        "doctor",
        "drive",
        "models",
        "pair",
        "people",
        "sessions",
        "tracks",
    ]


@pytest.mark.parametrize("path", sorted(STATIC.iterdir()), ids=lambda path: path.name)
def test_nothing_is_loaded_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", text) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_needs_only_files_that_are_there(page: Path) -> None:
    addresses = [attributes.get("src") or attributes.get("href") or "" for _, attributes in _tags(page)]
    needed = [address for address in addresses if address.startswith("/static/")]
    assert needed
    assert [address for address in needed if not (STATIC / address.removeprefix("/static/")).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_keeps_to_the_strict_content_security_policy(page: Path) -> None:
    for tag, attributes in _tags(page):
        assert tag != "style"
        assert tag != "script" or attributes.get("src")
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


def test_every_module_is_imported_by_a_page() -> None:
    scripts = "".join(path.read_text(encoding="utf-8") for path in [*PAGES, *STATIC.glob("*.js")])
    assert [path.name for path in STATIC.glob("*.js") if f"/{path.name}" not in scripts] == []
