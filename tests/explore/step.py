"""One step of a gate: how it was, what happened, and what it answered, for the properties to judge."""

from __future__ import annotations

from car.gate import ArmRefusal, Decision, Fault, Gate, GateState, Mode, TripReason
from hardware.drivetrain import NEUTRAL, Command
from tests.explore import promises
from tests.explore.grid import STEP, STEP_NS
from tests.explore.happenings import PILOTS, Happening, Kind, Stick
from tests.explore.states import FULL, OLD_REFUSAL, OLD_TRIP, Noted, opposite


class Step:
    """What happened to a gate.

    ``diary`` is how things stood when it happened: the time is told first, and may be a trip of its own. ``state`` is
    the gate's state by then. ``late_ns`` is how long after its point of the grid a decision was asked for, ``output``
    what the wheels had before it.
    """

    __slots__ = ("before", "decision", "diary", "gate", "happening", "headless", "late_ns", "mirrored", "output",
                 "stalled", "state", "went_back")  # fmt: skip

    def __init__(
        self, before: Noted, happening: Happening, headless: bool, late_ns: int = 0, output: Command = FULL
    ) -> None:
        self.before = before
        self.happening = happening
        self.headless = headless
        self.late_ns = late_ns
        self.output = output
        self.mirrored = False
        self.gate: Gate
        self.decision: Decision | None = None
        diary = before.diary
        self.went_back = happening.back_ns > 0
        self.stalled = (
            not self.went_back
            and before.state is GateState.ARMED
            and diary.asked * STEP_NS // STEP + late_ns > promises.LOOP_STALL_NS
        )
        if self.went_back:
            diary = diary.after_clock_went_back()
        elif self.stalled:
            diary = diary._replace(demand=0)
        self.diary = diary
        self.state = GateState.TRIPPED if self.went_back or self.stalled else before.state

    def ns(self, age: int) -> int:
        """Return an age of the diary in ns."""
        return age * STEP_NS // STEP + self.late_ns

    # What the driver and the pilot are to this gate.

    def is_frame_fresh(self) -> bool:
        """Tell whether the newest frame is fresh."""
        return self.ns(self.diary.frame) <= promises.FRAME_FRESH_NS

    def is_pilot_in_time(self) -> bool:
        """Tell whether the pilot has spoken in time, or still has time to."""
        return self.ns(self.diary.pilot) <= promises.PILOT_VALID_NS

    def is_link_live(self, mode: Mode) -> bool:
        """Tell whether the driver's newest sample is young enough for ``mode``."""
        return self.ns(self.diary.link) <= promises.link_valid_ns(mode)

    def lacks_link(self, mode: Mode) -> bool:
        """Tell whether there is no live link although ``mode`` needs one."""
        return promises.needs_link(mode, self.headless) and not self.is_link_live(mode)

    def held_command(self) -> Command:
        """Return what the driver holds; neutral without the hold button."""
        stick = Stick(self.diary.stick)
        if not stick.held:
            return NEUTRAL
        return opposite(stick.command) if self.mirrored else stick.command

    def pilot_command(self) -> Command:
        """Return what the pilot has asked for."""
        return opposite(PILOTS) if self.mirrored else PILOTS

    def is_slow(self) -> bool:
        """Tell whether something is ahead, half way from where the car is slower to where it stops."""
        return bool(self.happening.events)

    # What has to come of it.

    def old_refusal(self) -> ArmRefusal | None:
        """Return what has become of an old refusal unless an act forgets it: a trip that begins does."""
        begins = self.before.state is not GateState.TRIPPED and self.gate.state is GateState.TRIPPED
        return None if begins else OLD_REFUSAL

    def first_reasons(self) -> set[TripReason]:
        """Return what a gate that is tripped after the step may give as its reason; none says that it must not be."""
        if self.before.state is GateState.TRIPPED:
            return {OLD_TRIP}
        if self.went_back:
            return {TripReason.CLOCK}
        if self.stalled:
            return {TripReason.STALLED}
        return self._reasons_of_the_happening()

    def _reasons_of_the_happening(self) -> set[TripReason]:
        match self.happening.kind:
            case Kind.STOP:
                return {TripReason.STOP}
            case Kind.FAULT:
                (event,) = self.happening.events
                return {event.reason if isinstance(event, Fault) else TripReason.FAULT}
            case Kind.LOSS if self.before.state is GateState.ARMED:
                return {TripReason.CONTROLS_LOST, TripReason.GUARD_LOST}
            case Kind.NEAR if self.before.state is GateState.ARMED and self.before.mode is not Mode.CALIBRATION:
                return {TripReason.OBSTACLE, TripReason.RANGE_LOST}
            case Kind.DECIDE if self.before.state is GateState.ARMED:
                return self.overdue()
        return set()

    def overdue(self) -> set[TripReason]:
        """Return what an armed gate has to trip for, by what the diary says."""
        mode, reasons = self.before.mode, set()
        if mode is not Mode.CALIBRATION and not self.is_frame_fresh():
            reasons.add(TripReason.STALE_FRAME)
        if mode in promises.PILOTED and not self.is_pilot_in_time():
            reasons.add(TripReason.STALE_PILOT)
        long_lost = mode is not Mode.MANUAL or self.ns(self.diary.link) >= promises.SHORT_LINK_LOSS_NS
        if self.lacks_link(mode) and long_lost:
            reasons.add(TripReason.LINK_LOST)
        return reasons

    def obstacles(self) -> list[ArmRefusal]:
        """Return what stands in the way of arming as the happening asks for, the car's problems first and in order."""
        asked, diary = self.happening, self.diary
        if self.state is GateState.ARMED:
            return [ArmRefusal.ALREADY_ARMED]
        if asked.missing is not None:
            return [asked.missing]
        if asked.mode.has_pilot and not asked.has_pilot:
            return [ArmRefusal.NO_PILOT]
        calibrates = asked.mode is Mode.CALIBRATION
        found = [p for p in asked.problems if not (calibrates and p is ArmRefusal.NOT_CALIBRATED)]
        if calibrates and not asked.wheels_up:
            found.append(ArmRefusal.WHEELS_NOT_UP)
        if not calibrates and not self.is_frame_fresh():
            found.append(ArmRefusal.NO_FRAME)
        if not calibrates and asked.in_the_way is not None:
            found.append(asked.in_the_way)
        if self.lacks_link(asked.mode):
            found.append(ArmRefusal.NO_DRIVER)
        pressed = diary.stick in (Stick.PRESSED, Stick.PRESSED_NOT_HELD)
        if self.is_link_live(asked.mode) and (pressed or diary.demand >= 0):
            found.append(ArmRefusal.THROTTLE_NOT_NEUTRAL)
        return found
