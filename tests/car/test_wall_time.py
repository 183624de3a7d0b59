"""Whatever drives does not know what day it is: a wall clock that jumps changes nothing."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DRIVES = (
    "hardware",
    "models",
    "simulator",
    "car/processes",
    "car/link",
    "car/controls",
    "car/pilots",
    "car/web",
    "car/gate.py",
    "car/drive_loop.py",
)
WALL_TIME = {
    "time": {"time", "time_ns", "localtime", "gmtime", "ctime", "strftime", "CLOCK_REALTIME"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}


def uses_of_wall_time(tree: ast.AST) -> Iterator[str]:
    """Yield each place that asks for the wall time, or imports by name what tells it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value).split(".")[-1]
            if node.attr in WALL_TIME.get(owner, ()):
                yield f"{owner}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"time.{name.name}" for name in node.names if name.name in WALL_TIME["time"])


@pytest.mark.parametrize("place", DRIVES)
def test_nothing_that_drives_asks_for_the_wall_time(place: str) -> None:
    path = ROOT / place
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    assert files
    assert [f"{file}: {use}" for file in files for use in uses_of_wall_time(ast.parse(file.read_text("utf-8")))] == []


def test_every_way_to_ask_would_be_seen() -> None:
    asks = (
        "import time, datetime\nfrom time import time_ns\ntime.time()\ndatetime.datetime.now()\ndatetime.date.today()"
    )
    seen = list(uses_of_wall_time(ast.parse(asks)))
    assert sorted(seen) == ["date.today", "datetime.now", "time.time", "time.time_ns"]
