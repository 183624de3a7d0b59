"""car.toml: what is right is read, what is wrong is named."""

from pathlib import Path

import pytest

from car.config import CarConfig, load_config, template
from car.errors import ConfigError


def write(folder: Path, text: str) -> Path:
    path = folder / "car.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_template_says_the_defaults(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, template("mycar"))) == CarConfig()


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, "")) == CarConfig()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[camera]\nwidht = 160\n", ["camera.widht", "unknown", "width", "height"]),
        ("[camra]\n", ["camra", "unknown", "camera"]),
        ("[camera]\nrate_hz = 1000\n", ["camera.rate_hz", "1000", "120"]),
        ("[camera]\nkind = 'webcam'\n", ["camera.kind", "webcam", "simulated"]),
        ("[gate]\nautopilot_throttle_cap = 'fast'\n", ["gate.autopilot_throttle_cap", "fast"]),
        ("[gate]\nautopilot_throttle_cap = nan\n", ["gate.autopilot_throttle_cap", "nan"]),
        ("[camera]\nrate_hz = 5\n", ["camera.rate_hz", "10"]),
        ("[camera]\nwidth = 1920\nheight = 1080\nrate_hz = 60\n", ["camera", "1920x1080", "500 MB"]),
        ("camera = 3\n", ["camera", "3"]),
        ("[camera\n", ["TOML"]),
    ],
)
def test_a_mistake_is_one_line_that_names_it_and_what_is_allowed(tmp_path: Path, text: str, named: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text))
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in ["car.toml", *named])


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="car init"):
        load_config(tmp_path / "car.toml")


def test_bytes_that_are_not_text_are_a_config_error(tmp_path: Path) -> None:
    path = tmp_path / "car.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="TOML"):
        load_config(path)
