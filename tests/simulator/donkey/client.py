"""A stand-in for gym-donkeycar, written from the protocol: it sends objects back to back and reads lines."""

from __future__ import annotations

import base64
import json
import socket
from typing import Any, Self

import cv2
import numpy as np

from hardware.camera import Image

TIMEOUT_S = 30.0


class Client:
    """One connection; ``ending`` is what stands after each object, nothing as in today's client or a line break."""

    def __init__(self, port: int, ending: str = "") -> None:
        self._ending = ending
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self._lines = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._lines.close()
        self.socket.close()

    def say(self, msg_type: str, **fields: object) -> None:
        """Send a message, numbers as strings."""
        message = {"msg_type": msg_type, **{key: str(value) for key, value in fields.items()}}
        self.socket.sendall((json.dumps(message) + self._ending).encode())

    def drive(self, steering: float, throttle: float, brake: float = 0.0) -> None:
        """Send a command."""
        self.say("control", steering=steering, throttle=throttle, brake=brake)

    def hear(self, *msg_types: str) -> dict[str, Any]:
        """Return the next message of one of these types."""
        while True:
            line = self._lines.readline()
            assert line, "the server has closed the connection"
            message: dict[str, Any] = json.loads(line)
            if message["msg_type"] in msg_types:
                return message

    def is_shown_out(self) -> bool:
        """Read to the end, and tell that there was one."""
        try:
            while self._lines.readline():
                pass
        except ConnectionResetError:
            pass
        return True

    def enter(self, scene: str) -> None:
        """Choose a scene from the menu as gym-donkeycar does."""
        assert self.hear("scene_selection_ready")["loaded"] == "1"
        self.say("get_scene_names")
        assert scene in self.hear("scene_names")["scene_names"]
        self.say("load_scene", scene_name=scene)
        self.hear("car_loaded")
        self.drive(0.0, 0.0, brake=1.0)
        self.say("car_config", body_style="donkey", body_r=10, body_g=20, body_b=30, car_name="test", font_size=10)


def picture_of(telemetry: dict[str, Any], key: str = "image") -> Image:
    """Return the picture in a telemetry, RGB."""
    data = np.frombuffer(base64.b64decode(telemetry[key]), np.uint8)
    decoded = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)
