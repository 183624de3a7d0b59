"""The camera of a simulated car."""

from __future__ import annotations

from collections.abc import Callable

from hardware.camera import MAX_AGE_MS, Camera, Frame, Image
from hardware.clock import NS_PER_MS, NS_PER_S, Clock
from hardware.errors import CameraError, CameraTimeout
from simulator.exposure import AutoExposure
from simulator.renderer import Renderer
from simulator.vehicle import VehicleState


class SimulatedCamera(Camera):
    """Sees the world at ``rate_hz``, starting with the first frame that is asked for.

    ``state_at`` moves the world on to a time in nanoseconds, if that is not past, and gives the car as it was then. A
    frame comes ``delay_ms`` after its exposure. One that nobody asked for in time is skipped, as a camera does: the
    newest one that is there is drawn. Exposure and white balance follow the light of the frames that are asked for.
    """

    def __init__(
        self,
        renderer: Renderer,
        clock: Clock,
        rate_hz: float,
        state_at: Callable[[int], VehicleState],
        delay_ms: float = 0.0,
    ) -> None:
        self.geometry = renderer.geometry
        self.rate_hz = rate_hz
        self._state_at = state_at
        self._renderer = renderer
        self._clock = clock
        self._delay_ns = round(delay_ms * NS_PER_MS)
        self._auto = AutoExposure()
        self._first_ns: int | None = None
        self._next = 0
        self._closed = False

    def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
        """Wait for the next frame, stamped with the time of its exposure.

        Raises CameraTimeout after ``timeout_ms`` when it is due later than that, CameraError when closed.
        """
        if self._closed:
            raise CameraError("The simulated camera is closed. Make a new world to go on.")
        now_ns = self._clock.now_ns()
        if self._first_ns is None:
            self._first_ns = now_ns
        there_ns = now_ns - self._delay_ns
        number = max(self._next, int((there_ns - self._first_ns) * self.rate_hz / NS_PER_S))
        due_ns = self._due_ns(number, self._first_ns)
        while due_ns < now_ns - round(max_age_ms * NS_PER_MS):
            number += 1
            due_ns = self._due_ns(number, self._first_ns)
        deadline_ns = now_ns + round(timeout_ms * NS_PER_MS)
        here_ns = due_ns + self._delay_ns
        self._clock.sleep_until_ns(min(here_ns, deadline_ns))
        if here_ns > deadline_ns:
            raise CameraTimeout(f"No frame came in {timeout_ms:g} ms. Wait longer, or ask for a higher frame rate.")
        self._next = number + 1
        return Frame(self._exposed(self._state_at(due_ns), number, due_ns), due_ns, number)

    def _exposed(self, state: VehicleState, number: int, time_ns: int) -> Image:
        if not self._auto.has_settled:
            # It ran before the car drove: what it would have set by now is found by one look.
            self._auto.observe(self._renderer.render(state.pose, number, state.body), time_ns)
        image = self._renderer.render(state.pose, number, state.body, self._auto.exposure)
        self._auto.observe(image, time_ns)
        return image

    def restart(self) -> None:
        """Let exposure and white balance begin anew with the next frame; what is due when stays as it is."""
        self._auto.restart()

    def look_through(self, renderer: Renderer) -> None:
        """Draw by another renderer of the same geometry from the next frame on."""
        self._renderer = renderer
        self.restart()

    def _due_ns(self, number: int, first_ns: int) -> int:
        return first_ns + round(number * NS_PER_S / self.rate_hz)

    def close(self) -> None:
        """Deliver no more frames."""
        self._closed = True
