"""Work on a Ray cluster of two workers: the same results as without, whatever becomes of a worker."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from car.config.sections import CarConfig
from car.errors import MissingPackage, SessionError, TrainingError
from car.kinds.camera import CameraSection
from simulator.scenario import Scenario
from training import cluster
from training.cluster import on_ray
from training.cores import ProgressCallback, work_on_all
from training.exam.drive import Candidate
from training.exam.paper import Task
from training.exam.run import sit

NO_RAY = importlib.util.find_spec("ray") is None
needs_ray = pytest.mark.skipif(NO_RAY, reason="Ray is not installed: pip install 'pocketpilot[cluster]'")
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # On Linux too: it listens on 127.0.0.1 alone.
}
TASKS = [Task("home", number, Scenario(track, max_speed_m_s=0.8)) for number, track in enumerate(("oval", "home"))]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def head() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A cluster of one machine with two workers: its address, and its process."""
    address = f"127.0.0.1:{free_port()}"
    root = Path(__file__).parents[2]
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(root)}
    options = ["--head", "--block", "--num-cpus=2", "--include-dashboard=false", f"--port={address.split(':')[1]}"]
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", *options]
    with (
        pytest.MonkeyPatch.context() as patch,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, process_group=0
        ) as process,
    ):
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        try:
            assert process.stdout is not None
            assert any(b"Ray runtime started" in line for line in process.stdout)
            yield address, process
        finally:
            process.terminate()
            process.communicate()


def done_before(path: Path) -> bool:
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return True
    return False


STRIKES = (signal.SIGKILL, signal.SIGSTOP)


def strike_once(task: Task, progress: ProgressCallback, *, folder: Path) -> object:
    """Sit a task of the exam, but the first time the process is killed in the middle of one, and freezes in another."""

    def strike(done: float) -> None:
        progress(done)
        if done > 0.3 and not done_before(folder / f"struck {task.number}"):
            os.kill(os.getpid(), STRIKES[task.number])

    config = CarConfig(camera=CameraSection(width=32, height=24))
    return sit(task, strike, candidates=[Candidate("expert", None)], config=config)


def always_die(_: int, progress: ProgressCallback) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def read_nothing(number: int, progress: ProgressCallback) -> None:
    if number:
        raise SessionError("There is no such session. Name another.")
    raise ValueError("not a number\nof lines")


def work_for_ever(number: int, progress: ProgressCallback) -> None:
    while number:
        progress(0.5)


@needs_ray
def test_the_exam_on_a_cluster_scores_as_without_one_though_a_worker_is_killed_and_one_freezes(
    head: tuple[str, object], tmp_path: Path
) -> None:
    told: list[float] = []
    given: list[object] = []
    work = partial(strike_once, folder=tmp_path)
    drives = on_ray(work, TASKS, told.append, given.append, address=head[0], silent_s=4.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["struck 0", "struck 1"]
    assert drives == work_on_all(work, TASKS, cores=1)
    assert sorted(map(str, given)) == sorted(map(str, drives))
    assert told[-1] == 1.0


@needs_ray
def test_a_work_that_kills_every_worker_ends_in_words(head: tuple[str, object]) -> None:
    with pytest.raises(TrainingError, match="Look at the cluster's logs, or leave out --cluster"):
        on_ray(always_die, [1], address=head[0])


@needs_ray
def test_a_cluster_without_a_free_cpu_is_not_waited_for(
    head: tuple[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "IDLE_S", -1.0)
    with pytest.raises(TrainingError, match="See with `ray status` whether it has a free CPU"):
        on_ray(work_for_ever, [1], address=head[0])


@needs_ray
def test_what_the_work_raises_on_a_cluster_is_raised_here(head: tuple[str, object]) -> None:
    with pytest.raises(SessionError, match=r"^There is no such session\. Name another\.$"):
        on_ray(read_nothing, [1, 2], address=head[0])
    with pytest.raises(TrainingError, match=r"failed \(not a number\)\. Give every machine this version"):
        on_ray(read_nothing, [0], address=head[0])


@needs_ray
def test_a_cluster_that_dies_ends_the_work_in_words(
    head: tuple[str, subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "GONE_S", 3.0)
    address, process = head

    def end_cluster(_: object) -> None:
        (server,) = (child for child in psutil.Process(process.pid).children() if child.name() == "gcs_server")
        server.kill()

    with pytest.raises(TrainingError, match="The Ray cluster is gone"):
        on_ray(work_for_ever, [0, 1], done=end_cluster, address=address)


@needs_ray
@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("here", "here is no address of a Ray cluster. Give its head's as host:port"),
        ("127.0.0.1:99999", "is no address"),
        ("127.0.0.1:{}", "No Ray cluster answers at 127.0.0.1:{} .* `ray start --head`"),
    ],
)
def test_where_no_cluster_is_is_said_at_once(address: str, words: str) -> None:
    port = free_port()
    with pytest.raises(TrainingError, match=words.format(port)):
        on_ray(always_die, [1], address=address.format(port))


def test_a_cluster_without_ray_is_answered_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPackage, match=r"pip install 'pocketpilot\[cluster\]'"):
        on_ray(always_die, [1], address="127.0.0.1:6379")
