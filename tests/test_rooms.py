"""The rooms of the house and their doors: who may import whom; nothing imports upwards, and nothing in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("car", "hardware", "models", "simulator", "training")

MAY_IMPORT = {
    "hardware": "",
    "models": "",
    "simulator": "hardware",
    "car.files": "",
    "car.software": "",
    "car.elsewhere": "",
    "car.kinds": "hardware",
    "car.errors": "hardware models",
    "car.gate": "hardware",
    "car.terminal": "hardware",
    "car.drive_record": "hardware car.gate",
    "car.telemetry": "hardware car.drive_record",
    "car.config": "hardware car.errors car.files car.gate car.kinds",
    "car.pilots": "hardware models car.elsewhere car.errors car.files car.kinds car.terminal",
    "car.drive_loop": "hardware car.drive_record car.gate car.kinds",
    "car.statistics": "hardware car.drive_record",
    "car.readings": "hardware",
    "car.speed": "hardware car.config car.gate car.readings",
    "car.arming": "hardware car.config car.gate car.kinds",
    "car.range_watch": "hardware car.config car.gate car.readings",
    "car.neutral": "hardware car.config car.kinds car.terminal",
    "car.tracks": "hardware simulator car.files",
    "car.link": "hardware models car.config car.drive_record car.gate car.kinds car.pilots",
    "car.laps": "hardware car.config car.files car.link",
    "car.sessions": "hardware car.config car.drive_record car.elsewhere car.errors car.files car.gate car.telemetry "
    "car.terminal",
    "car.pairing": "hardware car.config car.errors car.files",
    "car.remote": "hardware models car.config car.errors car.files car.pairing car.pilots car.sessions",
    "car.calibration": "hardware car.config car.errors car.gate car.kinds",
    "car.assembly": "hardware simulator car.config car.drive_record car.errors car.files car.kinds car.neutral",
    "car.latency": "hardware simulator car.assembly car.config car.errors car.kinds car.terminal",
    "car.controls": "hardware car.gate car.link",
    "car.recording": "hardware car.config car.drive_record car.errors car.gate car.link car.sessions car.software "
    "car.telemetry",
    "car.runs": "hardware simulator car.assembly car.config car.drive_loop car.drive_record car.errors car.gate "
    "car.kinds car.pilots car.range_watch car.readings car.recording car.sessions car.speed "
    "car.terminal",
    "car.doctor": "hardware simulator car.arming car.config car.controls car.errors car.gate car.kinds car.pilots "
    "car.terminal",
    "car.web": "hardware models simulator car.calibration car.config car.controls car.doctor car.drive_record "
    "car.errors car.files car.gate car.kinds car.laps car.link car.pairing car.pilots car.recording car.sessions "
    "car.software car.statistics car.tracks",
    "car.fleet": "hardware models car.config car.errors car.files car.gate car.pairing car.pilots car.remote car.web",
    "car.processes": "hardware car.arming car.assembly car.calibration car.config car.controls car.drive_loop "
    "car.drive_record car.errors car.gate car.kinds car.laps car.link car.pilots car.range_watch car.readings "
    "car.recording car.speed car.statistics car.telemetry car.terminal car.tracks car.web",
    "car.faults": "hardware simulator car.assembly car.config car.drive_loop car.drive_record car.errors car.gate "
    "car.kinds car.link car.pairing car.pilots car.processes car.range_watch car.readings car.speed "
    "car.terminal",
    "training": "hardware models simulator car.assembly car.config car.drive_loop car.drive_record car.errors "
    "car.files car.gate car.kinds car.pilots car.runs car.sessions car.software car.terminal",
    "car.cli": "hardware models simulator training car.assembly car.config car.doctor car.errors car.faults car.fleet "
    "car.kinds car.laps car.latency car.neutral car.pairing car.pilots car.processes car.remote car.runs car.sessions "
    "car.terminal",
    "car.entry": "car.cli car.neutral car.terminal",
}
"""Each room, and the rooms that its modules may import. A room stands below every room that may import it."""

MAX_FLOORS = 11


def module_name(path: Path) -> str:
    """Return the name by which a file of the project is imported."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}


def imported_by(tree: ast.AST, known: set[str]) -> Iterator[str]:
    """Yield each of the ``known`` modules that ``tree`` imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                submodule = f"{node.module}.{name.name}"
                yield from {submodule if submodule in known else node.module} & known
        elif isinstance(node, ast.Import):
            yield from {name.name for name in node.names} & known


def room_of(module: str) -> str:
    """Return the room that a module is in: a package, or for ``car`` the first name below it."""
    return ".".join(module.split(".")[:2]) if module.startswith("car.") else module.split(".")[0]


@pytest.fixture(scope="module")
def arrows() -> dict[str, set[str]]:
    """Each module of the project with the modules that it imports."""
    trees = {module: ast.parse(path.read_text("utf-8")) for module, path in MODULES.items()}
    return {module: set(imported_by(tree, set(MODULES))) - {module} for module, tree in trees.items()}


def doors(arrows: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the rooms that each room's modules import."""
    used: dict[str, set[str]] = {}
    for module, imported in arrows.items():
        room = room_of(module)
        used.setdefault(room, set()).update(room_of(other) for other in imported if room_of(other) != room)
    return used


def circles(arrows: dict[str, set[str]]) -> set[str]:
    """Return the modules from which a way of imports leads back to them."""
    left = {module: set(imported) for module, imported in arrows.items()}
    while free := {module for module, imported in left.items() if not imported & left.keys()}:
        left = {module: imported for module, imported in left.items() if module not in free}
    return set(left)


def test_every_module_has_a_room_in_the_table() -> None:
    assert {room_of(module) for module in MODULES} - {"car"} == set(MAY_IMPORT)


def test_each_room_imports_what_the_table_allows_and_no_more(arrows: dict[str, set[str]]) -> None:
    allowed = {room: set(rooms.split()) for room, rooms in MAY_IMPORT.items()}
    used = doors(arrows)
    assert {room: used[room] - allowed[room] for room in allowed if used[room] - allowed[room]} == {}
    assert {room: allowed[room] - used[room] for room in allowed if allowed[room] - used[room]} == {}


def test_no_room_may_import_one_above_it() -> None:
    order = list(MAY_IMPORT)
    climbing = [
        f"{room} -> {other}"
        for room, rooms in MAY_IMPORT.items()
        for other in rooms.split()
        if order.index(other) > order.index(room)
    ]
    assert climbing == []


def test_the_house_has_no_more_floors_than_it_had() -> None:
    floors: dict[str, int] = {}
    for room, rooms in MAY_IMPORT.items():
        floors[room] = 1 + max((floors[other] for other in rooms.split()), default=0)
    assert max(floors.values()) <= MAX_FLOORS


def test_no_modules_import_each_other_in_a_circle(arrows: dict[str, set[str]]) -> None:
    assert circles(arrows) == set()


def test_a_circle_would_be_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": set()}) == {"a", "b", "c", "d"}


def test_every_way_to_import_would_be_seen() -> None:
    code = "import car.gate\ndef f():\n    from car import errors\n    from car.gate import Gate"
    assert set(imported_by(ast.parse(code), {"car", "car.gate", "car.errors"})) == {"car.gate", "car.errors"}
