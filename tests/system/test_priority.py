"""Where the system grants it, nothing on a busy machine comes before what stops the car."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.car_process import DrivingCar

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has real-time priority for a process")

TAKE_IT = "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))"


def policies(process: int) -> set[int]:
    return {os.sched_getscheduler(int(task.name)) for task in Path(f"/proc/{process}/task").iterdir()}


def test_whatever_can_stop_the_car_goes_before_all_else_and_the_desk_waits_in_line(tmp_path: Path) -> None:
    is_granted = subprocess.run([sys.executable, "-c", TAKE_IT], capture_output=True).returncode == 0
    expected = os.SCHED_RR if is_granted else os.SCHED_OTHER
    with DrivingCar(tmp_path) as car:
        car.wait_until_recorded(50_000)
        loop_and_watchdog = policies(car.process.pid)
        assert os.sched_getscheduler(car.process.pid) == expected
        assert expected in loop_and_watchdog
        assert policies(car.guard.pid) == {expected}
        assert policies(car.controls.pid) == {expected}
        assert policies(car.desk.pid) == {os.SCHED_OTHER}


def test_who_is_granted_no_priority_drives_all_the_same_and_who_had_it_gives_it_back() -> None:
    nobody = (
        "import os, resource\n"
        "from car.processes.priority import ahead_of_all\n"
        "before = os.sched_getscheduler(0)\n"
        "with ahead_of_all():\n"
        "    pass\n"
        "assert os.sched_getscheduler(0) == before\n"
        "resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))\n"
        "os.geteuid() or os.setuid(65534)\n"
        "with ahead_of_all():\n"
        "    print(os.sched_getscheduler(0) == os.SCHED_OTHER)\n"
    )
    done = subprocess.run([sys.executable, "-c", nobody], capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr
