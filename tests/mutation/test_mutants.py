"""The mutants themselves: all there, all different, and all really broken."""

import ast
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from car.gate import Limits
from hardware.clock import NS_PER_MS
from tests.mutation.mutants import Mutant, mutants

GATE = Path(sys.modules[Limits.__module__].__file__ or "")

BEFORE = """
class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"

class Light:
    def handle(self, age_ns: int, colour: Colour = Colour.RED) -> bool:
        self.state, self.age_ns = colour, -age_ns
        if colour is Colour.BLUE and not self.broken:
            self.count += 1
        return age_ns < 250
"""
EXPECTED = [
    "Light.handle: Colour.RED -> Colour.BLUE",
    "Light.handle: self.state, self.age_ns = (colour, -age_ns) -> self.age_ns, = (-age_ns,)",
    "Light.handle: -age_ns -> age_ns",
    "Light.handle: colour is Colour.BLUE and (not self.broken) -> colour is Colour.BLUE or not self.broken",
    "Light.handle: colour is Colour.BLUE and (not self.broken) -> colour is Colour.BLUE",
    "Light.handle: colour is Colour.BLUE -> colour is not Colour.BLUE",
    "Light.handle: not self.broken -> self.broken",
    "Light.handle: self.count += 1 -> pass",
    "Light.handle: age_ns < 250 -> age_ns <= 250",
    "Light.handle: age_ns < 250 -> age_ns >= 250",
    "Light.handle: 250 -> 251",
    "Light.handle: 250 -> 249",
    "Light.handle: return age_ns < 250 -> return None",
]


@pytest.mark.parametrize("expected", EXPECTED)
def test_code_is_broken_in_every_small_way(expected: str) -> None:
    assert expected in [mutant.name for mutant in mutants(BEFORE)]


def test_every_mutant_of_the_gate_has_its_own_name_and_is_valid_code_so_that_only_a_test_can_kill_it() -> None:
    found = mutants(GATE.read_text("utf-8"))
    assert len({mutant.name for mutant in found}) == len(found)
    for mutant in found:
        compile(mutant.make(), mutant.name, "exec")


def table_of_limits(mutant: Mutant) -> dict[str, float]:
    table = next(node for node in mutant.make().body if isinstance(node, ast.ClassDef) and node.name == "Limits")
    rows = [ast.unparse(row) for row in table.body if isinstance(row, ast.AnnAssign)]
    namespace = {"NS_PER_MS": NS_PER_MS}
    return {row.split(":")[0]: eval(row.split("=")[1], namespace) for row in rows}  # noqa: S307 - our own table


def test_every_limit_is_perturbed_upwards_and_downwards_by_itself() -> None:
    original = asdict(Limits())
    tables = [
        table_of_limits(mutant) for mutant in mutants(GATE.read_text("utf-8")) if mutant.name.startswith("Limits: ")
    ]
    changes = [
        [(name, figure > original[name]) for name, figure in table.items() if figure != original[name]]
        for table in tables
    ]
    assert all(len(change) == 1 for change in changes)
    assert {change[0] for change in changes} == {(name, upwards) for name in original for upwards in (True, False)}
