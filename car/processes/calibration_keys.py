"""What ``car calibrate`` does with the keys: which value is chosen, what it is set to, and what is being tried."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from car.calibration import calibration_fields, field_command, full_scale_calibration
from car.config.sections import CarConfig
from car.drive_record import DriveRecord
from car.errors import ConfigError
from car.gate import ArmRefusal, GateState, Mode
from car.kinds.calibration import CalibrationField, Value
from car.kinds.ours import DRIVETRAINS
from car.link.driver_slot import SlotWriter
from hardware.clock import NS_PER_S
from hardware.drivetrain import NEUTRAL, Command

TRY_NS = NS_PER_S
"""How long a motor turns after the last key: a terminal does not tell that a key is let go, nor that its network is."""
COARSE_STEPS = 10
KEYS = "↑ ↓ choose · ← → change · - + finely · t try · i invert · space stop · s save · q quit"
LIFT = "Lift the wheels off the ground: the motor will turn. Press y when no wheel touches anything, q to leave."

_KEY = re.compile(r"\x1b(?:\[|O)(?P<arrow>[A-D])|(?P<plain>[^\x1b])", re.DOTALL)
_ARROWS = {"A": "up", "B": "down", "C": "right", "D": "left"}


def split_keys(text: str) -> list[str]:
    """Return the keys in what a terminal sent, the arrows by name."""
    return [_ARROWS[key["arrow"]] if key["arrow"] else key["plain"] for key in _KEY.finditer(text)]


@dataclass(frozen=True, slots=True)
class Line:
    """One value as it is shown."""

    label: str
    value: str
    chosen: bool
    changed: bool

    @property
    def mark(self) -> str:
        """What says that it is not saved."""
        return "not saved" if self.changed else ""


class CalibrationKeys:
    """Turns keys into values, commands on the full scale, and human acts for the gate.

    ``save`` is given all values, and raises ConfigError when they cannot be saved. ``message`` is the newest thing to
    be said to the person at the keys.
    """

    def __init__(self, config: CarConfig, writer: SlotWriter, save: Callable[[Mapping[str, Value]], None]) -> None:
        self._kind = DRIVETRAINS.find(config.drivetrain.kind)
        self._fields = calibration_fields(config)
        self._scale = full_scale_calibration(config.calibration)
        self._writer = writer
        self._save = save
        self._saved: dict[str, Value] = {field.name: field.value for field in self._fields}
        self._values = dict(self._saved)
        self._chosen = 0
        self._tried_ns: int | None = None
        self._leaves = False
        self.message = LIFT

    @property
    def field(self) -> CalibrationField:
        """The value that is chosen."""
        return self._fields[self._chosen]

    @property
    def lines(self) -> list[Line]:
        """Every value, as it is shown."""
        return [
            Line(field.label, _in_words(field, value), field is self.field, value != self._saved[field.name])
            for field in self._fields
            for value in (self._values[field.name],)
        ]

    def press(self, key: str, now_ns: int) -> None:
        """Do what ``key`` means; keys that mean nothing are ignored."""
        acts: dict[str, Callable[[], None]] = {
            " ": self._stop,
            "y": self._arm,
            "up": lambda: self._choose(-1),
            "down": lambda: self._choose(1),
            "left": lambda: self._change(-COARSE_STEPS, now_ns),
            "right": lambda: self._change(COARSE_STEPS, now_ns),
            "-": lambda: self._change(-1, now_ns),
            "+": lambda: self._change(1, now_ns),
            "t": lambda: self._try(now_ns),
            "i": self._invert,
            "s": self._save_all,
            "q": self._quit,
        }
        if key in acts:
            leaves, self._leaves = self._leaves, False
            if key == "q" and leaves:
                self._writer.quit()
            else:
                acts[key]()

    def command(self, now_ns: int) -> Command:
        """Return the command that tries out what is being tried; a motor stops a second after the last key."""
        if self._tried_ns is None:
            return NEUTRAL
        if self.field.output != "steering" and now_ns - self._tried_ns > TRY_NS:
            self._tried_ns = None
            return NEUTRAL
        return field_command(self._scale, self.field, self._values[self.field.name])

    def _arm(self) -> None:
        self._tried_ns = None
        self._writer.arm(Mode.CALIBRATION, wheels_up=True)
        self.message = ""

    def _stop(self) -> None:
        self._tried_ns = None
        self._writer.stop()
        self.message = LIFT

    def _choose(self, step: int) -> None:
        self._tried_ns = None
        self._chosen = (self._chosen + step) % len(self._fields)

    def _change(self, steps: int, now_ns: int) -> None:
        field, value = self.field, self._values[self.field.name]
        changed: Value = not value
        if not isinstance(value, bool):
            asked = round(value + steps * field.step, 3)
            changed = min(max(asked, field.minimum), field.maximum)
            self.message = "" if asked == changed else f"{changed:g} {field.unit} is as far as is safe."
        self._values = self._kind.changed(self._values, field.name, changed)
        self._try(now_ns)

    def _try(self, now_ns: int) -> None:
        self._tried_ns = now_ns

    def _invert(self) -> None:
        self._tried_ns = None
        inverted = self._kind.inverted(self.field.output, self._values)
        self._values |= inverted
        self.message = f"The {self.field.output} {'is inverted' if inverted else 'cannot be inverted'}."

    def _save_all(self) -> None:
        # A card may take seconds, and nobody could stop the motor meanwhile.
        self._tried_ns = None
        self._writer.disarm()
        try:
            self._save(self._values)
        except ConfigError as error:
            self.message = str(error)
            return
        self._saved = dict(self._values)
        self.message = "Saved to car.toml. Press y to go on, q to leave."

    def _quit(self) -> None:
        if self._values == self._saved:
            self._writer.quit()
            return
        self._tried_ns, self._leaves = None, True
        self.message = "Not everything is saved. Press s to save, or q again to leave all the same."


def gate_words(record: DriveRecord | None) -> str:
    """Return in words whether anything can be tried now, and why not."""
    if record is None:
        return "waiting for the drivetrain"
    if record.gate_state is GateState.ARMED:
        return "ready: the wheels turn when you try something"
    # Pressing y once too often was refused as well, and is nobody's reason now.
    refusal = None if record.refusal is ArmRefusal.ALREADY_ARMED else record.refusal
    return ": ".join(filter(None, ("nothing moves", record.trip, refusal)))


def _in_words(field: CalibrationField, value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g} {field.unit}".rstrip()
