"""The drive socket: what the driver holds comes in with the client's time, the car's state goes out 20 times a second.

A command's age counts from when the browser sampled it (``ClientClock``), so a network that stalls cannot make old
commands look fresh. A socket that closes is a driver who has left: neutral at once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, WebSocket
from pydantic import ValidationError

from car.controls.hub import Seat
from car.gate import ArmRefusal
from car.laps.timer import LapTimer
from car.pairing.roles import Role
from car.web import messages
from car.web.access import access_of
from car.web.client_clock import MAX_DOUBT_NS, ClientClock
from car.web.context import BROWSER, WebContext, context_of
from car.web.live import LiveDrive
from car.web.roles import TOO_LITTLE, role_for_message
from car.web.sockets import TRY_LATER, RuleBroken, converse
from car.web.tried_output import TriedOutput
from hardware.clock import NS_PER_MS, NS_PER_S
from hardware.drivetrain import NEUTRAL, Command

STATE_PERIOD_S = 0.05
PING_PERIOD_NS = NS_PER_S // 4
MAX_REFUSED = 20
MAX_CLIENTS = 16
ANOTHER_DRIVES = "Another driver has the car. Take over first."
LATE_NS = NS_PER_S
"""Someone who asked to drive, and saw nothing happen for so long, does not expect it any more."""
TOO_LATE = "The network held that up for too long. Press it again."
TOO_SLOW = "Your link is too slow to drive by: {ms:.0f} ms there and back. Come nearer, or join the car's own network."
NOT_UNDERSTOOD = "The drive socket does not know that message. Reload the page."

router = APIRouter()


@router.websocket("/drive")
async def drive(socket: WebSocket) -> None:
    """Let a browser drive, or watch."""
    context = context_of(socket)
    await socket.accept()
    if context.hub.count(BROWSER) >= MAX_CLIENTS:
        await socket.close(TRY_LATER)
        return
    channel = DriveChannel(socket, context, socket.app.state.laps)
    try:
        await converse(socket, context.clock, channel.hear, channel.talk)
    finally:
        channel.close()


class DriveChannel:
    """One browser at the drive socket."""

    def __init__(self, socket: WebSocket, context: WebContext, laps: LapTimer) -> None:
        self._socket = socket
        self._context = context
        self._clock = context.clock
        self._client_clock = ClientClock()
        self._laps = laps
        self._live = LiveDrive(context.ring, context.config.camera.rate_hz, context.clock, laps, context.laps)
        self._tried = TriedOutput(context.folder)
        self._access = access_of(socket)
        who = self._access.who(socket.scope)
        self._role = who.role if who else Role.WATCH
        self._seat: Seat = context.hub.join(BROWSER, who.name if who else "")
        self._age_ns: int | None = None
        self._asked_age_ns: int | None = None  # what the age was when the driver last asked to drive
        self._is_late = False  # what comes after a sample is as late as that, at least
        self._pinged_ns = 0
        self._refused = 0

    def close(self) -> None:
        """Leave: neutral at once if this browser drove."""
        self._seat.leave()

    async def hear(self, text: str) -> None:
        """Do what a message says; raises RuleBroken for one from a browser that was revoked."""
        arrived_ns = self._clock.now_ns()
        try:
            message = messages.DRIVE_MESSAGES.validate_json(text)
        except ValidationError:
            await self._refuse(NOT_UNDERSTOOD)
            return
        if self._access.who(self._socket.scope) is None:
            raise RuleBroken
        if not self._role.may(needed := role_for_message(message)):
            # What a page holds comes 40 times a second, and nobody meant anything by it.
            if not isinstance(message, messages.Sample):
                await self._say({"type": "refused", "why": TOO_LITTLE.format(needed=needed, role=self._role)})
            return
        asks_to_drive = isinstance(message, messages.Arm | messages.ChangeMode)
        if asks_to_drive:
            self._asked_age_ns = self._age_ns
        # Without the time of its press, a lap is nobody's.
        is_untimed = isinstance(message, messages.CrossLine) and self._age_ns is None
        if (asks_to_drive and self._is_late) or is_untimed:
            await self._say({"type": "refused", "why": self._lateness_in_words()})
        elif not self._obey(message, arrived_ns):
            await self._say({"type": "refused", "why": ANOTHER_DRIVES})

    async def talk(self) -> None:
        """Send the state, and pings, until the socket is closed."""
        while True:
            now_ns = self._clock.now_ns()
            if now_ns - self._pinged_ns >= PING_PERIOD_NS:
                self._pinged_ns = now_ns
                await self._say({"type": "ping", "id": self._client_clock.ping(self._clock.now_ns())})
            await self._say(self._state())
            await asyncio.sleep(STATE_PERIOD_S)

    def _obey(self, message: messages.DriveMessage, arrived_ns: int) -> bool:
        """Do what the message says; False when only the driver may."""
        seat, recorder = self._seat, self._context.recorder
        match message:
            case messages.Sample():
                self._sample(message, arrived_ns)
            case messages.Pong(id=number, client_ms=client_ms):
                self._client_clock.pong(number, round(client_ms * NS_PER_MS), arrived_ns)
            case messages.Arm(mode=mode, wheels_up=wheels_up):
                return seat.arm(mode, wheels_up=wheels_up)
            case messages.ChangeMode(mode=mode):
                return seat.change_mode(mode)
            case messages.Record(on=on):
                if not seat.may_act():
                    return False
                (recorder.switch_on if on else recorder.switch_off)()
            case messages.Erase(seconds=seconds):
                if not seat.may_act():
                    return False
                recorder.erase(seconds)
            case messages.CrossLine(client_ms=client_ms):
                return seat.may_act() and self._cross(client_ms, arrived_ns)
            case messages.TryOutput(name=name, value=value):
                self._tried.try_value(name, value, arrived_ns)
            case messages.EnterTrack(track=track):
                scene = self._context.scene
                return seat.may_act() and scene is not None and scene.enter(track)
            case messages.Act(type=what):
                return self._act(what)
        return True

    def _act(self, what: str) -> bool:
        seat = self._seat
        acts: dict[str, Callable[[], bool | None]] = {
            "stop": seat.stop,
            "disarm": seat.disarm,
            "take_over": seat.take_over,
            "let_go": seat.let_go,
        }
        return acts[what]() is not False or what == "take_over"

    def _cross(self, client_ms: float, arrived_ns: int) -> bool:
        pressed_ns = self._client_clock.sampled_ns(round(client_ms * NS_PER_MS), arrived_ns)
        if self._context.cross_line is not None and pressed_ns is not None:
            self._context.cross_line(pressed_ns)
        return True

    def _sample(self, sample: messages.Sample, arrived_ns: int) -> None:
        sampled_ns = self._client_clock.sampled_ns(round(sample.client_ms * NS_PER_MS), arrived_ns)
        self._age_ns = None if sampled_ns is None else arrived_ns - sampled_ns
        self._is_late = self._age_ns is None or self._age_ns > LATE_NS
        if sampled_ns is None:
            return
        command = Command(sample.steering, sample.throttle)
        if self._live.is_calibrating:
            command = self._tried.command(arrived_ns) if sample.held else NEUTRAL
        self._seat.sample(command, sampled_ns, held=sample.held, throttle_limit=sample.limit, pressed=sample.pressed)

    async def _refuse(self, why: str) -> None:
        self._refused += 1
        if self._refused > MAX_REFUSED:
            raise RuleBroken
        await self._say({"type": "refused", "why": why})

    def _state(self) -> dict[str, Any]:
        track = self._context.name_of(self._context.track())
        self._laps.enter(track)
        self._live.update()
        hub, recording = self._context.hub, self._context.recorder.status
        live = self._live.state()
        return {
            "type": "state",
            "car": self._context.config.car.name,
            "simulated": self._context.scene is not None and self._context.scene.is_simulated,
            **live,
            "track": track,
            "refusal": self._refusal_in_words(live["refusal"]),
            "driver": self._seat.drives,
            "driver_present": (driver := hub.driver) is not None,
            "driver_name": (driver.person or (driver.name if driver.name != BROWSER else "")) if driver else "",
            "role": self._role,
            "viewers": hub.count(BROWSER),
            "round_trip_ms": _ms(self._client_clock.round_trip_ns),
            "command_age_ms": _ms(self._age_ns),
            "recording": {
                "on": recording.on,
                "waits": recording.waits,
                "name": recording.name,
                "frames": recording.frames,
                "missed": recording.missed,
                "failure": recording.failure,
            },
            "telemetry": self._context.telemetry,
            "pilot_name": self._context.pilot,
        }

    def _lateness_in_words(self) -> str:
        """Return why nothing begins by this browser's word: its link is always slow, or was so for a moment."""
        round_trip_ns = self._client_clock.round_trip_ns
        if self._age_ns is None and round_trip_ns is not None and round_trip_ns > MAX_DOUBT_NS:
            return TOO_SLOW.format(ms=round_trip_ns / NS_PER_MS)
        return TOO_LATE

    def _refusal_in_words(self, refusal: str | None) -> str | None:
        """Return why the gate refused, where that is worth a word; of a link that is not live, how late it was."""
        if refusal == ArmRefusal.ALREADY_ARMED:
            return None
        if refusal != ArmRefusal.NO_DRIVER or self._asked_age_ns is None or not self._seat.drives:
            return refusal
        return f"your link is too slow: {self._asked_age_ns / NS_PER_MS:.0f} ms"

    async def _say(self, message: dict[str, Any]) -> None:
        await self._socket.send_text(json.dumps(message, separators=(",", ":")))


def _ms(time_ns: int | None) -> float | None:
    return None if time_ns is None else round(time_ns / NS_PER_MS, 2)
