"""``car sessions report`` as typed: a table, advice, a page and JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hardware.camera import Frame
from hardware.drivetrain import Command
from tests.system.car_process import assert_refused, run_car
from tests.training.drives import record, write_rows
from tests.training.report.scenes import drive, negated
from tests.training.test_dataset import write_idle
from training.dataset import Recording
from training.report.page import page_of
from training.report.report import make_report


def write(path: Path, recording: Recording) -> Path:
    """Record the drive as a session."""
    rows = []
    for number, image in enumerate(recording.images):
        frame = Frame(image, int(recording.captured_ns[number]), number)
        rows.append((frame, record(frame, Command(*map(float, recording.labels[number])))))
    return write_rows(path, rows, recording.camera)


@pytest.fixture(scope="module")
def car_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a car with a sound drive and one that is steered the wrong way round."""
    folder = tmp_path_factory.mktemp("car")
    assert run_car("init", "mycar", cwd=folder).returncode == 0
    write(folder / "mycar" / "sessions" / "monday.mcap", drive(seconds=60.0))
    write(folder / "mycar" / "sessions" / "tuesday.mcap", negated(drive(seconds=60.0, seed=1)))
    return folder / "mycar"


def strict(text: str) -> Any:
    """Return JSON that has nothing in it but JSON."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    return json.loads(text, parse_constant=refuse)


def test_the_report_says_what_is_wrong_and_what_to_do_and_ends_with_0(car_dir: Path) -> None:
    done = run_car("sessions", "report", cwd=car_dir)
    assert done.returncode == 0, done.stderr
    assert re.search(r"monday .* 2\d0 ms", done.stdout)
    assert re.search(r"tuesday .* reversed", done.stdout)
    grave = next(line for line in done.stdout.splitlines() if "turns against the steering" in line)
    assert grave.startswith("grave: ")
    assert "tuesday" in grave
    assert "monday" not in grave
    assert "Leave these sessions out" in grave


def test_the_page_needs_nothing_from_elsewhere(car_dir: Path, tmp_path: Path) -> None:
    done = run_car("sessions", "report", "--html", tmp_path / "report.html", cwd=car_dir)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 1 + 2 * 3
    assert "turns against the steering" in page
    sources = re.findall(r'(?:src|href)="([^"]{,30})', page)
    assert len(sources) == 2 * 3
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not re.search(r"https?://|<script|@import|url\(", page)


def test_names_are_shown_on_the_page_and_do_nothing_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a<b>&c.mcap", drive(seconds=10.0))
    page = page_of(make_report([path]))
    assert "a&lt;b&gt;&amp;c" in page
    assert "a<b>" not in page


def test_json_goes_to_a_file_or_alone_to_the_terminal(car_dir: Path, tmp_path: Path) -> None:
    alone = run_car("sessions", "report", "--json", "-", cwd=car_dir)
    done = run_car("sessions", "report", "--json", tmp_path / "report.json", cwd=car_dir)
    assert (alone.returncode, done.returncode) == (0, 0), alone.stderr + done.stderr
    report = strict(alone.stdout)
    assert report == strict((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert (report["schema_version"], report["frames"], report["minutes"]) == (1, 1200, 2.0)
    assert [session["delay"]["is_reversed"] for session in report["sessions"]] == [False, True]
    reversed_ones = next(finding for finding in report["findings"] if finding["kind"] == "reversed")
    assert reversed_ones["sessions"] == ["tuesday"]
    assert sum(report["sessions"][0]["steering"]["histogram_after_mirroring"]) == 600


def test_what_training_mirrors_is_as_often_to_the_left_as_to_the_right(car_dir: Path) -> None:
    report = make_report([car_dir / "sessions" / "monday.mcap"])
    after = report.sessions[0].steering.after_mirroring
    assert after == after[::-1]
    assert report.sessions[0].steering.taught.histogram != after


def test_a_session_that_cannot_be_read_is_named_and_the_others_are_reported_on(car_dir: Path, tmp_path: Path) -> None:
    noise = tmp_path / "noise.mcap"
    noise.write_bytes(b"no session")
    done = run_car("sessions", "report", "sessions/monday.mcap", noise, cwd=car_dir)
    assert_refused(done, "Not every session can be read", "car sessions repair")
    assert "monday" in done.stdout
    assert "noise.mcap" in done.stdout
    done = run_car("sessions", "report", noise, "--json", "-", cwd=car_dir)
    assert_refused(done, "Not every session can be read")
    assert "the others" not in done.stderr
    assert strict(done.stdout)["left_out"][0]["is_damaged"]
    page = page_of(make_report([noise]))
    assert "noise.mcap" in page
    assert "Nothing stands out" not in page


def test_a_session_in_which_nobody_drove_and_a_copy_are_left_out_and_named(car_dir: Path, tmp_path: Path) -> None:
    monday, copy = car_dir / "sessions" / "monday.mcap", tmp_path / "copy.mcap"
    copy.write_bytes(monday.read_bytes())
    write_idle(tmp_path / "idle.mcap")
    done = run_car("sessions", "report", monday, tmp_path, cwd=car_dir)
    assert done.returncode == 0, done.stderr
    assert "Nobody drove in" in done.stdout
    assert "copy.mcap is the same recording as" in done.stdout


def test_what_makes_no_sense_or_cannot_be_written_is_refused(car_dir: Path, tmp_path: Path) -> None:
    assert_refused(run_car("sessions", "report", "--json", "-", "--html", "a.html", cwd=car_dir), "--html")
    lost = run_car("sessions", "report", "sessions/monday.mcap", "--html", tmp_path / "lost" / "a.html", cwd=car_dir)
    assert_refused(lost, "a.html cannot be written", "another place")
    assert_refused(run_car("sessions", "report", tmp_path, cwd=car_dir), "There are no sessions")
    both = run_car("sessions", "report", "--html", tmp_path / "both", "--json", tmp_path / "both", cwd=car_dir)
    assert_refused(both, "Name two files")


@pytest.mark.parametrize("option", ["--json", "--html"])
@pytest.mark.parametrize("folder", ["", ".", "/", "sessions"])
def test_a_folder_is_no_place_for_a_report(car_dir: Path, option: str, folder: str) -> None:
    done = run_car("sessions", "report", option, folder, cwd=car_dir)
    assert_refused(done, "is a folder", "Name a file in it")


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_session_is_never_replaced_by_its_report(car_dir: Path, option: str) -> None:
    monday = car_dir / "sessions" / "monday.mcap"
    before = monday.read_bytes()
    done = run_car("sessions", "report", option, "sessions/monday.mcap", cwd=car_dir)
    assert_refused(done, "sessions/monday.mcap is named like a session", "another file")
    assert monday.read_bytes() == before


def test_a_report_of_an_import_says_what_of_the_tub_was_lost_and_not_used(car_dir: Path, tmp_path: Path) -> None:
    from car.sessions.tub.exporter import export_tub
    from car.sessions.tub.importer import import_tub

    tub = export_tub(car_dir / "sessions" / "monday.mcap", tmp_path / "tub").tub
    catalog = tub / "catalog_0.catalog"
    catalog.write_text(catalog.read_text().replace('"user/mode"', '"imu/gyr_x": 0.1, "user/mode"'))
    next(iter(sorted((tub / "images").iterdir()))).unlink()
    session = import_tub(tub, tmp_path / "imported.mcap").path
    findings = {finding.kind: finding for finding in make_report([session]).findings}
    assert "1 images missing" in findings["defects"].sentence
    assert "imu/gyr_x" in findings["unused_inputs"].sentence
