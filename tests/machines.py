"""Made-up machines: a folder with the files that a Raspberry Pi's kernel would show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def make_machine(root: Path, files: Mapping[str, str]) -> Path:
    """Write ``files``, named from the machine's root folder, and return that folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return root


def add_command(root: Path, name: str, script: str) -> None:
    """Give the machine a command, a shell script."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def set_temperature(root: Path, temperature_c: float) -> None:
    """Make the machine's processor as hot as that."""
    zone = "sys/class/thermal/thermal_zone0"
    make_machine(root, {f"{zone}/type": "cpu-thermal\n", f"{zone}/temp": f"{temperature_c * 1000:.0f}\n"})


PI_4 = "Raspberry Pi 4 Model B Rev 1.4"
PI_5 = "Raspberry Pi 5 Model B Rev 1.0"
BOOKWORM = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\n'
TRIXIE = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_CODENAME=trixie\n'
GOVERNOR = "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
VENV = "opt/pocketpilot"
CONFIG_TXT = """\
# For more options see the documentation
camera_auto_detect=1
dtoverlay=vc4-kms-v3d

[cm4]
otg_mode=1

[all]
dtoverlay=
dtparam=strict_gpiod
dtparam=i2c_arm=on
dtoverlay=pwm-2chan,pin=12,func=4,pin2=13,func2=4
"""
CAMERA_LIST = """\
Available cameras
-----------------
0 : imx219 [3280x2464 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx219@10)
    Modes: 'SRGGB10_CSI2P' : 640x480 [103.33 fps - (1000, 752)/1280x960 crop]
                             1640x1232 [41.85 fps - (0, 0)/3280x2464 crop]
           'SRGGB8' : 640x480 [103.33 fps - (1000, 752)/1280x960 crop]
                      1640x1232 [41.85 fps - (0, 0)/3280x2464 crop]

"""


def make_pi_4(root: Path) -> Path:
    """Make a Raspberry Pi 4 with Bookworm, all well."""
    _make_pi(root, PI_4, BOOKWORM)
    make_machine(
        root,
        {
            "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
            "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
            "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "0\n",
            "sys/module/pinctrl_bcm2835/parameters/persist_gpio_outputs": "N\n",
            "dev/gpiochip0": "pinctrl-bcm2711",
            "dev/gpiochip1": "raspberrypi-exp-gpio",
        },
    )
    add_pwm_chip(root, 0, "fe20c000.pwm")
    return root


def make_pi_5(root: Path) -> Path:
    """Make a Raspberry Pi 5 with Trixie, all well; its firmware's flags are not in /sys."""
    _make_pi(root, PI_5, TRIXIE)
    make_machine(
        root,
        {
            "sys/module/pinctrl_rp1/parameters/persist_gpio_outputs": "N\n",
            # The numbers as a kernel of 2024 had them.
            "dev/gpiochip4": "pinctrl-rp1",
            "dev/gpiochip10": "gpio-brcmstb@107d508500",
        },
    )
    add_pwm_chip(root, 0, "107d517a80.pwm")
    add_pwm_chip(root, 2, "1f00098000.pwm")
    return root


def make_laptop(root: Path) -> Path:
    """Make a laptop with Debian, hot as those are."""
    return make_machine(
        root,
        {
            "etc/os-release": TRIXIE,
            GOVERNOR: "powersave\n",
            "sys/class/thermal/thermal_zone0/type": "x86_pkg_temp\n",
            "sys/class/thermal/thermal_zone0/temp": "91000\n",
        },
    )


def _make_pi(root: Path, model: str, release: str) -> Path:
    make_machine(
        root,
        {
            # The device tree's strings end with a zero byte.
            "proc/device-tree/model": f"{model}\0",
            "etc/os-release": release,
            GOVERNOR: "ondemand\n",
            "run/systemd/timesync/synchronized": "",
            "boot/firmware/config.txt": CONFIG_TXT,
            "dev/i2c-1": "",
            f"{VENV}/pyvenv.cfg": "home = /usr/bin\ninclude-system-site-packages = true\n",
        },
    )
    set_temperature(root, 48)
    add_command(root, "usr/bin/vcgencmd", "echo throttled=0x0")
    add_command(root, "usr/bin/rpicam-hello", f"cat <<'END'\n{CAMERA_LIST}END")
    return root


def add_pwm_chip(root: Path, number: int, device: str) -> None:
    """Give the machine a PWM chip whose hardware has that name."""
    (root / "sys/devices/platform" / device).mkdir(parents=True, exist_ok=True)
    chip = root / f"sys/class/pwm/pwmchip{number}"
    make_machine(chip, {"export": ""})
    (chip / "device").symlink_to(root / "sys/devices/platform" / device)
