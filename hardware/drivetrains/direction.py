"""What lies between forward and backward: a pause at neutral, and for most ESCs a tap on the brake before it.

The way back needs neither: an ESC goes forward from reverse when it is told to.
"""

from __future__ import annotations

from typing import Literal

from hardware.clock import NS_PER_MS

Reverse = Literal["double_tap", "direct", "none"]
"""How a motor is made to turn backwards.

``double_tap``: the first pull backwards is the brake; only after neutral does the second one drive backwards, as with
nearly every ESC of an RC car. ``direct``: after neutral, at once. ``none``: never, for an ESC that cannot.
"""

PAUSE_NS = 100 * NS_PER_MS
"""Five periods at 50 Hz: an ESC has seen neutral, and gears and bridges are spared the worst."""
TAP_NS = 100 * NS_PER_MS

_DIRECT = ((PAUSE_NS, 0.0),)
_DOUBLE_TAP = ((PAUSE_NS, 0.0), (PAUSE_NS + TAP_NS, 1.0), (2 * PAUSE_NS + TAP_NS, 0.0))
"""Until when, after the change was asked for, which share of the throttle is given."""


class DirectionChange:
    """Turns the throttle that is asked for into the one that may be given now.

    >>> change = DirectionChange("double_tap")
    >>> [change.throttle(-0.3, now_ns) for now_ns in (0, PAUSE_NS, PAUSE_NS + TAP_NS, 2 * PAUSE_NS + TAP_NS)]
    [-0.0, -0.3, -0.0, -0.3]

    It never waits: it is asked once per command, with the time, and whoever lets go begins the change anew.
    """

    def __init__(self, reverse: Reverse) -> None:
        self._reverse = reverse
        # What an ESC did before we knew it is unknown, and a tap too many does no harm.
        self._went_forward = reverse == "double_tap"
        self._asked_ns: int | None = None

    def throttle(self, asked: float, now_ns: int) -> float:
        """Return what to give for ``asked`` at ``now_ns``."""
        if asked >= 0 or self._reverse == "none":
            self.let_go()
            self._went_forward |= asked > 0
            return max(asked, 0.0)
        if not self._went_forward:
            return asked
        self._asked_ns = now_ns if self._asked_ns is None else self._asked_ns
        for until_ns, share in _DOUBLE_TAP if self._reverse == "double_tap" else _DIRECT:
            if now_ns - self._asked_ns < until_ns:
                return asked * share
        self._went_forward = False
        return asked

    def let_go(self) -> None:
        """Take note that the output is neutral, or forward."""
        self._asked_ns = None
