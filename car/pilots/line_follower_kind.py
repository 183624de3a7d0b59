"""The kind of pilot that follows the lines of a lane without having learned anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from car.kinds.pilot import Pilot, PilotKind, PilotSection
from hardware.camera import CameraGeometry


class LineFollowerSection(PilotSection):
    """The lane and the car that it steers.

    >>> LineFollowerSection(kind="line-follower", lane_half_width_m=0.3).throttle
    0.2

    ``lane_half_width_m`` is from the middle of the lane to the middle of its lines.
    """

    lane_half_width_m: Annotated[float, Field(gt=0, le=2)] = 0.4
    throttle: Annotated[float, Field(ge=0, le=1)] = 0.2
    wheelbase_m: Annotated[float, Field(gt=0, le=1)] = 0.17
    max_steering_deg: Annotated[float, Field(gt=0, le=60)] = 25.0


class LineFollowerKind(PilotKind[LineFollowerSection]):
    """Looks for two lines beside the lane, or one along its middle."""

    section = LineFollowerSection
    has_picture = True

    def open(self, section: LineFollowerSection, camera: CameraGeometry, car_dir: Path) -> Pilot:
        """Open it; raises ModelError for a camera that does not see the floor before the car."""
        # Only here: a configuration is read in places that have no use for OpenCV.
        from car.pilots.line_follower import LineFollower

        return LineFollower(
            camera, section.lane_half_width_m, section.throttle, section.wheelbase_m, section.max_steering_deg
        )
