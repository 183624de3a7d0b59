"""A thin picamera2: the part of its interface that the driver uses, over a camera made of numbers.

Names and parameters are those of picamera2 0.3.38. Compare them with any picamera2 you have, for which it need not be
importable::

    python -m tests.hardware.cameras.fake_picamera2 FOLDER/picamera2

Frames come in a thread of the camera's own, as picamera2 has it, at the rate asked for; ``Rig.stall`` ends them, and
``Rig.deliver`` then has them come one by one in the test's thread.
"""

from __future__ import annotations

import ast
import inspect
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardware.clock import NS_PER_MS, SystemClock

READ_OUT_NS = 15 * NS_PER_MS
"""From the start of an exposure until the frame is there."""
CONTROL_DELAY_FRAMES = 2
IMX219_MODES: list[dict[str, Any]] = [
    {"size": (640, 480), "bit_depth": 10, "fps": 206.65, "crop_limits": (1000, 752, 1280, 960)},
    {"size": (1640, 1232), "bit_depth": 10, "fps": 83.7, "crop_limits": (0, 0, 3280, 2464)},
    {"size": (1640, 1232), "bit_depth": 8, "fps": 83.7, "crop_limits": (0, 0, 3280, 2464)},
    {"size": (1920, 1080), "bit_depth": 10, "fps": 47.57, "crop_limits": (680, 692, 1920, 1080)},
    {"size": (3280, 2464), "bit_depth": 10, "fps": 21.19, "crop_limits": (0, 0, 3280, 2464)},
]


@dataclass
class Rig:
    """What is connected to the fake Pi, what it makes of a configuration, and what it has been told."""

    cameras: list[dict[str, Any]] = field(default_factory=lambda: [{"Model": "imx219", "Id": "/base/imx219", "Num": 0}])
    modes: list[dict[str, Any]] = field(default_factory=lambda: IMX219_MODES)
    pixel_format: str | None = None  # what it gives whatever is asked for; None: that
    size: tuple[int, int] | None = None
    sensor_size: tuple[int, int] | None = None
    align: int = 1
    rgb: tuple[int, int, int] = (0, 0, 0)
    measured: dict[str, Any] = field(
        default_factory=lambda: {"ExposureTime": 16_000, "AnalogueGain": 2.0, "ColourGains": (1.5, 1.7)}
    )
    properties: dict[str, Any] = field(default_factory=lambda: {"Model": "imx219", "PixelArraySize": (3280, 2464)})
    crop: tuple[int, int, int, int] | None = (0, 2, 3280, 2460)
    holds_exposure: bool = True
    starts: bool = True
    stamps_frames: bool = True
    busy: Exception | None = None
    manager_fails: bool = False
    open: list[FakePicamera2] = field(default_factory=list)
    configurations: list[dict[str, Any]] = field(default_factory=list)
    controls: list[dict[str, Any]] = field(default_factory=list)

    def stall(self) -> None:
        """Let no more frames come from the cameras that run now."""
        for device in self.open:
            device.end_thread()

    def deliver(self, frames: int = 1) -> None:
        """Have every camera that runs complete so many requests, one after the other."""
        for device in self.open:
            for _ in range(frames):
                device.complete_request()

    def module(self) -> ModuleType:
        """Return the module that ``import picamera2`` is to give."""
        module = ModuleType("picamera2")
        rig = self

        class Picamera2(FakePicamera2):
            def __init__(
                self, camera_num: int = 0, verbose_console: Any = None, tuning: Any = None, allocator: Any = None
            ) -> None:
                super().__init__(rig, camera_num)

            @staticmethod
            def global_camera_info() -> list[dict[str, Any]]:
                if rig.manager_fails:
                    raise RuntimeError("Failed to start camera manager")
                return rig.cameras

        module.Picamera2 = Picamera2  # type: ignore[attr-defined]
        module.MappedArray = MappedArray  # type: ignore[attr-defined]
        return module


class FakePicamera2:
    """``picamera2.Picamera2``, as far as the driver goes."""

    def __init__(self, rig: Rig, camera_num: int) -> None:
        if rig.busy:
            raise rig.busy
        self.rig = rig
        self.pre_callback: Callable[[FakeRequest], None] | None = None
        self.started = False
        self.closes = 0
        self.config: dict[str, Any] = {}
        self._reported = dict(rig.measured)
        self._pending: list[tuple[int, dict[str, Any]]] = []
        self._stamp_ns = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        rig.open.append(self)

    @property
    def camera_controls(self) -> dict[str, tuple[Any, Any, Any]]:
        return {"AnalogueGain": (1.0, 10.7, 1.0), "ExposureTime": (75, 11_766_829, 20_000)}

    @property
    def camera_properties(self) -> dict[str, Any]:
        return self.rig.properties

    @property
    def sensor_modes(self) -> list[dict[str, Any]]:
        return self.rig.modes

    def create_video_configuration(
        self,
        main: dict[str, Any] = {},  # noqa: B006 - as picamera2 has it
        lores: Any = None,
        raw: Any = {},  # noqa: B006
        transform: Any = None,
        colour_space: Any = None,
        buffer_count: int = 6,
        controls: dict[str, Any] = {},  # noqa: B006
        display: str | None = "main",
        encode: str | None = "main",
        queue: bool = True,
        sensor: Any = {},  # noqa: B006
        use_case: str = "video",
    ) -> dict[str, Any]:
        return {
            "main": dict(main),
            "lores": lores,
            "raw": raw,
            "controls": controls,
            "sensor": dict(sensor),
            "queue": queue,
        }

    def configure(self, camera_config: Any = None) -> None:
        if self.started:
            raise RuntimeError("Camera must be stopped before configuring")
        if any(length % 2 for length in camera_config["main"]["size"]):
            raise RuntimeError("width and height should be even")
        config = dict(camera_config)
        main = config["main"] = dict(config["main"])
        main["format"] = self.rig.pixel_format or main["format"]
        main["size"] = self.rig.size or main["size"]
        bytes_per_pixel = {"8888": 4, "V420": 1, "U420": 1}.get(main["format"][-4:], 3)
        main["stride"] = -(-main["size"][0] * bytes_per_pixel // self.rig.align) * self.rig.align
        config["sensor"]["output_size"] = self.rig.sensor_size or config["sensor"]["output_size"]
        self.config = config
        self.rig.configurations.append(config)
        self.set_controls(config["controls"])

    def camera_configuration(self) -> dict[str, Any]:
        return self.config

    def set_controls(self, controls: dict[str, Any]) -> None:
        if "AwbEnable" in controls and "ColourGains" not in self.rig.measured:
            raise RuntimeError("Control AwbEnable is not advertised by libcamera")
        self.rig.controls.append(controls)
        if self.rig.holds_exposure:
            known = {name: value for name, value in controls.items() if name in self._reported}
            self._pending.append((CONTROL_DELAY_FRAMES if self.started else 0, known))

    def start(self, config: Any = None, show_preview: Any = False) -> None:
        self.started = True
        if self.rig.starts:
            self._thread.start()

    def close(self) -> None:
        self.closes += 1
        self.started = False
        self.end_thread()
        if self in self.rig.open:
            self.rig.open.remove(self)

    def end_thread(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        period_us, _ = self.config["controls"]["FrameDurationLimits"]
        while not self._ended.wait(period_us / 1e6):
            self.complete_request()

    def complete_request(self) -> None:
        if self.started and self.pre_callback is not None:
            self._apply_controls()
            self.pre_callback(FakeRequest(self.config, self._buffer(), self._metadata()))

    def _apply_controls(self) -> None:
        self._pending = [(frames - 1, controls) for frames, controls in self._pending]
        for frames, controls in self._pending:
            if frames < 0:
                self._reported |= controls

    def _metadata(self) -> dict[str, Any]:
        self._stamp_ns = max(self._stamp_ns + 1, SystemClock().now_ns() - READ_OUT_NS)
        stamp = {"SensorTimestamp": self._stamp_ns} if self.rig.stamps_frames else {}
        crop = {} if self.rig.crop is None else {"ScalerCrop": self.rig.crop}
        return {**self._reported, **stamp, **crop}

    def _buffer(self) -> NDArray[np.uint8]:
        main = self.config["main"]
        return make_buffer(main["format"], main["size"], main["stride"], self.rig.rgb)


class FakeRequest:
    """``picamera2.CompletedRequest``."""

    def __init__(self, config: dict[str, Any], buffer: NDArray[np.uint8], metadata: dict[str, Any]) -> None:
        self.config = config
        self.buffer = buffer
        self._metadata = metadata

    def get_metadata(self) -> dict[str, Any]:
        return dict(self._metadata)


class MappedArray:
    """``picamera2.MappedArray``: a view of the request's buffer, which the camera takes back afterwards."""

    def __init__(self, request: FakeRequest, stream: str, reshape: bool = True, write: bool = True) -> None:
        assert not reshape
        self._buffer = request.buffer

    def __enter__(self) -> MappedArray:
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, exc_traceback: Any) -> None:
        # The camera writes its next frame here.
        self._buffer[:] = 99

    @property
    def array(self) -> NDArray[np.uint8]:
        return self._buffer


def make_buffer(pixel_format: str, size: tuple[int, int], stride: int, rgb: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return what a camera that sees ``rgb`` everywhere has in its memory, with rubbish where nothing is to be read."""
    (width, height), (red, green, blue) = size, rgb
    if pixel_format in ("YUV420", "YVU420"):
        # ITU-R BT.601 with the range of video, as libcamera's colour space Smpte170m has it.
        y = 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255
        u = 128 + (-37.797 * red - 74.203 * green + 112.0 * blue) / 255
        v = 128 + (112.0 * red - 93.786 * green - 18.214 * blue) / 255
        planes = [(y, height, width, stride)]
        planes += [
            (value, height // 2, width // 2, stride // 2) for value in ((u, v) if pixel_format[1] == "U" else (v, u))
        ]
        return np.concatenate([_plane([round(value)], *sizes) for value, *sizes in planes])
    orders = {"BGR888": [red, green, blue], "RGB888": [blue, green, red]}
    orders |= {"XBGR8888": [red, green, blue, 255], "XRGB8888": [blue, green, red, 255]}
    return _plane(orders[pixel_format], height, width, stride)


def _plane(pixel: list[int], height: int, width: int, stride: int) -> NDArray[np.uint8]:
    rows = np.full((height, stride), 123, np.uint8)
    rows[:, : width * len(pixel)] = np.tile(np.array(pixel, np.uint8), width)
    return rows.reshape(-1)


_CHECKED = {
    "Picamera2": ("picamera2.py", Rig().module().Picamera2),
    "CompletedRequest": ("request.py", FakeRequest),
    "MappedArray": ("request.py", MappedArray),
}
_USED = {
    "Picamera2": "__init__ global_camera_info sensor_modes camera_controls camera_properties "
    "create_video_configuration configure camera_configuration set_controls start close",
    "CompletedRequest": "get_metadata",
    "MappedArray": "__init__ __enter__ __exit__ array",
}


def differences(folder: Path) -> list[str]:
    """Return where a real picamera2's parameters are not the fake's, reading its source."""
    found = []
    for owner, (file, fake) in _CHECKED.items():
        for name in _USED[owner].split():
            attribute = inspect.getattr_static(fake, name)
            function: Any = attribute.fget if isinstance(attribute, property) else getattr(fake, name)
            expected = list(inspect.signature(function).parameters)
            actual = _parameters(folder / file, owner, name)
            if actual != expected:
                found.append(f"{owner}.{name}: {actual} instead of {expected}")
    return found


def _parameters(path: Path, owner: str, name: str) -> list[str] | None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and node.name == owner:
            for function in node.body:
                if isinstance(function, ast.FunctionDef) and function.name == name:
                    return [argument.arg for argument in function.args.args]
    return None


if __name__ == "__main__":
    print("\n".join(differences(Path(sys.argv[1]))) or "The fake has the same signatures.")
