"""How a car's body leans and moves while the camera on it takes a picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Body:
    """The car's body at one moment.

    >>> braking = Body(pitch_rad=0.02, forward_m_s=1.2)
    >>> braking.roll_rad
    0.0

    ``pitch_rad`` is how far the nose has gone down, as in braking; ``roll_rad`` how far the body leans to the right, as
    in a bend to the left. ``forward_m_s`` and ``leftward_m_s`` are the speed of the middle of the car in its own frame,
    ``yaw_rate_rad_s`` how fast it turns, positive to the left.
    """

    pitch_rad: float = 0.0
    roll_rad: float = 0.0
    forward_m_s: float = 0.0
    leftward_m_s: float = 0.0
    yaw_rate_rad_s: float = 0.0


STILL = Body()
"""Level, and not moving."""
