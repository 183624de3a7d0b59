"""placeholder"""

from enum import StrEnum


class Mode(StrEnum):
    """Who drives: the driver; the pilot steers and the driver has the throttle; the pilot."""

    MANUAL = "manual"
    ASSIST = "assist"
    AUTO = "auto"


class GateState(StrEnum):
    """Disarmed after start, armed by a human act, tripped until another one."""

    DISARMED = "disarmed"
    ARMED = "armed"
    TRIPPED = "tripped"
