"""Which lines of ``config.txt`` hold on which board."""

from pathlib import Path

import pytest

from car.doctor.config_txt import filters_of_board, pwm_line, read_config_txt
from hardware.computer import Computer
from tests.machines import make_machine

PI_4, PI_400, CM4 = "4 Model B Rev 1.4", "400 Rev 1.0", "Compute Module 4 Rev 1.1"
PI_5, PI_500, CM5 = "5 Model B Rev 1.0", "500 Rev 1.0", "Compute Module 5 Rev 1.0"
SERIAL = "100000001234abcd"


def computer(root: Path, text: str, board: str = PI_4) -> Computer:
    files = {
        "boot/firmware/config.txt": text,
        "proc/device-tree/model": f"Raspberry Pi {board}\0",
        "proc/device-tree/serial-number": f"{SERIAL}\0",
    }
    return Computer(root=make_machine(root, files))


@pytest.mark.parametrize(
    ("filters", "boards"),
    [
        ("[all]", {PI_4, PI_400, CM4, PI_5, PI_500, CM5}),
        ("[pi4]", {PI_4, PI_400, CM4}),
        ("[PI4]", {PI_4, PI_400, CM4}),
        ("[pi5]", {PI_5, PI_500, CM5}),
        ("[pi400]", {PI_400}),
        ("[cm4]", {CM4}),
        ("[pi500]", {PI_500}),
        ("[cm5]", {CM5}),
        ("[none]", set()),
        ("[pi3+]", set()),
        ("[tryboot]", set()),
        ("[cm4]\n[pi5]", {PI_5, PI_500, CM5}),
        ("[none]\n[all]", {PI_4, PI_400, CM4, PI_5, PI_500, CM5}),
        ("[0x1234abcd]", {CM4}),  # together with the [cm4] above it
        ("[0x1234ABCD]\n[pi4]", {PI_4, PI_400, CM4}),
        ("[0x1234abce]", set()),
        ("[0x1234abce]\n[pi4]", set()),
        ("[gpio4=1]\n[cm5]\n[all] # again", {PI_4, PI_400, CM4, PI_5, PI_500, CM5}),
    ],
)
def test_a_line_holds_on_the_boards_of_its_filters(tmp_path: Path, filters: str, boards: set[str]) -> None:
    text = f"[cm4]\notg_mode=1\n{filters}\ndtparam=strict_gpiod\n"
    holds = {
        board
        for board in (PI_4, PI_400, CM4, PI_5, PI_500, CM5)
        if read_config_txt(computer(tmp_path, text, board)).parameter("strict_gpiod")
    }
    assert holds == boards


@pytest.mark.parametrize(
    ("board", "filters"),
    [
        ("Raspberry Pi 3 Model B Plus Rev 1.3", ("pi3", "pi3+")),
        ("Raspberry Pi 3 Model B Rev 1.2", ("pi3",)),
        ("Raspberry Pi Zero 2 W Rev 1.0", ("pi0", "pi0w", "pi02")),
        ("Raspberry Pi Compute Module 4S Rev 1.0", ("pi4", "cm4s")),
        ("Raspberry Pi Compute Module 3 Plus Rev 1.0", ("pi3", "cm3", "cm3+")),
        ("Raspberry Pi Model B Plus Rev 1.2", ("pi1",)),
    ],
)
def test_a_board_has_its_filters(board: str, filters: tuple[str, ...]) -> None:
    assert filters_of_board(board) == filters


@pytest.mark.parametrize(
    "filters", ["[gpio4=1]", "[EDID=VSC-TD2220]", "[board-type=0x14]", "[HDMI:1]", "[gpio4=1]\n[pi4]"]
)
def test_what_only_the_firmware_sees_may_hold_or_not(tmp_path: Path, filters: str) -> None:
    config = read_config_txt(computer(tmp_path, f"{filters}\ndtparam=strict_gpiod\n"))
    assert config.parameter("strict_gpiod") is None
    assert config.filters_of_parameter("strict_gpiod") == filters.splitlines()[0].lower()


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        ("dtparam=strict_gpiod=false", False),
        ("dtparam=strict_gpiod=no", False),
        ("dtparam=strict_gpiod=0", False),
        ("dtparam=strict_gpiod=OFF", False),
        ("dtparam=strict_gpiod=on", True),
        ("dtparam=strict_gpiod=true", True),
        ("dtparam=strict_gpiod=off\ndtparam=strict_gpiod", True),
        ("dtparam=strict_gpiod\ndtparam=audio=on,strict_gpiod=off", False),
        ("dtparam=not_strict_gpiod", None),
        ("", None),
    ],
)
def test_the_last_word_on_a_parameter_counts(tmp_path: Path, lines: str, value: bool | None) -> None:
    assert read_config_txt(computer(tmp_path, lines)).parameter("strict_gpiod") is value


def test_a_file_that_is_included_belongs_to_it_and_one_that_includes_itself_ends(tmp_path: Path) -> None:
    make_machine(tmp_path, {"boot/firmware/car.txt": "dtparam=strict_gpiod\ninclude car.txt\n"})
    config = read_config_txt(computer(tmp_path, "[pi5]\ninclude car.txt\n[all]\ninclude gone.txt\n", PI_5))
    assert config.parameter("strict_gpiod")
    assert not read_config_txt(computer(tmp_path, "[pi5]\ninclude car.txt\n")).parameter("strict_gpiod")


@pytest.mark.parametrize(
    ("line", "functions"),
    [
        ("dtoverlay=pwm", {18: 2}),
        ("dtoverlay=pwm-2chan", {18: 2, 19: 2}),
        ("dtoverlay=pwm-2chan,pin=12,func=4,pin2=13,func2=4", {12: 4, 13: 4}),
        ("dtoverlay=pwm, pin=0xc , func=4", {12: 4}),
        ("dtoverlay=pwm-2chan,pin=12,pin2=13", {12: 2, 13: 2}),
        ("dtoverlay=pwm-2chan,pin=twelve,func=4", {18: 4, 19: 2}),
        ("dtoverlay=pwm-gpio,gpio=12", {}),
        ("dtparam=pin=13\ndtoverlay=pwm\ndtparam=pin=12,func=4\ndtoverlay=\ndtparam=pin=13", {12: 4}),
    ],
)
def test_the_overlays_of_hardware_pwm_lead_to_pins_by_functions(
    tmp_path: Path, line: str, functions: dict[int, int]
) -> None:
    assert read_config_txt(computer(tmp_path, line)).pwm_functions() == functions


@pytest.mark.parametrize(
    ("gpios", "line"),
    [
        ((12, 13), "dtoverlay=pwm-2chan,pin=12,func=4,pin2=13,func2=4"),
        ((13, 12), "dtoverlay=pwm-2chan,pin=12,func=4,pin2=13,func2=4"),
        ((18, 19), "dtoverlay=pwm-2chan,pin=18,func=2,pin2=19,func2=2"),
        ((19, 12), "dtoverlay=pwm-2chan,pin=12,func=4,pin2=19,func2=2"),
        ((13, 18), "dtoverlay=pwm-2chan,pin=18,func=2,pin2=13,func2=4"),
    ],
)
def test_the_line_for_any_two_pins_has_the_first_channel_first(
    tmp_path: Path, gpios: tuple[int, int], line: str
) -> None:
    assert pwm_line(gpios) == line
    assert set(read_config_txt(computer(tmp_path, line)).pwm_functions()) == set(gpios)
