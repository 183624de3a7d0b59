"""The service under a real systemd: end it in every way, and watch the wheels.

``tests/userland.sh`` runs this as root in a userland that systemd has started, with the car installed by the installer.
The car drives by itself, in the simulator, by a drop-in that adds ``--headless``; its timeline has what the wheels were
told, and when. Without the drop-in it must stand, after a failure too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from hardware.clock import NS_PER_MS, SystemClock
from hardware.drivetrain import NEUTRAL
from hardware.drivetrains.timeline import Applied, read_timeline

UNIT = "pocketpilot@ada.service"
CAR = Path("/home/ada/mycar")
WHEELS = CAR / "wheels"
DROP_IN = Path(f"/run/systemd/system/{UNIT}.d/headless.conf")
HEADLESS = "[Service]\nExecStart=\nExecStart=/opt/pocketpilot/bin/car drive --car mycar --headless\n"
PATIENCE_S = 60.0
WATCH_S = 1.0
PROMISED_MS = 1000.0
"""systemd ends the guard together with a drive process that is dead, so that often ``ExecStopPost`` is first."""


def systemctl(*arguments: str) -> str:
    """Run ``systemctl``; return what it printed."""
    return subprocess.run(["systemctl", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def start() -> None:
    """Start the service anew, however often it was started in the last minute."""
    systemctl("stop", UNIT)
    # It answers with an error when there is nothing to reset.
    subprocess.run(["systemctl", "reset-failed", UNIT], check=False, capture_output=True)
    systemctl("start", UNIT)


def show(name: str) -> str:
    """Return a property of the service."""
    return systemctl("show", "--value", "--property", name, UNIT)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until ``condition`` holds; raises TimeoutError when it does not in a minute."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"Waited in vain for {what}.")
        time.sleep(0.05)


def wheels(since_ns: int = 0) -> list[Applied]:
    """Return what the wheels have been told since ``since_ns``."""
    return [applied for applied in read_timeline(WHEELS) if applied.time_ns >= since_ns] if WHEELS.exists() else []


def strike(name: str, blow: Callable[[], object]) -> bool:
    """Let it drive, deal ``blow``, print when the wheels were neutral and by whom; return whether that was in time."""
    clock = SystemClock()
    started_ns = clock.now_ns()
    start()
    wait_for(lambda: any(applied.command.throttle > 0.1 for applied in wheels(started_ns)), "the car to drive")
    drive = show("MainPID")
    struck_ns = clock.now_ns()
    blow()
    time.sleep(WATCH_S)
    entries = wheels(struck_ns)
    moved_ns = max((entry.time_ns for entry in entries if entry.command.throttle), default=struck_ns)
    neutral = next((entry for entry in entries if entry.time_ns >= moved_ns and not entry.command.throttle), None)
    took_ms = (neutral.time_ns - struck_ns) / NS_PER_MS if neutral else float("inf")
    by = "by the drive process" if neutral and str(neutral.process) == drive else "by another"
    held = took_ms <= PROMISED_MS
    print(
        f"{name}: neutral after {took_ms:.0f} ms, {by}; promised {PROMISED_MS:.0f} ms, {'held' if held else 'BROKEN'}"
    )
    return held


def kill_drive(number: int) -> None:
    """Send a signal to the drive process."""
    os.kill(int(show("MainPID")), number)


def stands_after_a_failure() -> bool:
    """Kill all of the service as it is installed; return whether it starts again, and stands."""
    DROP_IN.unlink()
    systemctl("daemon-reload")
    since_ns = SystemClock().now_ns()
    start()
    before = show("MainPID")
    systemctl("kill", "--signal=KILL", UNIT)
    wait_for(lambda: show("ActiveState") == "active" and show("MainPID") not in ("0", before), "it to start again")
    time.sleep(WATCH_S)
    stands = all(applied.command == NEUTRAL for applied in wheels(since_ns))
    print(f"killed as it is installed: started again, and {'stands' if stands else 'DRIVES'}")
    return stands


def ends_as_asked() -> bool:
    """Stop the service; return whether systemd takes that for an ordinary end."""
    systemctl("stop", UNIT)
    result = f"{show('ActiveState')}, {show('Result')}"
    print(f"stopped: {result}")
    return result == "inactive, success"


def main() -> int:
    """Return 0 when every promise was held."""
    config = CAR / "car.toml"
    config.write_text(
        config.read_text("utf-8").replace('timeline = ""', f'timeline = "{WHEELS.name}"'), encoding="utf-8"
    )
    DROP_IN.parent.mkdir(parents=True)
    DROP_IN.write_text(HEADLESS, encoding="utf-8")
    systemctl("daemon-reload")
    held = [
        strike("drive process killed", lambda: kill_drive(signal.SIGKILL)),
        strike("drive process frozen", lambda: kill_drive(signal.SIGSTOP)),
        strike("everything killed", lambda: systemctl("kill", "--signal=KILL", UNIT)),
        strike("service stopped", lambda: systemctl("stop", "--no-block", UNIT)),
        stands_after_a_failure(),
        ends_as_asked(),
    ]
    print("The service holds." if all(held) else "The service does NOT hold.")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
