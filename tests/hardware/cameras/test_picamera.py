"""The Pi's camera, on a thin fake of picamera2 0.3.38."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hardware.camera import CameraGeometry, check_camera
from hardware.cameras.patience import MOST_FAILURES
from hardware.cameras.picamera import HeldExposure, PicameraCamera, full_view_mode
from hardware.clock import NS_PER_MS, SystemClock
from hardware.errors import CameraError, CameraTimeout
from tests.hardware.cameras.fake_picamera2 import IMX219_MODES, READ_OUT_NS, Rig

GEOMETRY = CameraGeometry(width=160, height=120)
RATE_HZ = 80.0


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    rig = Rig()
    monkeypatch.setitem(sys.modules, "picamera2", rig.module())
    return rig


def open_camera(exposure: HeldExposure | None = None, **options: Any) -> PicameraCamera:
    return PicameraCamera(GEOMETRY, RATE_HZ, SystemClock(), exposure=exposure, **options)


def test_a_pi_camera_passes_the_check_of_every_camera(rig: Rig) -> None:
    check_camera(open_camera())
    assert rig.open == []


@pytest.mark.parametrize("align", [1, 64])
@pytest.mark.parametrize("pixel_format", [None, "BGR888", "RGB888", "XBGR8888", "XRGB8888", "YUV420"])
def test_a_red_card_stays_red_whatever_the_camera_makes_of_the_format(
    rig: Rig, pixel_format: str | None, align: int
) -> None:
    rig.pixel_format, rig.align, rig.rgb = pixel_format, align, (220, 20, 30)
    with open_camera() as camera:
        image = camera.next_frame(timeout_ms=5000).image
    assert np.abs(image.astype(int) - rig.rgb).max() <= 3


def test_the_sensor_is_run_in_the_mode_that_sees_everything_and_gives_exactly_the_rate(rig: Rig) -> None:
    open_camera().close()
    (configuration,) = rig.configurations
    assert configuration["sensor"] == {"output_size": (1640, 1232), "bit_depth": 10}
    assert configuration["controls"]["FrameDurationLimits"] == (12_500, 12_500)
    # A frame that picamera2 keeps for later is a buffer that the camera misses.
    assert configuration["queue"] is False


def test_a_rate_that_the_full_view_does_not_have_is_refused_with_the_one_it_has() -> None:
    with pytest.raises(CameraError, match=r"83\.7 frames.*90.*rate_hz.* 83\.7 or less") as refusal:
        full_view_mode(IMX219_MODES, 90.0)
    for rate in ("Camera 2 42", "Camera 3 56", "AI Camera 30"):
        assert rate in str(refusal.value)


def test_frames_keep_the_sensor_s_own_time(rig: Rig) -> None:
    with open_camera() as camera:
        rig.stall()
        before_ns = SystemClock().now_ns()
        rig.deliver()
        frame = camera.next_frame(timeout_ms=0)
        assert before_ns - READ_OUT_NS <= frame.captured_ns <= SystemClock().now_ns() - READ_OUT_NS


def test_a_slow_consumer_gets_the_newest_frame_and_holds_nothing_up(rig: Rig) -> None:
    with open_camera() as camera:
        rig.stall()
        rig.deliver(2)
        before = camera.next_frame(timeout_ms=0)
        rig.deliver(10)
        after = camera.next_frame(timeout_ms=0)
        assert after.number == before.number + 10
        with pytest.raises(CameraTimeout):
            camera.next_frame(timeout_ms=0)


def test_a_frame_that_waited_too_long_is_not_handed_over(rig: Rig) -> None:
    with open_camera() as camera:
        rig.stall()
        rig.deliver()
        with pytest.raises(CameraTimeout):
            camera.next_frame(timeout_ms=1, max_age_ms=0)


def test_the_light_is_measured_once_and_then_held_without_smear(rig: Rig) -> None:
    exposure = HeldExposure()
    open_camera(exposure).close()
    assert exposure.controls == {
        "AeEnable": False,
        "AwbEnable": False,
        "ExposureTime": 10_000,
        "AnalogueGain": pytest.approx(3.2),  # twice as much for 16 ms as it was, in 10
        "ColourGains": (1.5, 1.7),
    }
    assert exposure.controls in rig.controls
    rig.measured = {"ExposureTime": 100, "AnalogueGain": 1.0, "ColourGains": (1.0, 1.0)}
    open_camera(exposure).close()
    assert rig.configurations[-1]["controls"].items() >= exposure.controls.items()


def test_a_monochrome_camera_holds_its_light_and_has_no_colours_to_hold(rig: Rig) -> None:
    del rig.measured["ColourGains"]
    held = HeldExposure()
    with open_camera(held) as camera:
        camera.next_frame(timeout_ms=1000)
    assert rig.controls[-1] == held.controls
    assert held.controls.keys() == {"AeEnable", "ExposureTime", "AnalogueGain"}


def test_without_a_held_exposure_the_camera_adapts_by_itself(rig: Rig) -> None:
    open_camera().close()
    assert all("AeEnable" not in controls for controls in rig.controls)


def camera_3(rig: Rig, model: str = "imx708") -> None:
    """Have a Camera Module 3, whose sensor is 16:9."""
    rig.properties = {"Model": model, "PixelArraySize": (4608, 2592)}
    rig.crop = (576, 0, 3456, 2592)


@pytest.mark.parametrize(
    ("model", "view_deg"), [("imx708", 51.9), ("imx708_noir", 51.9), ("imx708_wide", 85.6), ("imx708_wide_noir", 85.6)]
)
def test_a_4_3_picture_of_a_16_9_sensor_sees_less_than_its_data_sheet_and_that_is_read_back(
    rig: Rig, caplog: pytest.LogCaptureFixture, model: str, view_deg: float
) -> None:
    camera_3(rig, model)
    with open_camera() as camera:
        assert camera.view_deg == view_deg
    (message,) = (record.getMessage() for record in caplog.records)
    assert f"{view_deg}°" in message
    assert "100°" in message
    assert "car doctor" in message


@pytest.mark.parametrize(
    ("fov_deg", "lens", "warns"), [(55.0, "rectilinear", 0), (66.0, "rectilinear", 1), (160.0, "fisheye", 0)]
)
def test_a_view_that_is_nearly_as_the_car_says_or_of_a_lens_of_ones_own_is_no_matter(
    rig: Rig, caplog: pytest.LogCaptureFixture, fov_deg: float, lens: str, warns: int
) -> None:
    camera_3(rig)
    geometry = CameraGeometry(width=160, height=120, fov_deg=fov_deg, lens=lens)
    PicameraCamera(geometry, RATE_HZ, SystemClock()).close()
    assert len(caplog.records) == warns


@pytest.mark.parametrize(
    "properties", [{}, {"Model": "imx477", "PixelArraySize": (4056, 3040)}, {"PixelArraySize": None}]
)
def test_a_camera_that_does_not_say_how_it_sees_is_used_all_the_same(
    rig: Rig, caplog: pytest.LogCaptureFixture, properties: dict[str, Any]
) -> None:
    rig.properties = properties
    with open_camera() as camera:
        assert camera.view_deg is None
    rig.crop = None
    with open_camera() as camera:
        assert camera.view_deg is None
    assert not caplog.records


def test_camera_2_sees_all_that_its_data_sheet_says(rig: Rig) -> None:
    with open_camera() as camera:
        assert camera.view_deg == 62.2


def an_exposure_that_is_not_held(rig: Rig) -> None:
    rig.holds_exposure = False


def no_camera(rig: Rig) -> None:
    rig.cameras = []


def a_camera_in_use(rig: Rig) -> None:
    rig.busy = RuntimeError("Camera __init__ sequence did not complete.")


def a_camera_that_went_away_while_it_was_opened(rig: Rig) -> None:
    rig.busy = IndexError("list index out of range")


def memory_of_another_group(rig: Rig) -> None:
    rig.busy = PermissionError(13, "Permission denied", "/dev/dma_heap/linux,cma")


def no_camera_manager(rig: Rig) -> None:
    rig.manager_fails = True


def a_mode_without_a_rate(rig: Rig) -> None:
    rig.modes = [{"crop_limits": (0, 0, 3280, 2464)}]


def another_size(rig: Rig) -> None:
    rig.size = (192, 120)


def another_sensor_mode(rig: Rig) -> None:
    rig.sensor_size = (1920, 1080)


def a_camera_that_libcamera_lost(rig: Rig) -> None:
    rig.busy = AttributeError("'NoneType' object has no attribute 'at'")


def a_camera_that_does_not_say_how_it_exposes(rig: Rig) -> None:
    rig.measured = {}


def a_camera_that_does_not_amplify(rig: Rig) -> None:
    rig.measured = {"ExposureTime": 16_000, "AnalogueGain": None}


def an_exposure_of_nothing(rig: Rig) -> None:
    rig.measured = {"ExposureTime": 0, "AnalogueGain": 1.0}


def no_frames(rig: Rig) -> None:
    rig.starts = False


def a_usb_camera(rig: Rig) -> None:
    rig.modes = [{"format": "MJPEG"}]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (an_exposure_that_is_not_held, "fixed_exposure = false"),
        (no_camera, "ribbon cable.*list-cameras"),
        (a_camera_in_use, "other program"),
        (a_camera_that_went_away_while_it_was_opened, "list index.*other program"),
        (memory_of_another_group, "Permission denied"),
        (no_camera_manager, "libcamera does not start.*car doctor"),
        (a_camera_that_libcamera_lost, "libcamera has lost it.*car doctor"),
        (a_camera_that_does_not_say_how_it_exposes, "not report its ExposureTime.*fixed_exposure = false"),
        (a_camera_that_does_not_amplify, "not report its AnalogueGain.*fixed_exposure = false"),
        (an_exposure_of_nothing, "not report its ExposureTime.*fixed_exposure = false"),
        (a_mode_without_a_rate, "cannot be started: it does not report its fps.*rpicam-hello"),
        (another_size, "192x120 instead of 160x120.*camera.width"),
        (another_sensor_mode, "1920x1080 instead of 1640x1232"),
        (no_frames, "no frames.*ribbon cable"),
        (a_usb_camera, 'kind = "usb"'),
    ],
)
def test_what_is_wrong_is_said_with_the_next_step_and_the_camera_is_released(
    rig: Rig, trouble: Callable[[Rig], None], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hardware.cameras.picamera.FIRST_FRAME_MS", 200.0)
    trouble(rig)
    with pytest.raises(CameraError, match=words) as refusal:
        open_camera(HeldExposure())
    assert rig.open == []
    # A person reads it: none of Python's own words, and a next step.
    assert not any(word in str(refusal.value) for word in ("Error(", "NoneType", "None"))
    assert str(refusal.value).count(". ") >= 1


def test_a_number_that_no_camera_has_is_answered_with_those_there_are(rig: Rig) -> None:
    with pytest.raises(CameraError, match=r"no camera 1.*0 \(imx219\)"):
        open_camera(number=1)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ImportError("No module"), r"python3-picamera2.*--system-site-packages"),
        (ValueError("numpy.dtype size changed"), "another NumPy.*car doctor"),
        (ImportError("numpy.core.multiarray failed to import"), "another NumPy.*car doctor"),
    ],
)
def test_a_picamera2_that_cannot_be_loaded_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    load = builtins.__import__

    def refuse(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "picamera2":
            raise error
        return load(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(CameraError, match=words):
        open_camera()


def test_a_frame_that_cannot_be_read_is_missing_and_no_more(rig: Rig) -> None:
    with open_camera() as camera:
        rig.stall()
        for _ in range(MOST_FAILURES):
            rig.stamps_frames = False
            rig.deliver()
            rig.stamps_frames = True
            rig.deliver()
            assert camera.next_frame(timeout_ms=100, max_age_ms=1000).image.shape == (120, 160, 3)


def test_several_frames_in_a_row_that_cannot_be_read_are_heard_of(rig: Rig) -> None:
    with open_camera() as camera:
        rig.stall()
        rig.stamps_frames = False
        rig.deliver(MOST_FAILURES)
        with pytest.raises(CameraError, match=r"cannot be read.*SensorTimestamp"):
            camera.next_frame(timeout_ms=100, max_age_ms=0)


def test_a_closed_camera_hands_out_nothing_that_is_left(rig: Rig) -> None:
    camera = open_camera()
    rig.stall()
    rig.deliver()
    camera.close()
    camera.close()
    with pytest.raises(CameraError, match="closed"):
        camera.next_frame(timeout_ms=0)


def test_a_gap_in_the_numbers_tells_what_the_camera_dropped(rig: Rig) -> None:
    with open_camera() as camera:
        rig.stall()
        clock = SystemClock()
        rig.deliver()
        before = camera.next_frame(timeout_ms=0)
        clock.sleep_until_ns(clock.now_ns() + 125 * NS_PER_MS)
        rig.deliver()
        after = camera.next_frame(timeout_ms=0)
        expected = (after.captured_ns - before.captured_ns) * RATE_HZ / 1e9
        assert after.number - before.number == round(expected) >= 10
