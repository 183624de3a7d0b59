"""From car.toml to a camera that works, or one sentence that says why it does not."""

from __future__ import annotations

import contextlib
import sys
import threading
from pathlib import Path
from typing import Literal

import cv2
import pytest

from car.assembly.devices import (
    Devices,
    Wheels,
    make_world,
    open_camera,
    open_devices,
    open_sensor,
    sensors_in_world,
    with_simulated_sensors,
)
from car.config.sections import CarConfig, ObstacleSection, SpeedSection, SupplySection
from car.kinds.camera import CameraSection
from car.kinds.encoder import EncoderSection
from car.kinds.hc_sr04 import HcSr04Section
from car.kinds.ina219 import Ina219Section
from car.kinds.sensor import SensorSection
from car.kinds.simulated import SimulatedEncoderSection, SimulatedRangeSection
from car.kinds.vl53l1x import Vl53l1xSection
from hardware.camera import CameraGeometry, Image, check_camera
from hardware.cameras.orientation import Flip, Rotation
from hardware.cameras.recorded import RecordedCamera
from hardware.cameras.turned import turned_image
from hardware.clock import NS_PER_MS, NS_PER_S, SystemClock, VirtualClock
from hardware.drivetrain import Command
from hardware.drivetrains.timeline import TimelineDrivetrain
from hardware.errors import CameraError, DrivetrainError, SensorError
from hardware.sensor import Reading, Sensor
from simulator.scenario import Scenario
from tests.hardware.cameras.fake_capture import FakeCapture, UsbRig
from tests.hardware.cameras.fake_picamera2 import Rig
from tests.hardware.fakes import gpiochip
from tests.hardware.fakes.ina219 import Chip as Supply
from tests.hardware.fakes.vl53l1x import Chip, FakeDriver
from tests.system.car_process import assert_refused, run_car


@pytest.mark.parametrize("fixed_exposure", [True, False])
def test_a_picamera_opens_as_car_toml_says(monkeypatch: pytest.MonkeyPatch, fixed_exposure: bool) -> None:
    rig = Rig()
    monkeypatch.setitem(sys.modules, "picamera2", rig.module())
    camera = open_camera(CameraSection(kind="picamera", rate_hz=80, fixed_exposure=fixed_exposure), SystemClock())
    assert camera is not None
    check_camera(camera)
    assert any("AeEnable" in controls for controls in rig.controls) is fixed_exposure


def test_a_usb_camera_opens_as_car_toml_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device = tmp_path / "video0"
    monkeypatch.setattr(cv2, "VideoCapture", lambda _device, _backend: FakeCapture(UsbRig(device)))
    device.touch()
    camera = open_camera(CameraSection(kind="usb", device=str(device), rate_hz=100), SystemClock())
    assert camera is not None
    check_camera(camera)


def test_the_second_picamera_is_asked_for_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", Rig().module())
    with pytest.raises(CameraError, match="no camera 1"):
        open_camera(CameraSection(kind="picamera", device="1"), SystemClock())


@pytest.mark.parametrize("kind", ["picamera", "usb"])
def test_a_camera_on_its_side_is_asked_for_its_own_picture_and_gives_the_turned_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: Literal["picamera", "usb"]
) -> None:
    device = tmp_path / "video0"
    device.touch()
    rig, usb = Rig(), UsbRig(device, sizes=[(160, 120)])
    monkeypatch.setitem(sys.modules, "picamera2", rig.module())
    monkeypatch.setattr(cv2, "VideoCapture", lambda _device, _backend: FakeCapture(usb))
    name = str(device) if kind == "usb" else ""
    section = CameraSection(kind=kind, device=name, rate_hz=80, fixed_exposure=False, rotation=90)
    camera = open_camera(section, SystemClock())
    assert camera is not None
    with camera:
        assert camera.next_frame(5000).image.shape == (160, 120, 3)
        assert camera.geometry == section.geometry


@pytest.mark.parametrize(("rotation", "flip"), [(180, "none"), (90, "none"), (270, "vertical"), (0, "horizontal")])
def test_the_simulated_camera_is_turned_as_every_other(rotation: Rotation, flip: Flip) -> None:
    def first_image(section: CameraSection) -> Image:
        devices = open_devices(CarConfig(camera=section), VirtualClock())
        try:
            assert devices.camera.geometry == section.geometry
            return devices.camera.next_frame(1000).image
        finally:
            devices.close()

    image = first_image(CameraSection(rotation=rotation, flip=flip))
    assert (image == turned_image(first_image(CameraSection()), rotation, flip)).all()


@pytest.mark.parametrize("rotation", [0, 90])
def test_the_simulated_camera_is_as_late_as_the_model_that_it_stands_for(rotation: Rotation) -> None:
    clock = VirtualClock()
    section = CameraSection(model="usb-webcam", rotation=rotation)
    devices = open_devices(CarConfig(camera=section), clock)
    try:
        assert devices.camera.geometry == section.geometry
        for _ in range(3):
            captured_ns = devices.camera.next_frame(1000).captured_ns
            assert clock.now_ns() - captured_ns == 60 * NS_PER_MS
    finally:
        devices.close()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('kind = "usb"\ndevice = "/dev/video99"', ["/dev/video99", "Plug it in"]),
        ('kind = "picamera"', ["picamera2", "sudo apt install python3-picamera2"]),
        ('kind = "picamera"\ndevice = "/dev/video0"', ["camera", "number"]),
    ],
)
def test_driving_without_its_camera_is_one_sentence(tmp_path: Path, lines: str, words: list[str]) -> None:
    (tmp_path / "car.toml").write_text(f"[camera]\n{lines}\n", encoding="utf-8")
    assert_refused(run_car("drive", "--headless", "--no-record", cwd=tmp_path), *words)


class Recorded(Sensor):
    """Puts its name down when it is closed, and may fail to."""

    def __init__(self, name: str, closed: list[str], *, fails: bool = False) -> None:
        self.name, self._closed, self._fails = name, closed, fails

    def read(self) -> Reading | None:
        return None

    def close(self) -> None:
        self._closed.append(self.name)
        if self._fails:
            raise OSError("stuck")


class RecordedDrivetrain(TimelineDrivetrain):
    def __init__(self, closed: list[str]) -> None:
        super().__init__(VirtualClock())
        self._names = closed

    def close(self) -> None:
        self._names.append("drivetrain")


def test_the_drivetrain_is_closed_first_and_every_sensor_even_if_one_fails() -> None:
    closed: list[str] = []
    sensors = {name: Recorded(name, closed, fails=name == "b") for name in "abc"}
    camera = RecordedCamera(iter(()), CameraGeometry(), VirtualClock())
    with pytest.raises(OSError, match="stuck"):
        Devices(camera, RecordedDrivetrain(closed), sensors=sensors).close()
    assert closed[0] == "drivetrain"
    assert sorted(closed[1:]) == ["a", "b", "c"]


def test_a_sensor_that_hangs_does_not_hang_the_programs_end(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    goes_on = threading.Event()

    class Stuck(Recorded):
        def close(self) -> None:
            goes_on.wait(5)
            super().close()

    monkeypatch.setattr("car.assembly.devices.CLOSE_TIMEOUT_S", 0.05)
    camera = RecordedCamera(iter(()), CameraGeometry(), VirtualClock())
    sensors = {"b": Recorded("b", closed), "a": Stuck("a", closed)}
    Devices(camera, RecordedDrivetrain(closed), sensors=sensors).close()
    assert closed == ["drivetrain", "b"]
    goes_on.set()


LOOKING = CarConfig(sensors={"front": SimulatedRangeSection(rate_hz=50.0, max_m=3.0)}, obstacle=ObstacleSection())


def test_a_simulated_car_has_the_range_sensor_that_car_toml_says() -> None:
    clock = VirtualClock(1)
    with contextlib.closing(open_devices(LOOKING, clock)) as devices:
        clock.advance_ns(60 * NS_PER_MS)
        reading = devices.sensors["front"].read()
    assert reading == Reading({"distance_m": 3.0}, 1 + 20 * NS_PER_MS)


def test_in_a_simulation_a_simulated_sensor_stands_for_every_other_that_looks_ahead() -> None:
    clock = VirtualClock(1)
    section = HcSr04Section(kind="hc_sr04")
    config = LOOKING.model_copy(update={"sensors": {"front": section, "back": section}})
    sensors = sensors_in_world(with_simulated_sensors(config), make_world(config, clock, Scenario("oval")), clock)
    assert list(sensors) == ["front"]
    clock.advance_ns(100 * NS_PER_MS)
    assert sensors["front"].read() is not None


def test_a_simulated_sensor_on_a_real_car_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    real = (
        RecordedCamera(iter(()), CameraGeometry(), VirtualClock()),
        Wheels(TimelineDrivetrain(VirtualClock()), None),
    )
    monkeypatch.setattr("car.assembly.devices.open_camera", lambda *_: real[0])
    monkeypatch.setattr("car.assembly.devices.open_wheels", lambda *_: real[1])
    with pytest.raises(SensorError, match=r"front is simulated, and nothing else .* Set \[sensors\.front\]"):
        open_devices(LOOKING, VirtualClock())


ROLLING = CarConfig(sensors={"wheel": SimulatedEncoderSection(mm_per_tick=5.0)}, speed=SpeedSection())


def test_a_simulated_car_has_the_wheel_encoder_that_car_toml_says() -> None:
    clock = VirtualClock(1)
    with contextlib.closing(open_devices(ROLLING, clock)) as devices:
        devices.drivetrain.apply(Command(0.0, 0.25))
        clock.advance_ns(NS_PER_S)
        values = devices.sensors["wheel"].read().values  # type: ignore[union-attr]
        assert devices.motion is not None
        assert values["travelled_m"] == pytest.approx(devices.motion().distance_m, abs=0.005)
    assert values["travelled_m"] > 0.1


def test_in_a_simulation_a_simulated_encoder_stands_for_the_one_that_the_car_has() -> None:
    clock = VirtualClock(1)
    config = ROLLING.model_copy(update={"sensors": {"wheel": EncoderSection(kind="encoder", mm_per_tick=10.0)}})
    sensors = sensors_in_world(with_simulated_sensors(config), make_world(config, clock, Scenario("oval")), clock)
    reading = sensors["wheel"].read()
    assert reading is not None
    assert reading.values == {"speed_m_s": 0.0, "travelled_m": 0.0}


def test_in_a_simulation_two_sensors_stand_for_one_that_measures_distance_and_speed() -> None:
    clock = VirtualClock(1)
    both = SensorSection(kind="laser_and_wheel")
    parts = {"sensors": {"front": both}, "speed": SpeedSection(sensor="front"), "supply": SupplySection()}
    config = LOOKING.model_copy(update=parts)
    simulated = with_simulated_sensors(config)
    assert simulated.supply is None, "what is at a real supply is not in a simulation"
    sensors = sensors_in_world(simulated, make_world(config, clock, Scenario("oval")), clock)
    clock.advance_ns(100 * NS_PER_MS)
    assert simulated.obstacle is not None
    assert simulated.speed is not None
    ahead, rolling = sensors[simulated.obstacle.sensors[0]].read(), sensors[simulated.speed.sensor].read()
    assert ahead is not None
    assert rolling is not None
    assert (list(ahead.values), list(rolling.values)) == (["distance_m"], ["speed_m_s", "travelled_m"])


def test_a_simulated_encoder_beside_real_wheels_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = Wheels(TimelineDrivetrain(VirtualClock()), None)
    monkeypatch.setattr("car.assembly.devices.open_wheels", lambda *_: wheels)
    with pytest.raises(SensorError, match=r"wheel is simulated, and the wheels are not\. Set \[sensors\.wheel\]"):
        open_devices(ROLLING, VirtualClock())


def test_a_wheel_encoder_opens_on_the_header_that_car_toml_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kernel = gpiochip.install(monkeypatch, tmp_path / "dev", {0: "pinctrl-bcm2711"})
    section = EncoderSection(kind="encoder", mm_per_tick=10.0, b_pin=26, pull="none", debounce_us=50)
    with open_sensor(section, "wheel", SystemClock()) as sensor:
        assert sensor.name == "wheel"
        assert sensor.read() is not None
    (asked,) = kernel.inputs
    assert (asked.gpios, asked.pull, asked.debounce_us) == ([16, 26], "none", 50)


def test_a_vl53l1x_opens_on_the_bus_that_car_toml_names(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []

    def open_bus(number: int) -> Chip:
        opened.append(number)
        return Chip(SystemClock())

    monkeypatch.setattr("smbus2.SMBus", open_bus)
    monkeypatch.setattr("hardware.sensors.vl53l1x._adafruits", FakeDriver)
    with open_sensor(Vl53l1xSection(kind="vl53l1x", i2c_bus=3), "front", SystemClock()) as sensor:
        assert (sensor.name, opened) == ("front", [3])


def test_an_ina219_opens_on_the_bus_that_car_toml_names_for_the_desk_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []

    def open_bus(number: int) -> Supply:
        opened.append(number)
        return Supply(SystemClock(), address=0x44)

    monkeypatch.setattr("smbus2.SMBus", open_bus)
    section = Ina219Section(kind="ina219", i2c_bus=3, i2c_address=0x44)
    devices = open_devices(CarConfig(sensors={"battery": section}, supply=SupplySection()), VirtualClock())
    devices.close()
    assert (devices.sensors, opened) == ({}, [])
    with open_sensor(section, "battery", SystemClock()) as sensor:
        assert (sensor.name, opened) == ("battery", [3])


def test_a_range_sensor_without_its_pins_is_one_sentence() -> None:
    config = CarConfig(sensors={"front": HcSr04Section(kind="hc_sr04")})
    with pytest.raises((SensorError, DrivetrainError), match=r"lgpio|header|GPIO 20 and 21"):
        open_devices(config, VirtualClock())
