"""What the README and docs/ say agrees with the program, and leads somewhere."""

import re
from pathlib import Path

import pytest

from car.faults.menu import MENU

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "hardware/README.md",
    *sorted((ROOT / "docs").glob("*.md")),
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
            assert found
            assert int(found[1]) * (1000 if found[2] == "s" else 1) == promised_ms[name], row
            compared += 1
    assert compared > 10
