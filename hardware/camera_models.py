"""The cameras that people buy: how wide they see, how often, and how late a frame comes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hardware.camera import CameraGeometry


@dataclass(frozen=True, slots=True)
class CameraModel:
    """A camera and the mode in which it shows its full view at 4:3.

    >>> pi = CAMERA_MODELS["pi-camera-3"]
    >>> pi.geometry(CameraGeometry(width=160, height=120)).fov_deg
    51.9

    ``fov_deg`` is the horizontal field of view of a 4:3 picture, ``rate_hz`` the most frames per second in which the
    whole view is read, ``delay_ms`` the time from the exposure to the frame in the program's hands.
    """

    fov_deg: float
    rate_hz: float
    delay_ms: float

    def geometry(self, mounted: CameraGeometry | None = None) -> CameraGeometry:
        """Return how this camera sees where another one, by default the built-in one, is mounted."""
        return replace(mounted or CameraGeometry(), fov_deg=self.fov_deg, lens="rectilinear")


CAMERA_MODELS: dict[str, CameraModel] = {
    "pi-camera-2": CameraModel(fov_deg=62.2, rate_hz=41.0, delay_ms=27.0),
    "pi-camera-3": CameraModel(fov_deg=51.9, rate_hz=56.0, delay_ms=22.0),
    "pi-camera-3-wide": CameraModel(fov_deg=85.6, rate_hz=56.0, delay_ms=22.0),
    "ai-camera": CameraModel(fov_deg=66.0, rate_hz=30.0, delay_ms=40.0),
    "usb-webcam": CameraModel(fov_deg=60.0, rate_hz=30.0, delay_ms=60.0),
}
"""Cameras by name.

Fields of view of the Pi cameras are their maker's: 62.2° for Camera Module 2, 66° for Camera Module 3, 102° for its
wide version, 66° ± 3° for the AI Camera. The sensor of Camera Module 3 is 16:9: a 4:3 picture cut from its middle keeps
three quarters of the width, 2 atan(0.75 tan 33°) = 51.9°, and of the wide one 85.6°. The rates are those of the
sensors' binned modes that read the full view (1640x1232, 2304x1296, 2028x1520), from the maker's documentation too. The
delays of 27 ms and 22 ms were measured by the DeepRacer community on a Pi 5; that of the wide camera is taken to be the
same, as its sensor is. Those of the AI Camera (a frame and a bit at its rate) and of the webcam (a frame, its JPEG and
USB), and the webcam's 60°, are estimates: webcams sold today have 55° to 70°.
"""


def camera_model(name: str) -> CameraModel:
    """Return the camera called ``name``; raises ValueError where there is none."""
    if name not in CAMERA_MODELS:
        raise ValueError(f"There is no camera model {name!r}. Use one of {', '.join(CAMERA_MODELS)}.")
    return CAMERA_MODELS[name]
