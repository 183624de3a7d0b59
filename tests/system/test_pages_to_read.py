"""What the README and docs/ say agrees with the program, and leads somewhere."""

import re
import tomllib
from pathlib import Path

import pytest

from car.faults.menu import MENU
from tests.test_rooms import MAY_IMPORT

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "hardware/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_is_shown_or_linked_is_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    files = [link for link in links if not link.startswith("https:")]
    assert not [link for link in files if not (page.parent / link).exists()]


def test_the_bench_test_promises_what_the_menu_of_faults_promises() -> None:
    promised_ms = {fault.name: fault.promised_ms for fault in MENU}
    rows = [line.split("|") for line in (ROOT / "docs/bench-test.md").read_text(encoding="utf-8").splitlines()]
    compared = 0
    for row in rows:
        if len(row) != 6:
            continue
        for name in re.findall(r"`([a-z-]+)`", row[4]):
            found = re.search(r"(\d+) (ms|s)\b", row[3])
            within_ms = int(found[1]) * (1000 if found[2] == "s" else 1) if found else None
            assert within_ms == promised_ms[name], row
            assert within_ms is not None or "drive on" in row[2], row
            compared += 1
    assert compared > 10


def test_the_map_of_rooms_for_contributors_has_every_room_in_its_order() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = page[page.index("| room |") :].partition("\n\n")[0]
    names = [name for row in table.splitlines() for name in re.findall(r"`([a-z_/.]+)`", row.split("|")[1])]
    rooms = [re.sub(r"\.py$|/$", "", name).replace("/", ".") for name in names]
    assert [room if room in MAY_IMPORT else f"car.{room}" for room in rooms] == list(MAY_IMPORT)


def test_every_figure_of_the_design_page_is_one_that_the_readme_promises() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    design = (ROOT / "docs/design.md").read_text(encoding="utf-8")
    figures = re.findall(r"(?<![\w.])(\d[\d.,]*(?: / \d[\d.]*)?) (?:ms|s|MB|bytes|%|small ways)(?!\w)", design)
    assert len(figures) > 10
    assert not [figure for figure in figures if not re.search(rf"(?<![\w.]){re.escape(figure)}(?![\d.,]*\d)", readme)]


def test_the_newest_version_in_the_changelog_is_the_one_that_is_built() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (\S+) – \d{4}-\d{2}-\d{2}$", changelog, re.MULTILINE)
    built = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert versions[0] == built
    assert versions == sorted(versions, key=lambda version: [int(part) for part in version.split(".")], reverse=True)
