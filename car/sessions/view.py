"""What is printed of sessions."""

from __future__ import annotations

from pathlib import Path

from rich.table import Column, Table

from car.errors import SessionError
from car.sessions.digest import digest
from car.sessions.library import NOT_CLOSED, damage_words
from car.sessions.overview import overview
from car.sessions.reader import Session
from car.sessions.writer import is_recorded
from car.terminal.console import console

RECORDING = "being recorded"


def show_session_list(paths: list[Path]) -> None:
    """Print a line for each session, an unreadable one's included."""
    if not paths:
        console.print("No sessions yet. Record one with `car drive`, or import a tub.")
        return
    table = Table(Column("session", overflow="fold"), "length", "frames", "size", "source", "")
    for path in paths:
        try:
            at_a_glance = overview(path)
        except SessionError as error:
            table.add_row(path.stem, "", "", "", "", RECORDING if is_recorded(path) else str(error))
            continue
        recording = "" if at_a_glance.closed or not is_recorded(path) else RECORDING
        table.add_row(
            path.stem,
            f"{at_a_glance.duration_s / 60:.1f} min",
            str(at_a_glance.frames),
            f"{at_a_glance.size_bytes / 1e6:.1f} MB",
            at_a_glance.info.source,
            recording or ("" if at_a_glance.closed else NOT_CLOSED),
        )
    console.print(table)


def show_session(session: Session) -> None:
    """Print where a session comes from, what is in it and what happened."""
    info, camera = session.info, session.info.camera
    rows = {
        "name": info.name,
        "car": info.car,
        "source": info.source,
        "started": info.started,
        "camera": f"{camera.width}x{camera.height} at {info.rate_hz:g}/s, {camera.fov_deg:g}° {camera.lens}",
        "length": f"{session.duration_s:.1f} s, {session.frame_count} frames",
        "damage": RECORDING if is_recorded(session.path) else damage_words(session.damage) or "none",
        **info.extra,
        "software": ", ".join(f"{name} {version}" for name, version in info.software.items()),
    }
    table = Table(show_header=False)
    for name, value in rows.items():
        table.add_row(name, value)
    for kind, text in digest(session.events()):
        table.add_row(kind, text)
    console.print(table)
