"""car.toml: what is right is read, what is wrong is named."""

import os
from pathlib import Path

import pytest

from car.config.sections import CarConfig, SpeedSection, load_config, template
from car.errors import ConfigError

FRONT = "[sensors.front]\nkind = 'simulated'\n"
BATTERY = "[sensors.battery]\nkind = 'ina219'\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "car.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_template_says_the_defaults(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, template("mycar"))) == CarConfig()


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ('Rosa\'s "Renner"', 'Rosa\'s "Renner"'),
        ("größter 🚗", "größter 🚗"),
        ("[red]a\\b", "[red]a\\b"),
        ("tab\there\n", "tab_here_"),
        ("del\x7fete", "del_ete"),
        (os.fsdecode(b"latin-\xe9"), "latin-_"),
        ("x" * 100, "x" * 64),
        ("", "mycar"),
    ],
)
def test_a_new_car_is_called_as_its_folder_whatever_that_is(tmp_path: Path, folder: str, name: str) -> None:
    assert load_config(write(tmp_path, template(folder))).car.name == name


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, "")) == CarConfig()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[camera]\nwidht = 160\n", ["camera.widht", "unknown", "width", "height"]),
        ("[camra]\n", ["camra", "unknown", "camera"]),
        ("[camera]\nrate_hz = 1000\n", ["camera.rate_hz", "1000", "120"]),
        ("[camera]\nkind = 'webcam'\n", ["camera.kind", "webcam", "simulated"]),
        ('[receiver]\nport = "\\u0000"\n', ["receiver.port", "/dev/ttyAMA0"]),
        ("[receiver]\nmode_channel = 17\n", ["receiver.mode_channel", "17", "16"]),
        (
            "[receiver]\nstop_channel = 2\nsteering_channel = 3\n",
            ["`receiver`", "throttle and stop", "both on channel 2", "give each its own"],
        ),
        ("[gate]\nautopilot_throttle_cap = 'fast'\n", ["gate.autopilot_throttle_cap", "fast"]),
        ("[gate]\nautopilot_throttle_cap = nan\n", ["gate.autopilot_throttle_cap", "nan"]),
        ("[camera]\nrate_hz = 5\n", ["camera.rate_hz", "10"]),
        ("[camera]\nwidth = 1920\nheight = 1080\nrate_hz = 60\n", ["camera", "1920x1080", "500 MB"]),
        ("[camera]\nmodel = 'polaroid'\n", ["`camera.model`", "polaroid", "pi-camera-3-wide", "usb-webcam"]),
        (
            "[camera]\nmodel = 'pi-camera-3'\nfov_deg = 100.0\ndelay_ms = 0.0\n",
            ["pi-camera-3", "fov_deg = 51.9", "delay_ms = 22.0", "remove their lines"],
        ),
        ("[camera]\nmodel = 'pi-camera-3'\nlens = 'fisheye'\n", ['means lens = "rectilinear": remove its line']),
        ("[camera]\nmodel = 'ai-camera'\nrate_hz = 40\n", ["ai-camera", "30 times a second", "set rate_hz = 30"]),
        ("[camera]\nmodel = 'pi-camera-2'\nheight = 90\n", ["pi-camera-2", "4:3", "160x90", "set height = 120"]),
        ("[camera]\nmodel = 'usb-webcam'\nrate_hz = 10\n", ["60 ms late", "160 ms", "150 ms", "raise rate_hz"]),
        ("[camera]\nmodel = 'pi-camera-2'\nwidth = 1920\n", ["4:3", "1920x120", "set width = 160"]),
        ("[camera]\ndelay_ms = 120.0\n", ["120 ms late", "150 ms", "raise rate_hz", "or lower delay_ms"]),
        ("[camera]\ndelay_ms = -1.0\n", ["camera.delay_ms", "-1"]),
        ("camera = 3\n", ["camera", "3"]),
        ("[obstacle]\n", ["`obstacle`", "names the sensor front", "the car has none", "[sensors.front]"]),
        (
            "[obstacle]\nsensors = ['bow']\n" + FRONT,
            ["names the sensor bow", "the car has only front", "[sensors.bow]"],
        ),
        ("[obstacle]\nsensors = []\n" + FRONT, ["obstacle.sensors", "at least 1 item"]),
        ("[obstacle]\nstop_m = 2.0\n" + FRONT, ["slow_m is 2 and stop_m 2", "give more"]),
        ("[obstacle]\nstop_m = 0.0\n" + FRONT, ["obstacle.stop_m", "greater than 0"]),
        ("[obstacle]\nsensors = ['front', 'front']\n" + FRONT, ["names the sensor front twice", "each once"]),
        ("[obstacle]\n[sensors.front]\nkind = 'hc_sr04'\nmax_m = 0.4\n", ["slow_m is 2", "front", "max_m, 0.4"]),
        ("[obstacle]\nslow_m = 4.1\n" + FRONT, ["slow_m is 4.1", "max_m, 4", "lower the one or raise the other"]),
        (
            "[obstacle]\n" + FRONT + "delay_ms = 150.0\n",
            ["front", "200 ms", "raise its rate_hz, or lower its delay_ms"],
        ),
        ("[obstacle]\n" + FRONT + "rate_hz = 1.0\n", ["counts as lost 200 ms after", "after 1030 ms"]),
        ("[obstacle]\nfar_m = 3.0\n" + FRONT, ["unknown key `obstacle.far_m`", "sensors, stop_m, slow_m"]),
        ("[sensors.front]\nkind = 'hc_sr04'\necho_pin = 20\n", ["trigger_pin and echo_pin are both 20"]),
        ("[sensors.front]\nkind = 'hc_sr04'\necho_pin = 30\n", ["echo_pin is 30", "2 to 27"]),
        (
            "[drivetrain]\nkind = 'differential'\n[sensors.front]\nkind = 'hc_sr04'\ntrigger_pin = 17\n",
            ["`sensors`", "front has GPIO 17, and so has the drivetrain", "give it another"],
        ),
        (
            "[drivetrain]\nkind = 'servo_esc'\noe_pin = 20\n[sensors.front]\nkind = 'hc_sr04'\n",
            ["front has GPIO 20, and so has the drivetrain"],
        ),
        (
            "[drivetrain]\nkind = 'servo_esc'\n[sensors.front]\nkind = 'hc_sr04'\necho_pin = 3\n",
            ["front has GPIO 3, and so has the drivetrain"],
        ),
        (
            "[drivetrain]\nkind = 'servo_esc'\npins = 'hardware_pwm'\n[sensors.f]\nkind = 'hc_sr04'\necho_pin = 13\n",
            ["f has GPIO 13, and so has the drivetrain"],
        ),
        (
            "[sensors.left]\nkind = 'hc_sr04'\n[sensors.right]\nkind = 'hc_sr04'\ntrigger_pin = 16\n",
            ["right has GPIO 21, and so has the sensor left"],
        ),
        ("[sensors.front]\nkind = 'radar'\n", ["`sensors.front.kind`", "radar", "hc_sr04"]),
        ("[drivetrain]\nkind = 'tracks'\n", ["`drivetrain.kind`", "tracks", "servo_esc", "differential"]),
        ("drivetrain = 3\n", ["`drivetrain.kind`", "3"]),
        # What `car neutral`, which reads the file as it is, would take for something else.
        ("[calibration]\nneutral_us = '1520'\n", ["calibration.neutral_us", "'1520'", "number"]),
        ("[drivetrain]\nkind = 'servo_esc'\nthrottle_pin = 3.0\n", ["drivetrain.throttle_pin", "3.0", "integer"]),
        ("[drivetrain]\nkind = 'servo_esc'\nthrottle_pin = true\n", ["drivetrain.throttle_pin", "True", "integer"]),
        ("[calibration]\ncalibrated = 0\n", ["calibration.calibrated", "0", "date"]),
        ("[drivetrain]\nkind = 'servo_esc'\noe_pin = 3\n", ["oe_pin is 3", "4 to 27"]),
        ("[drivetrain]\npins = 'pca9685'\n", ["`drivetrain.pins`", "unknown", "timeline"]),
        ("[drivetrain]\nkind = 'servo_esc'\nservo_pin = 3\n", ["`drivetrain.servo_pin`", "steering_pin"]),
        ("[drivetrain]\nkind = 'servo_esc'\nfrequency_hz = 1000\n", ["`drivetrain.frequency_hz`", "200"]),
        ("[drivetrain]\nkind = 'servo_esc'\nsteering_pin = 16\n", ["`drivetrain`", "steering_pin", "0 to 15"]),
        ("[drivetrain]\nkind = 'servo_esc'\nsteering_pin = 0\n", ["steering_pin and throttle_pin", "both 0"]),
        ("[drivetrain]\nkind = 'servo_esc'\npins = 'hardware_pwm'\nsteering_pin = 17\n", ["12, 13, 18, 19"]),
        ("[drivetrain]\nkind = 'servo_esc'\noe_pin = 40\n", ["oe_pin", "GPIO", "4 to 27"]),
        (
            "[drivetrain]\nkind = 'servo_esc'\npins = 'fine_lgpio'\nsteering_pin = 17\nthrottle_pin = 18\noe_pin = 4\n",
            ["oe_pin", "remove"],
        ),
        ("[drivetrain]\nkind = 'differential'\nleft_forward_pin = 4\n", ["left_forward_pin", "9 to 27"]),
        ("[calibration]\nsteering_left_us = 400\n", ["`calibration.steering_left_us`", "400", "500"]),
        ("[calibration]\nforward_max_us = 2600\n", ["`calibration.forward_max_us`", "2600", "2500"]),
        ("[calibration]\nsteering_centre_us = 2100\n", ["`calibration`", "centre", "2100", "between"]),
        ("[calibration]\nneutral_us = 1600\nforward_start_us = 1550\n", ["`calibration`", "throttle", "1600"]),
        ("[calibration]\nneutral_us = 'middle'\n", ["`calibration.neutral_us`", "middle"]),
        (BATTERY, ["`supply`", "nothing reads the sensor battery", "[supply]"]),
        (BATTERY + "[supply]\nsensor = 'pack'\n", ["`supply`", "nothing reads the sensor battery"]),
        ("[supply]\n", ["`supply`", "names the sensor battery", "none"]),
        (FRONT + "[supply]\nsensor = 'front'\n", ["`supply`", "looks ahead"]),
        (BATTERY + "[supply]\nwarn_v = 0\n", ["`supply.warn_v`", "greater than 0"]),
        (BATTERY + "[supply]\n[speed]\nsensor = 'battery'\n", ["`speed`", "sensor battery", "at the supply"]),
        (BATTERY + "[supply]\nwarn = 6\n", ["`supply.warn`", "sensor, warn_v"]),
        ("[sensors.battery]\nkind = 'ina219'\nshunt_ohm = 0\n", ["shunt_ohm", "greater than 0"]),
        ("[sensors.battery]\nkind = 'ina219'\ni2c_address = 0x29\n", ["i2c_address", "64"]),
        (
            "[drivetrain]\nkind = 'servo_esc'\n[supply]\n[sensors.battery]\nkind = 'ina219'\ni2c_address = 0x40\n",
            ["`sensors`", "battery is at 0x40 on I²C bus 1", "PCA9685"],
        ),
        (
            BATTERY + "[supply]\n[sensors.front]\nkind = 'vl53l1x'\ni2c_address = 0x41\n",
            ["`sensors`", "front is at 0x41", "the sensor battery"],
        ),
        ("[web]\nnames = ['http://car.lan']\n", ["`web.names`", "http://car.lan", "car.example.org"]),
        ("[web]\nnames = ['car.lan:8887']\n", ["`web.names`", "without a port"]),
        ("[web]\nnames = [1]\n", ["`web.names.0`", "string"]),
        ("[camera\n", ["TOML"]),
    ],
)
def test_a_mistake_is_one_line_that_names_it_and_what_is_allowed(tmp_path: Path, text: str, named: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text))
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in ["car.toml", *named])


@pytest.mark.parametrize("line", ["rotation = 45", "rotation = -90", 'flip = "both"'])
def test_a_picture_is_turned_by_quarters_and_mirrored_one_way(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError, match=r"camera\.(rotation|flip)"):
        load_config(write(tmp_path, f"[camera]\n{line}\n"))


def test_pilots_and_sessions_get_the_geometry_of_the_turned_picture(tmp_path: Path) -> None:
    camera = load_config(write(tmp_path, "[camera]\nrotation = 90\n")).camera
    assert (camera.geometry.width, camera.geometry.height) == (120, 160)
    assert (camera.unturned.geometry.width, camera.unturned.geometry.height) == (160, 120)
    assert camera.unturned.geometry.fov_deg == 100.0
    assert camera.geometry.fov_deg == pytest.approx(83.6, abs=0.1)


@pytest.mark.parametrize(
    "lines", ["", "kind = 'picamera'\n", "fov_deg = 51.9\ndelay_ms = 22\n", "width = 162\nheight = 121\n"]
)
def test_a_camera_model_stands_for_its_lens_and_its_delay(tmp_path: Path, lines: str) -> None:
    camera = load_config(write(tmp_path, f"[camera]\nmodel = 'pi-camera-3'\nrate_hz = 56\n{lines}")).camera
    assert (camera.fov_deg, camera.lens, camera.delay_ms) == (51.9, "rectilinear", 22.0)
    assert camera.geometry.fov_deg == 51.9
    assert CarConfig.model_validate(CarConfig(camera=camera).model_dump()).camera == camera


def test_frames_may_be_late_without_a_model(tmp_path: Path) -> None:
    camera = load_config(write(tmp_path, "[camera]\ndelay_ms = 40\n")).camera
    assert (camera.model, camera.fov_deg, camera.delay_ms) == ("", 100.0, 40.0)


def test_a_car_that_looks_ahead_stops_where_it_says(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "[obstacle]\nstop_m = 0.4\nslow_m = 1.2\n" + FRONT))
    assert (config.limits.stop_m, config.limits.slow_m) == (0.4, 1.2)
    # Whoever reads no sensor is not to wait for one.
    assert (config.gate.limits.stop_m, CarConfig().limits) == (0.0, CarConfig().gate.limits)


def test_the_sensor_at_the_supply_is_none_of_the_drive_loops(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, BATTERY + FRONT + "[supply]\nwarn_v = 6.8\n"))
    assert (list(config.sensors), list(config.loop_sensors)) == (["battery", "front"], ["front"])
    assert config.supply is not None
    assert config.supply.warn_v == 6.8
    assert CarConfig.model_validate(config.model_dump(exclude_none=True)) == config


def test_a_channel_board_on_another_bus_leaves_the_address_free(tmp_path: Path) -> None:
    text = "[drivetrain]\nkind = 'servo_esc'\n[supply]\n[sensors.battery]\nkind = 'ina219'\ni2c_address = 0x40\n"
    assert load_config(write(tmp_path, text + "i2c_bus = 3\n")).supply is not None


WHEEL = "[sensors.wheel]\nkind = 'encoder'\nmm_per_tick = 10\n"


def test_a_car_with_an_encoder_knows_its_speed_and_may_hold_it(tmp_path: Path) -> None:
    speed = load_config(write(tmp_path, WHEEL + "[speed]\ncontrol = true\nmax_m_s = 3.0\n")).speed
    assert speed == SpeedSection(sensor="wheel", control=True, max_m_s=3.0)
    assert load_config(write(tmp_path, WHEEL)).speed is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[speed]\n", r"`speed`: it names the sensor wheel, and the car has none: add a section \[sensors\.wheel\]"),
        ("[speed]\nsensor = 'rear'\n" + WHEEL, r"names the sensor rear, and the car has only wheel: .*`sensor` which"),
        ("[sensors.wheel]\nkind = 'encoder'\n", "mm_per_tick"),
        (WHEEL + "a_pin = 1\n", "a_pin is 1, and the header has 2 to 27"),
        (WHEEL + "b_pin = 16\n", "a_pin and b_pin are both 16"),
        (WHEEL + "inverted = true\n", "inverted is for two channels"),
        (WHEEL + "[drivetrain]\nkind = 'servo_esc'\noe_pin = 16\n", "wheel has GPIO 16, and so has the drivetrain"),
        ("[speed]\ncontrol = true\n" + WHEEL.replace("10", "25"), "a mark every 25 mm, and to hold .* every 20 mm"),
        ("[speed]\nmax_m_s = 0\n" + WHEEL, r"speed\.max_m_s"),
        ("[speed]\nfast = 1\n" + WHEEL, r"unknown key `speed\.fast`\. Allowed here: sensor, control, max_m_s"),
    ],
)
def test_an_encoder_that_cannot_be_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_config(write(tmp_path, text))


def test_channels_of_a_servo_board_are_no_gpios(tmp_path: Path) -> None:
    text = "[drivetrain]\nkind = 'servo_esc'\nsteering_pin = 5\n[sensors.front]\nkind = 'hc_sr04'\ntrigger_pin = 5\n"
    assert load_config(write(tmp_path, text)).sensors["front"].used_gpios == (5, 21)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="car init"):
        load_config(tmp_path / "car.toml")


def test_bytes_that_are_not_text_are_a_config_error(tmp_path: Path) -> None:
    path = tmp_path / "car.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="TOML"):
        load_config(path)
