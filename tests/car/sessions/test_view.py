"""What the command line shows of sessions: one that is being recorded is not damaged, many events take few rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from car import files
from car.sessions import Session, SessionEvent, SessionWriter
from car.sessions.view import show_session, show_session_list
from hardware.clock import VirtualClock
from tests.car.sessions.recordings import INFO, START_NS, session_bytes
from tests.car.sessions.test_writer import drive

pytest.importorskip("fcntl", reason="Windows does not tell which files are being written")


@pytest.fixture
def live(tmp_path: Path) -> Iterator[SessionWriter]:
    clock = VirtualClock(START_NS)
    with SessionWriter(tmp_path / "live.mcap", INFO, clock, min_free_bytes=0) as writer:
        drive(writer, clock, 30)
        yield writer


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_the_list_advises_no_repair_of_a_session_that_is_being_recorded(
    live: SessionWriter, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = live.path.with_name("cut.mcap")
    cut.write_bytes(session_bytes()[:-3000])
    with files.create_locked(live.path.with_name("new.mcap")):
        for path in (live.path, live.path.with_name("new.mcap")):
            show_session_list([path])
            listed = shown(capsys)
            assert "recorded" in listed
            assert "repair" not in listed
            assert "Delete" not in listed
    show_session_list([cut])
    assert "repair" in shown(capsys)
    live.close()
    show_session_list([live.path])
    assert "recorded" not in shown(capsys)


def test_a_session_that_is_being_recorded_is_shown_as_such(
    live: SessionWriter, capsys: pytest.CaptureFixture[str]
) -> None:
    with Session.open(live.path) as session:
        show_session(session)
    assert "being recorded" in shown(capsys)


def test_a_session_that_missed_1400_times_is_shown_in_a_screenful(
    live: SessionWriter, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(1400):
        live.add_event(SessionEvent(START_NS + number, "missed", "2 cycles came too late to record"))
    live.close()
    with Session.open(live.path) as session:
        show_session(session)
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) < 30
    assert any("1395 more" in row for row in rows)
