"""What the README promises of the gate, written down a second time: the gate's own table is what is tried."""

from __future__ import annotations

from car.gate import Mode
from hardware.clock import NS_PER_MS

DRIVER_VALID_NS = 300 * NS_PER_MS
CALIBRATION_VALID_NS = 200 * NS_PER_MS
FRAME_FRESH_NS = 150 * NS_PER_MS
PILOT_VALID_NS = 200 * NS_PER_MS
LOOP_STALL_NS = 250 * NS_PER_MS
SHORT_LINK_LOSS_NS = 2000 * NS_PER_MS
THROTTLE_SLEW_PER_S = 2.0
STEERING_SLEW_PER_S = 8.0
NEUTRAL_STICK = 0.05
STOP_M = 0.5
"""Where the explored gate stops for what is ahead. It is slower from 1 m on, as every car that says nothing."""
CAPS = {Mode.AUTO: 0.25, Mode.CALIBRATION: 0.2}
SILENCE_TO_NEUTRAL_NS = 250 * NS_PER_MS
"""However it comes about that nobody says anything any more."""

PILOTED = (Mode.ASSIST, Mode.AUTO)
"""The modes in which the pilot has a hand in it."""


def link_valid_ns(mode: Mode) -> int:
    """Return how old a driver's command may be in ``mode``."""
    return CALIBRATION_VALID_NS if mode is Mode.CALIBRATION else DRIVER_VALID_NS


def needs_link(mode: Mode, headless: bool) -> bool:
    """Tell whether a driver has to be there in ``mode``."""
    return not (headless and mode is Mode.AUTO)
