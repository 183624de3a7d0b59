"""A Raspberry Pi camera, through picamera2.

picamera2 hands each frame to a callback in its own thread; there it is copied once, into an array of its own, and the
buffer goes back to the camera at once. Nothing ever waits in a queue, so a frame is as new as it can be.

Written against the picamera2 0.3.38 interface. Of it only this is used: ``global_camera_info``, ``sensor_modes``,
``create_video_configuration``, ``configure``, ``camera_configuration``, ``camera_controls``, ``camera_properties``,
``set_controls``, ``pre_callback``, ``start``, ``close``, ``MappedArray`` and a request's ``get_metadata``.
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hardware.camera import MAX_AGE_MS, Camera, CameraGeometry, Frame
from hardware.cameras.inbox import FrameInbox
from hardware.cameras.patience import Patience
from hardware.cameras.pixels import PixelReader
from hardware.cameras.view import differs, view_deg
from hardware.clock import Clock
from hardware.errors import CameraError, CameraTimeout

PIXEL_FORMAT = "BGR888"
"""What NumPy sees as RGB. The camera's own hardware scales and converts it, on a Pi 4 and a Pi 5 alike, which spares
us a second, low-resolution stream and the conversion from YUV."""
BUFFERS = 4
FIRST_FRAME_MS = 3000.0
SETTLE_FRAMES = 30
"""About what libcamera's automatic exposure and white balance need from a cold start."""
LONGEST_EXPOSURE_US = 10_000
"""At 2 m/s the car moves 2 cm in that time; longer, and the lines near it are smeared."""
FULL_VIEW_RATES_HZ = {"Camera 2": 42, "Camera 3": 56, "AI Camera": 30}
"""What each reaches while it sees all of its field of view."""
TAKEN_TOLERANCE = 0.1
"""A sensor exposes in whole lines and amplifies in steps of its own."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class HeldExposure:
    """Exposure, gain and white balance, measured by the first camera that is given it and held by all.

    So a recording has one look from end to end, also when the camera was opened again in between.
    """

    controls: dict[str, Any] = field(default_factory=dict)


class PicameraCamera(Camera):
    """A camera at the Raspberry Pi's camera connector, seeing its full field of view.

    ::

        camera = PicameraCamera(CameraGeometry(), 30.0, SystemClock(), exposure=HeldExposure())

    ``number`` says which camera, where there are two. With ``exposure`` the light is measured when it is opened, for
    about a second, and held; without, exposure and white balance stay automatic. Frames are stamped with the sensor's
    own time, the start of their exposure. ``view_deg`` is how wide the picture sees from left to right by what the
    camera says it cut out of its sensor, None where it does not say; the log has a warning when that is another view
    than the geometry's. Raises CameraError when there is no such camera, or it cannot do what is asked.
    """

    def __init__(
        self,
        geometry: CameraGeometry,
        rate_hz: float,
        clock: Clock,
        *,
        number: int = 0,
        exposure: HeldExposure | None = None,
    ) -> None:
        self.geometry = geometry
        self.rate_hz = rate_hz
        self._exposure = exposure
        self._inbox = FrameInbox(rate_hz, clock)
        self._patience = Patience(clock)
        self._metadata: Mapping[str, Any] = {}
        self._picamera2 = _import_picamera2()
        self._device: Any = _open_device(self._picamera2, number)
        try:
            self._pixels = self._configure()
            self._device.pre_callback = self._receive
            self._device.start()
            self._settle()
            self.view_deg = self._read_view()
        except CameraTimeout as error:
            self.close()
            raise CameraError("The camera gives no frames. Check that its ribbon cable sits firmly.") from error
        except CameraError:
            self.close()
            raise
        except Exception as error:  # libcamera's and picamera2's errors have no base in common but this one
            self.close()
            raise CameraError(
                f"The camera cannot be started: {_reason(error)}. Check it with `rpicam-hello`."
            ) from error
        except BaseException:
            self.close()
            raise

    def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
        """Return the newest frame not yet returned; raises as ``Camera.next_frame`` says."""
        return self._inbox.take(timeout_ms, max_age_ms)

    def close(self) -> None:
        """Stop the camera and release it."""
        device, self._device = self._device, None
        self._inbox.close()
        if device is not None:
            # What is pulled out cannot be stopped any more; it is released all the same.
            with contextlib.suppress(RuntimeError, OSError):
                device.close()

    def _configure(self) -> PixelReader:
        """Configure the camera, and read back what it made of that: it changes silently what it cannot give."""
        width, height = self.geometry.width, self.geometry.height
        mode = full_view_mode(self._device.sensor_modes, self.rate_hz)
        period_us = round(1e6 / self.rate_hz)
        held = self._exposure.controls if self._exposure is not None else {}
        self._device.configure(
            self._device.create_video_configuration(
                main={"size": (width, height), "format": PIXEL_FORMAT},
                raw=None,
                buffer_count=BUFFERS,
                controls={"FrameDurationLimits": (period_us, period_us), **held},
                display=None,
                encode=None,
                queue=False,
                sensor={"output_size": mode["size"], "bit_depth": mode["bit_depth"]},
            )
        )
        given = self._device.camera_configuration()
        main, seen = given["main"], given["sensor"]["output_size"]
        if main["size"] != (width, height):
            raise CameraError(
                f"The camera gives {_size(main['size'])} instead of {width}x{height}. "
                f"Set camera.width and camera.height in car.toml to that."
            )
        if seen != mode["size"]:
            raise CameraError(
                f"The camera's sensor runs at {_size(seen)} instead of {_size(mode['size'])}, and may not see all it "
                "could. Update Raspberry Pi OS with `sudo apt full-upgrade`."
            )
        return PixelReader(main["format"], width, height, main["stride"])

    def _receive(self, request: Any) -> None:
        """Take a frame over; called in picamera2's thread, which an exception would end unheard."""
        try:
            metadata = request.get_metadata()
            with self._picamera2.MappedArray(request, "main", reshape=False, write=False) as mapped:
                image = self._pixels.read(mapped.array)
            captured_ns = metadata["SensorTimestamp"]
        except Exception as error:  # noqa: BLE001
            if self._patience.fails():
                self._inbox.fail(CameraError(f"Frames cannot be read: {_reason(error)}. Start the car again."))
        else:
            self._patience.succeed()
            self._metadata = metadata
            self._inbox.put(image, captured_ns)

    def _settle(self) -> None:
        """Wait for the first frame that is exposed as it should be."""
        if self._exposure is None:
            self._wait_for_frames(1)
            return
        if not self._exposure.controls:
            self._wait_for_frames(SETTLE_FRAMES)
            self._exposure.controls = held_controls(self._metadata, self._device.camera_controls)
            self._device.set_controls(self._exposure.controls)
        for _ in range(SETTLE_FRAMES):
            self._wait_for_frames(1)
            if self._is_held(self._exposure.controls):
                return
        raise CameraError("The camera does not hold its exposure. Set camera.fixed_exposure = false in car.toml.")

    def _read_view(self) -> float | None:
        """Return how wide the picture sees; it keeps its proportions, and loses what is over."""
        properties = self._device.camera_properties
        try:
            _, _, seen, _ = self._metadata["ScalerCrop"]
            sensor, pixels = str(properties["Model"]), properties["PixelArraySize"][0]
            seen_deg = view_deg(sensor, min(seen / pixels, 1.0))
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            return None
        if differs(seen_deg, self.geometry.fov_deg, self.geometry.lens):
            _log.warning(
                "With its own lens the camera %s sees %g° from left to right, and car.toml says %g°. Ask car doctor.",
                *(sensor, seen_deg, self.geometry.fov_deg),
            )
        return seen_deg

    def _wait_for_frames(self, frames: int) -> None:
        for _ in range(frames):
            self._inbox.take(FIRST_FRAME_MS, math.inf)

    def _is_held(self, controls: Mapping[str, Any]) -> bool:
        names = ("ExposureTime", "AnalogueGain")
        reported = {name: self._metadata.get(name) for name in names}
        return all(
            value is not None and math.isclose(value, controls[name], rel_tol=TAKEN_TOLERANCE)
            for name, value in reported.items()
        )


def full_view_mode(modes: Iterable[Mapping[str, Any]], rate_hz: float) -> Mapping[str, Any]:
    """Return the smallest of a sensor's modes that sees all of its field of view at ``rate_hz`` frames per second.

    ``modes`` is picamera2's ``sensor_modes``. The other modes see a part of it, and would make another camera of it:
    a Pi camera 2's 640x480 has a third of the width. Raises CameraError when no mode is fast enough.
    """
    sensor_modes = [mode for mode in modes if "crop_limits" in mode]
    if not sensor_modes:
        raise CameraError(
            'This camera has no sensor modes. If it is a USB camera, set camera.kind = "usb" in car.toml.'
        )
    widest = max(_area(mode["crop_limits"][2:]) for mode in sensor_modes)
    full = [mode for mode in sensor_modes if _area(mode["crop_limits"][2:]) == widest]
    fast = [mode for mode in full if mode["fps"] >= rate_hz]
    if not fast:
        fastest = max(mode["fps"] for mode in full)
        known = ", ".join(f"{name} {reached_hz}" for name, reached_hz in FULL_VIEW_RATES_HZ.items())
        raise CameraError(
            f"The camera's full view comes at {fastest:g} frames per second at most, and car.toml asks for {rate_hz:g} "
            f"(in general: {known}). Set camera.rate_hz in car.toml to {fastest:g} or less."
        )
    return min(fast, key=lambda mode: (_area(mode["size"]), -mode["bit_depth"]))


def held_controls(metadata: Mapping[str, Any], limits: Mapping[str, tuple[Any, Any, Any]]) -> dict[str, Any]:
    """Return the controls that hold the light as ``metadata`` says it was measured.

    What is cut off an exposure that is too long is made up by gain, as far as the sensor has it. A monochrome sensor
    has no colours to hold. Raises CameraError for a camera that does not say how it exposes.
    """
    unknown = [name for name in ("ExposureTime", "AnalogueGain") if not metadata.get(name)]
    unknown += [] if "AnalogueGain" in limits else ["limits of AnalogueGain"]
    if unknown:
        raise CameraError(
            f"The camera does not report its {unknown[0]}, so that nobody can hold it. "
            "Set camera.fixed_exposure = false in car.toml."
        )
    exposure_us = min(metadata["ExposureTime"], LONGEST_EXPOSURE_US)
    gain = metadata["AnalogueGain"] * metadata["ExposureTime"] / exposure_us
    lowest, highest, _ = limits["AnalogueGain"]
    light = {"AeEnable": False, "ExposureTime": exposure_us, "AnalogueGain": min(max(gain, lowest), highest)}
    if "ColourGains" not in metadata:
        return light
    return {**light, "AwbEnable": False, "ColourGains": tuple(metadata["ColourGains"])}


def _import_picamera2() -> Any:
    try:
        import picamera2
    # A module built for another NumPy raises ValueError.
    except (ImportError, ValueError) as error:
        if "numpy" in str(error):
            raise CameraError(
                f"picamera2 is built for another NumPy ({error}). Ask car doctor for the command that installs it."
            ) from error
        raise CameraError(
            f"picamera2 cannot be loaded ({error}). Install it with `sudo apt install python3-picamera2`, and make the "
            "virtual environment with --system-site-packages."
        ) from error
    return picamera2


def _open_device(picamera2: Any, number: int) -> Any:
    try:
        cameras = picamera2.Picamera2.global_camera_info()
    except Exception as error:
        raise CameraError(
            f"libcamera does not start: {_reason(error)}. Run `car doctor`, and restart the Pi."
        ) from error
    if not cameras:
        raise CameraError(
            "No camera is connected. Check the ribbon cable at both ends, then look with `rpicam-hello --list-cameras`."
        )
    if number >= len(cameras):
        known = ", ".join(f"{index} ({camera['Model']})" for index, camera in enumerate(cameras))
        raise CameraError(f"There is no camera {number}. Set camera.device in car.toml to one of: {known}.")
    try:
        return picamera2.Picamera2(number)
    except Exception as error:
        raise CameraError(
            f"The camera cannot be opened: {_reason(error)}. End the other program that uses it, or ask car doctor."
        ) from error


def _reason(error: Exception) -> str:
    """Return in words what went wrong inside picamera2 or libcamera, whose errors are Python's own."""
    if isinstance(error, KeyError):
        return f"it does not report its {error.args[0] if error.args else 'state'}"
    if isinstance(error, AttributeError | TypeError) and "NoneType" in str(error):
        return "libcamera has lost it, as it does when the ribbon is loose or the camera did not start"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} ({error.filename})" if error.filename else error.strerror
    return str(error).rstrip(".") or type(error).__name__


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
