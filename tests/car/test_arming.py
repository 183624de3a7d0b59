"""What a machine's state says about arming."""

from datetime import date

import pytest

from car.arming import ADVICE, MAX_TEMPERATURE_C, arming_problems, drivetrain_problems
from car.config.sections import CarConfig
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
    assert arming_problems(CarConfig(), health) == problems
    assert all(problem in ADVICE for problem in problems)


@pytest.mark.parametrize(
    ("drivetrain", "calibrated", "problems"),
    [
        ({"kind": "simulated"}, False, ()),
        ({"kind": "servo_esc"}, True, ()),
        ({"kind": "servo_esc"}, False, (ArmRefusal.NOT_CALIBRATED,)),
        ({"kind": "servo_esc", "pins": "lgpio"}, True, (ArmRefusal.COARSE_STEERING,)),
        ({"kind": "servo_esc", "pins": "fine_lgpio"}, True, ()),
        ({"kind": "servo_esc", "pins": "hardware_pwm"}, True, ()),
        ({"kind": "differential", "pins": "lgpio"}, True, ()),
        ({"kind": "differential"}, False, (ArmRefusal.NOT_CALIBRATED,)),
    ],
)
def test_wheels_that_turn_are_calibrated_and_steer_finely(
    drivetrain: dict[str, object], calibrated: bool, problems: tuple[ArmRefusal, ...]
) -> None:
    calibration = {"calibrated": date(2025, 11, 25)} if calibrated else {}
    config = CarConfig.model_validate({"drivetrain": drivetrain, "calibration": calibration})
    assert drivetrain_problems(config) == problems
    hot = arming_problems(config, Health(95.0, under_voltage=False))
    assert hot == (ArmRefusal.TOO_HOT, *problems)
    assert all(problem in ADVICE for problem in problems)
