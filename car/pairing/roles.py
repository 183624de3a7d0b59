"""What someone who was let in may do: watch, drive, or everything."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a paired browser or laptop may do; each role may do all that the one before it may.

    ``watch`` sees the video, the map and the state, and may stop the car; ``drive`` may also take the car, arm, record
    and choose a pilot; ``own`` may do everything.

    >>> Role.DRIVE.may(Role.WATCH), Role.DRIVE.may(Role.OWN)
    (True, False)
    """

    WATCH = "watch"
    DRIVE = "drive"
    OWN = "own"

    def may(self, needed: Role) -> bool:
        """Tell whether this role may do what takes ``needed``."""
        order = list(Role)
        return order.index(self) >= order.index(needed)
