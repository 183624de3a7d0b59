"""The pilot's API, on the real server: which one drives, and the newest frame as it sees it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from car.config.sections import CarConfig, RecordingSection, WebSection
from car.pilots.line_follower_kind import LineFollowerSection
from tests.car.web.serving import PORT, serving
from tests.frames import SMALL, make_frame, make_record

LINES = CarConfig(
    web=WebSection(port=PORT, announce=False),
    recording=RecordingSection(min_free_mb=0),
    pilot=LineFollowerSection(kind="line-follower"),
)


def test_the_newest_frame_is_shown_as_the_line_follower_sees_it(tmp_path: Path) -> None:
    with serving(tmp_path / "mycar", LINES) as served:
        assert served.client.get("pilot").json() == {"name": "line-follower", "has_picture": True}
        served.refused("GET", "pilot/picture", 409, "no picture lately")
        frame = make_frame(0)
        served.context.ring.publish(make_record(frame), frame)
        answer = served.client.get("pilot/picture")
        assert answer.headers["content-type"] == "image/jpeg"
        picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape == (15 * SMALL.height, 15 * SMALL.width, 3)
        # A browser that asks again before there is a newer one sees the same.
        assert served.client.get("pilot/picture").content == answer.content


def test_a_model_has_nothing_to_show(tmp_path: Path) -> None:
    with serving(tmp_path / "mycar") as served:
        assert served.client.get("pilot").json() == {"name": "simulated-lane.tflite", "has_picture": False}
        frame = make_frame(0)
        served.context.ring.publish(make_record(frame), frame)
        served.refused("GET", "pilot/picture", 409, "does not show what it goes by")
