"""The desk's look at the car: on machines of several kinds, and beside a loop that runs, stands or is recorded."""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from car.config.sections import CarConfig, RecordingSection
from car.drive_record import StageTimes
from car.gate import GateState
from car.link.ring import CycleRing
from car.processes.telemetry import LoopFollower, TelemetryTaker
from car.recording.control import RecorderControl
from car.telemetry.telemetry import Firmware, Loop, Processor, Recording, Telemetry, Wifi
from hardware.clock import NS_PER_MS, NS_PER_S, SystemClock, VirtualClock
from tests.frames import SMALL, make_frame, make_record
from tests.machines import add_command, make_laptop, make_machine, make_pi_4, set_temperature

RATE_HZ = 20.0
TIMES = StageTimes(age_ns=2 * NS_PER_MS, pilot_ns=3 * NS_PER_MS)
PATIENCE_NS = 20 * NS_PER_S


class Rig:
    """A loop that publishes into a ring by a virtual clock, and who follows it."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock(NS_PER_S)
        self.ring = CycleRing(multiprocessing.get_context("spawn"), SMALL, RATE_HZ)
        config = CarConfig(recording=RecordingSection(min_free_mb=0))
        self.recorder = RecorderControl(self.ring, folder / "sessions", config, "first", self.clock)
        self.follower = LoopFollower(self.ring, RATE_HZ)
        self.published = 0

    def drive(self, seconds: float) -> None:
        for _ in range(round(seconds * RATE_HZ)):
            frame = make_frame(self.published, rate_hz=RATE_HZ)
            self.ring.publish(replace(make_record(frame), gate_state=GateState.ARMED, times=TIMES), frame)
            self.published += 1
            self.clock.advance_ns(round(NS_PER_S / RATE_HZ))


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def taken(root: Path, rig: Rig, parts: set[str]) -> Telemetry:
    """Return what a machine tells, once it has told all of ``parts``."""
    clock = SystemClock()
    deadline_ns = clock.now_ns() + PATIENCE_NS
    with contextlib.ExitStack() as stack:
        taker = TelemetryTaker(stack, CarConfig(), root, root, clock, print)
        while True:
            seen = taker.take(rig.follower, rig.recorder)
            if parts <= {name for name, part in seen.to_dict().items() if part is not None}:
                return seen
            assert clock.now_ns() < deadline_ns, f"{seen} lacks some of {parts}"
            clock.sleep_until_ns(clock.now_ns() + NS_PER_S // 100)


def test_a_raspberry_pi_tells_all_that_is_built_into_it(tmp_path: Path, rig: Rig) -> None:
    root = make_pi_4(tmp_path / "pi")
    set_temperature(root, 61.5)
    make_machine(
        root,
        {
            "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
            "proc/net/wireless": "Inter-|\n face |\n wlan0: 0000 58. -52. -256\n",
        },
    )
    seen = taken(root, rig, {"processor", "firmware", "wifi", "disk"})
    assert (seen.processor, seen.wifi) == (Processor(61.5), Wifi(-52.0))
    assert seen.firmware == Firmware(under_voltage=True, throttled=True)
    assert seen.disk is not None
    assert seen.disk.free_bytes > 0
    assert (seen.supply, seen.loop, seen.recording) == (None, None, None)


@pytest.mark.parametrize("kind", ["laptop", "bare"])
def test_a_machine_that_has_nothing_tells_its_disk(kind: str, tmp_path: Path, rig: Rig) -> None:
    root = make_laptop(tmp_path / kind) if kind == "laptop" else tmp_path
    seen = taken(root, rig, {"disk"})
    assert (seen.processor, seen.firmware, seen.wifi) == (None, None, None)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for the firmware's tool")
def test_a_firmware_that_does_not_answer_holds_up_nothing(tmp_path: Path, rig: Rig) -> None:
    root = make_machine(tmp_path, {"proc/net/wireless": "Inter-|\n face |\n wlan0: 0000 58. -52. -256\n"})
    add_command(root, "usr/bin/vcgencmd", "exec sleep 60")
    seen = taken(root, rig, {"wifi", "disk"})
    assert seen.firmware is None


def test_the_loop_is_told_while_it_comes_round(rig: Rig) -> None:
    assert rig.follower.loop() is None
    rig.drive(2)
    loop = rig.follower.loop()
    assert loop is not None
    assert replace(loop, rate_hz=round(loop.rate_hz, 6)) == Loop(RATE_HZ, 5.0, 5.0)
    assert rig.follower.loop() is None


def test_the_recorder_is_told_while_it_records_and_how_far_it_is_behind(rig: Rig) -> None:
    rig.recorder.switch_on()
    rig.drive(1)
    rig.follower.loop()
    assert rig.follower.recording(rig.recorder) is None
    rig.recorder.poll()
    assert rig.follower.recording(rig.recorder) == Recording(waiting=0, missed=0)
    rig.drive(0.5)
    rig.follower.loop()
    assert rig.follower.recording(rig.recorder) == Recording(waiting=10, missed=0)
    rig.recorder.close()
    assert rig.follower.recording(rig.recorder) is None
