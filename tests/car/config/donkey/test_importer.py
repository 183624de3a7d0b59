"""A Donkey Car's myconfig.py becomes a car.toml that opens, with the pulses it had; what cannot is one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from car.arming import drivetrain_problems
from car.assembly.ownership import owning
from car.config.donkey.importer import import_config
from car.config.donkey.pins import HEADER, Pin, parse_pin, pulse_us
from car.config.donkey.translation import Translation
from car.config.folder import open_car
from car.config.sections import CarConfig
from car.errors import ConfigError
from car.gate import ArmRefusal
from car.kinds.differential import DifferentialSection
from car.kinds.servo_esc import PulseCalibration, ServoEscSection
from tests.system.car_process import assert_refused, run_car

Made = Callable[[str], tuple[CarConfig, Translation]]

TABLE = """\
DRIVE_TRAIN_TYPE = "PWM_STEERING_THROTTLE"
PWM_STEERING_THROTTLE = {
    "PWM_STEERING_PIN": "PCA9685.1:41.7", "PWM_STEERING_SCALE": 1.0, "PWM_STEERING_INVERTED": False,
    "PWM_THROTTLE_PIN": "PCA9685.1:41.6", "PWM_THROTTLE_SCALE": 1.0, "PWM_THROTTLE_INVERTED": False,
    "STEERING_LEFT_PWM": 300, "STEERING_RIGHT_PWM": 420,
    "THROTTLE_FORWARD_PWM": 480, "THROTTLE_STOPPED_PWM": 369, "THROTTLE_REVERSE_PWM": 260,
}
STEERING_LEFT_PWM = 1000   # of no use where there is a table
"""


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Return what writes a myconfig.py, imports it, and opens the car that came of it."""

    def make(text: str) -> tuple[CarConfig, Translation]:
        (tmp_path / "myconfig.py").write_text(text)
        imported = import_config([tmp_path / "myconfig.py"], tmp_path / "mycar", replace=True)
        return open_car(tmp_path / "mycar").config, imported.translation

    return make


def test_pulses_outside_of_a_table_are_those_of_a_pca9685(made: Made) -> None:
    config, translation = made(
        "STEERING_LEFT_PWM = 460\nSTEERING_RIGHT_PWM = 290\nSTEERING_CHANNEL = 3\nPCA9685_I2C_ADDR = 0x42\n"
        "THROTTLE_FORWARD_PWM = 500\nTHROTTLE_STOPPED_PWM = 370\nTHROTTLE_REVERSE_PWM = 220\n"
    )
    drivetrain, calibration = config.drivetrain, config.calibration
    assert isinstance(drivetrain, ServoEscSection)
    assert isinstance(calibration, PulseCalibration)
    assert (drivetrain.pins, drivetrain.i2c_bus, drivetrain.i2c_address) == ("pca9685", 1, 0x42)
    assert (drivetrain.steering_pin, drivetrain.throttle_pin, drivetrain.frequency_hz) == (3, 0, 60.0)
    # 460 of 4096 in a sixtieth of a second, and so on.
    assert calibration.servo.pulse_us(-1.0) == pytest.approx(1871.7)
    assert calibration.servo.pulse_us(1.0) == pytest.approx(1180.0)
    assert calibration.servo.pulse_us(0.0) == pytest.approx(1525.8)
    assert calibration.esc.pulse_us(0.0) == pytest.approx(1505.5)
    assert calibration.esc.pulse_us(1.0) == pytest.approx(2034.5)
    assert calibration.esc.pulse_us(-1.0) == pytest.approx(895.2)
    assert config.camera.kind == "picamera"
    assert (translation.unread(), translation.unused()) == ([], [])


def test_a_car_that_was_imported_does_not_arm_before_it_is_calibrated(made: Made) -> None:
    config, _ = made(TABLE)
    assert drivetrain_problems(config) == (ArmRefusal.NOT_CALIBRATED,)


def test_the_table_of_a_newer_donkey_car_goes_before_what_stands_beside_it(made: Made) -> None:
    config, translation = made(TABLE)
    drivetrain, calibration = config.drivetrain, config.calibration
    assert isinstance(drivetrain, ServoEscSection)
    assert isinstance(calibration, PulseCalibration)
    assert (drivetrain.i2c_address, drivetrain.steering_pin, drivetrain.throttle_pin) == (0x41, 7, 6)
    assert (calibration.steering_left_us, calibration.steering_right_us) == (pulse_us(300), pulse_us(420))
    assert translation.unused() == ["STEERING_LEFT_PWM"]


def test_a_steering_servo_mounted_the_other_way_round_stays_so(made: Made) -> None:
    config, _ = made("STEERING_LEFT_PWM = 300\nSTEERING_RIGHT_PWM = 450\n")
    assert isinstance(config.calibration, PulseCalibration)
    assert config.calibration.servo.pulse_us(-1.0) < config.calibration.servo.pulse_us(1.0)
    config, _ = made("THROTTLE_FORWARD_PWM = 220\nTHROTTLE_STOPPED_PWM = 370\nTHROTTLE_REVERSE_PWM = 500\n")
    assert isinstance(config.calibration, PulseCalibration)
    assert config.calibration.esc.pulse_us(1.0) < config.calibration.esc.pulse_us(-1.0)


@pytest.mark.parametrize("forward", [500, 220])
def test_a_car_without_reverse_gets_none(forward: int, made: Made) -> None:
    config, _ = made(f"THROTTLE_FORWARD_PWM = {forward}\nTHROTTLE_STOPPED_PWM = 370\nTHROTTLE_REVERSE_PWM = 370\n")
    assert isinstance(config.drivetrain, ServoEscSection)
    assert config.drivetrain.reverse == "none"


def test_a_scale_of_the_pulses_is_in_them(made: Made) -> None:
    config, _ = made(TABLE.replace('"PWM_STEERING_SCALE": 1.0', '"PWM_STEERING_SCALE": 1.1'))
    assert isinstance(config.calibration, PulseCalibration)
    assert config.calibration.steering_left_us == pytest.approx(pulse_us(330))
    assert config.calibration.neutral_us == pulse_us(369)


@pytest.mark.parametrize(
    ("steering", "throttle", "pins", "numbers"),
    [
        ("RPI_GPIO.BOARD.32", "RPI_GPIO.BOARD.33", "hardware_pwm", (12, 13)),
        ("PIGPIO.BCM.13", "PIGPIO.BCM.18", "fine_lgpio", (13, 18)),
        ("RPI_GPIO.BCM.5", "RPI_GPIO.BOARD.11", "fine_lgpio", (5, 17)),
    ],
)
def test_pins_of_the_header_are_gpios(
    steering: str, throttle: str, pins: str, numbers: tuple[int, int], made: Made
) -> None:
    config, _ = made(
        f'PWM_STEERING_THROTTLE = {{"PWM_STEERING_PIN": "{steering}", "PWM_THROTTLE_PIN": "{throttle}"}}\n'
    )
    drivetrain = config.drivetrain
    assert isinstance(drivetrain, ServoEscSection)
    assert (drivetrain.pins, (drivetrain.steering_pin, drivetrain.throttle_pin)) == (pins, numbers)


def test_pigpio_counts_its_pulses_in_the_pins_own_period(made: Made) -> None:
    config, _ = made(
        'DRIVE_TRAIN_TYPE = "PIGPIO_PWM"\nSTEERING_PWM_PIN = 12\nTHROTTLE_PWM_PIN = 13\n'
        "STEERING_PWM_FREQ = 75\nTHROTTLE_PWM_FREQ = 75\nSTEERING_LEFT_PWM = 739\nSTEERING_RIGHT_PWM = 400\n"
        "THROTTLE_FORWARD_PWM = 575\nTHROTTLE_STOPPED_PWM = 470\nTHROTTLE_REVERSE_PWM = 400\n"
    )
    assert isinstance(config.drivetrain, ServoEscSection)
    assert isinstance(config.calibration, PulseCalibration)
    assert (config.drivetrain.pins, config.drivetrain.frequency_hz) == ("hardware_pwm", 75.0)
    assert config.calibration.steering_left_us == pytest.approx(1970.7)
    assert config.calibration.neutral_us == pytest.approx(1253.3)


def test_two_motors_on_an_l298n(made: Made) -> None:
    pins = {
        "LEFT_FWD_PIN": "BOARD.16",
        "LEFT_BWD_PIN": "BOARD.18",
        "LEFT_EN_DUTY_PIN": "BOARD.22",
        "RIGHT_FWD_PIN": "BOARD.15",
        "RIGHT_BWD_PIN": "BOARD.13",
        "RIGHT_EN_DUTY_PIN": "BCM.17",
    }
    table = {name: f"RPI_GPIO.{pin}" for name, pin in pins.items()}
    config, _ = made(f'DRIVE_TRAIN_TYPE = "DC_TWO_WHEEL_L298N"\nDC_TWO_WHEEL_L298N = {table}\n')
    drivetrain = config.drivetrain
    assert isinstance(drivetrain, DifferentialSection)
    assert (drivetrain.left_forward_pin, drivetrain.left_backward_pin, drivetrain.left_enable_pin) == (23, 24, 25)
    assert (drivetrain.right_forward_pin, drivetrain.right_backward_pin, drivetrain.right_enable_pin) == (22, 27, 17)
    assert drivetrain_problems(config) == (ArmRefusal.NOT_CALIBRATED,)


def test_two_motors_by_the_older_names_and_on_a_pca9685(made: Made) -> None:
    older = {"LEFT_FWD": 18, "LEFT_BWD": 16, "RIGHT_FWD": 15, "RIGHT_BWD": 13}
    lines = "".join(f"HBRIDGE_PIN_{name} = {number}\n" for name, number in older.items())
    config, _ = made(f'DRIVE_TRAIN_TYPE = "DC_TWO_WHEEL"\n{lines}')
    assert isinstance(config.drivetrain, DifferentialSection)
    assert (config.drivetrain.pins, config.drivetrain.left_forward_pin) == ("fine_lgpio", 24)
    names = ("LEFT_FWD_DUTY_PIN", "LEFT_BWD_DUTY_PIN", "RIGHT_FWD_DUTY_PIN", "RIGHT_BWD_DUTY_PIN")
    pins = ", ".join(f'"{name}": "PCA9685.1:60.{number}"' for number, name in enumerate(names))
    config, _ = made(f'DRIVE_TRAIN_TYPE = "DC_TWO_WHEEL"\nDC_TWO_WHEEL = {{{pins}}}\n')
    assert isinstance(config.drivetrain, DifferentialSection)
    assert (config.drivetrain.pins, config.drivetrain.i2c_address) == ("pca9685", 0x60)
    assert config.drivetrain.right_backward_pin == 3


def test_camera_rates_and_limits_have_their_lines(made: Made) -> None:
    config, translation = made(
        'CAMERA_TYPE = "CVCAM"\nCAMERA_INDEX = 2\nIMAGE_W = 320\nIMAGE_H = 240\nDRIVE_LOOP_HZ = 25\n'
        "CAMERA_FRAMERATE = 30\nCAMERA_VFLIP = True\nCAMERA_HFLIP = True\nWEB_CONTROL_PORT = 8900\n"
        "JOYSTICK_MAX_THROTTLE = 0.3\nAI_THROTTLE_MULT = 0.15\n"
    )
    camera = config.camera
    assert (camera.kind, camera.device, camera.width, camera.height) == ("usb", "/dev/video2", 320, 240)
    assert (camera.rate_hz, camera.rotation, camera.flip) == (25.0, 180, "none")
    assert (config.web.port, config.gamepad.throttle_limit, config.gate.autopilot_throttle_cap) == (8900, 0.3, 0.15)
    assert translation.unused() == []


def test_a_pilots_throttle_cap_is_never_raised_by_an_import(made: Made) -> None:
    config, _ = made("AI_THROTTLE_MULT = 1.0\n")
    assert config.gate.autopilot_throttle_cap == 0.25


def test_a_car_in_donkey_cars_simulator_is_simulated_here(made: Made) -> None:
    config, translation = made("DONKEY_GYM = True\nSTEERING_LEFT_PWM = 460\nCAMERA_VFLIP = True\n")
    assert (config.drivetrain.kind, config.camera.kind, config.camera.flip) == ("simulated", "simulated", "vertical")
    assert "DONKEY_GYM is on" in translation.remarks[0]


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ('DRIVE_TRAIN_TYPE = "MM1"', "There is no drivetrain 'MM1' here"),
        ('DRIVE_TRAIN_TYPE = "DC_TWO_WHEEL"', "Neither LEFT_FWD_DUTY_PIN nor HBRIDGE_PIN_LEFT_FWD is set"),
        ('PWM_STEERING_THROTTLE = {"PWM_STEERING_PIN": "JETSON.5"}', "PWM_STEERING_PIN is 'JETSON.5', which is no pin"),
        ('PWM_STEERING_THROTTLE = {"PWM_STEERING_PIN": "PIGPIO.BCM.13"}', "Some pins are on one board and some on"),
        ('PWM_STEERING_THROTTLE = {"PWM_STEERING_INVERTED": True}', "PWM_STEERING_INVERTED is on"),
    ],
)
def test_a_drivetrain_that_is_not_here_stays_simulated_and_is_told(text: str, remark: str, made: Made) -> None:
    config, translation = made(text)
    assert config.drivetrain.kind == "simulated"
    assert translation.remarks[0].startswith(remark)
    assert translation.remarks[0].endswith("Choose the kind and its pins in [drivetrain].")


def test_what_pilots_learned_from_is_told(made: Made) -> None:
    _, translation = made(
        'MODEL_CATEGORICAL_MAX_THROTTLE_RANGE = 0.5\nTRANSFORMATIONS = ["CROP"]\n'
        'IMAGE_DEPTH = 1\nCAMERA_TYPE = "CSIC"\n'
    )
    remarks = " ".join(translation.remarks)
    for words in ("--throttle-range 0.5", "TRANSFORMATIONS is not empty", "IMAGE_DEPTH is not 3", "no camera 'CSIC'"):
        assert words in remarks


def test_what_is_no_number_or_cannot_be_told_is_listed_and_leaves_the_default(made: Made) -> None:
    config, translation = made(
        'IMAGE_W = "160"\nIMAGE_H = int("120")\nDRIVE_LOOP_HZ = True\nHAVE_IMU = False\nFROM = f()\nlower = 1\n'
        'PWM_STEERING_THROTTLE = {"STEERING_LEFT_PWM": "460"}\n'
    )
    assert translation.unread() == [
        "IMAGE_H (myconfig.py, line 2)",
        "PWM_STEERING_THROTTLE (its STEERING_LEFT_PWM is not a number)",
        "IMAGE_W (not a whole number)",
        "DRIVE_LOOP_HZ (not a number)",
    ]
    assert translation.unused() == ["FROM", "HAVE_IMU"]
    assert (config.camera.width, config.camera.rate_hz) == (160, 30.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("STEERING_LEFT_PWM = 4600", ("STEERING_LEFT_PWM = 4600", "18717.4", "2500")),
        ("STEERING_LEFT_PWM = -460", ("STEERING_LEFT_PWM = -460", "500")),
        ("STEERING_LEFT_PWM = 290", ("STEERING_LEFT_PWM = 290", "STEERING_RIGHT_PWM", "must be between")),
        ("THROTTLE_STOPPED_PWM = 505", ("THROTTLE_STOPPED_PWM = 505", "must rise")),
        ("THROTTLE_FORWARD_PWM = 370", ("THROTTLE_FORWARD_PWM = 370", "must rise")),
        ("STEERING_CHANNEL = 17\nSTEERING_LEFT_PWM = 460", ("STEERING_CHANNEL = 17", "0 to 15")),
        ("IMAGE_W = 5000", ("IMAGE_W = 5000", "1920", "[camera]")),
        ("DRIVE_LOOP_HZ = 1000", ("DRIVE_LOOP_HZ = 1000", "120")),
        ("AI_THROTTLE_MULT = 0", ("AI_THROTTLE_MULT = 0", "greater than 0")),
        ("WEB_CONTROL_PORT = 80", ("WEB_CONTROL_PORT = 80", "1024")),
    ],
)
def test_what_no_car_may_have_is_refused_by_the_name_it_had(text: str, words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "myconfig.py").write_text(text)
    with pytest.raises(ConfigError) as refused:
        import_config([tmp_path / "myconfig.py"], tmp_path / "mycar")
    message = str(refused.value)
    assert message.startswith(f"{tmp_path / 'myconfig.py'}: ")
    assert "\n" not in message
    assert "in car.toml by hand." in message
    for word in words:
        assert word in message
    assert not (tmp_path / "mycar").exists()


def test_a_file_that_sets_nothing_of_a_donkey_car_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("# IMAGE_W = 160\nA = 1\n")
    with pytest.raises(ConfigError, match=r"other\.py sets nothing that is known here .* car import-config config\.py"):
        import_config([tmp_path / "other.py"], tmp_path / "mycar")
    assert not (tmp_path / "mycar").exists()


def test_a_car_that_is_there_is_only_replaced_when_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "myconfig.py").write_text("IMAGE_W = 320\n")
    folder = tmp_path / "mycar"
    folder.mkdir()
    (folder / "car.toml").write_text("# mine\n")
    with pytest.raises(ConfigError, match=r"already.*--replace"):
        import_config([tmp_path / "myconfig.py"], folder)
    assert (folder / "car.toml").read_text() == "# mine\n"
    import_config([tmp_path / "myconfig.py"], folder, replace=True)
    assert open_car(folder).config.camera.width == 320
    assert sorted(path.name for path in folder.iterdir()) == ["car.toml", "models", "sessions"]


@pytest.mark.parametrize("replace", [True, False])
def test_a_full_disk_leaves_what_was_there(replace: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "myconfig.py").write_text("IMAGE_W = 320\n")
    folder = tmp_path / "mycar"
    folder.mkdir()
    if replace:
        (folder / "car.toml").write_text("# mine\n")

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(ConfigError, match=r"cannot be written \(No space left on device\)"):
        import_config([tmp_path / "myconfig.py"], folder, replace=replace)
    monkeypatch.undo()
    left = {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
    assert left == ({"car.toml": "# mine\n"} if replace else {})


def test_every_place_of_the_header_is_another_gpio() -> None:
    assert sorted(HEADER.values()) == list(range(28))
    assert parse_pin("RPI_GPIO.BOARD.12") == Pin(18)
    assert parse_pin("RPI_GPIO.BOARD.1") is None
    assert parse_pin("PCA9685.1:40.7\n") is None


def test_typed_it_tells_what_became_of_each_setting_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text("IMAGE_W = 160\nIMAGE_H = 120\nUSE_LIDAR = False\n")
    (tmp_path / "myconfig.py").write_text(f"{TABLE}\nWEB_CONTROL_PORT = int('8887')\n")
    done = run_car("import-config", "config.py", "myconfig.py", "--out", "my car", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for words in (
        "[calibration] steering_left_us = 1220.7",
        "PWM_STEERING_THROTTLE: STEERING_LEFT_PWM = 300",
        "Could not be read: WEB_CONTROL_PORT (myconfig.py, line 10)",
        "Not used here: STEERING_LEFT_PWM, USE_LIDAR",
        "wheels off the ground and run: car calibrate --car 'my car'",
    ):
        assert words in done.stdout
    assert open_car(tmp_path / "my car").config.car.name == "my car"
    assert_refused(run_car("import-config", "myconfig.py", "--out", "my car", cwd=tmp_path), "already", "--replace")
    with owning(tmp_path / "my car", (), "car drive"):
        done = run_car("import-config", "myconfig.py", "--out", "my car", "--replace", cwd=tmp_path)
        assert_refused(done, "in use already", "car drive")
    assert_refused(run_car("import-config", "lost.py", cwd=tmp_path), "There is no lost.py")
