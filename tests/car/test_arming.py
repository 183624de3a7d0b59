"""What a machine's state says about arming."""

import pytest

from car.arming import ADVICE, MAX_TEMPERATURE_C, arming_problems
from car.gate import ArmRefusal
from hardware.health import Health


@pytest.mark.parametrize(
    ("health", "problems"),
    [
        (Health(None, None), ()),
        (Health(MAX_TEMPERATURE_C - 0.1, False), ()),
        (Health(MAX_TEMPERATURE_C, False), (ArmRefusal.TOO_HOT,)),
        (Health(None, True), (ArmRefusal.UNDER_VOLTAGE,)),
        (Health(95.0, True), (ArmRefusal.TOO_HOT, ArmRefusal.UNDER_VOLTAGE)),
    ],
)
def test_heat_and_a_weak_supply_stand_in_the_way(health: Health, problems: tuple[ArmRefusal, ...]) -> None:
    assert arming_problems(health) == problems
    assert all(problem in ADVICE for problem in problems)
