"""What the command line prints: tables, progress bars and summaries."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from car.errors import SessionError
from car.runs.replay import Difference, Replay
from car.runs.simulation import Scene, Simulation
from car.sessions.digest import digest
from car.sessions.library import NOT_CLOSED, damage_words
from car.sessions.overview import overview
from car.sessions.reader import Session
from car.sessions.writer import is_recorded
from car.statistics import LoopStatistics
from car.terminal.console import console
from models.contract import ModelError
from models.loader import read_card

if TYPE_CHECKING:
    from car.faults.menu import InjectedFault
    from car.faults.trials import FaultTrial
    from car.processes.drive import DriveSummary

RECORDING = "being recorded"


@contextlib.contextmanager
def progress_bar(what: str) -> Iterator[Callable[[float], None]]:
    """Show how much of ``what`` is done and how long is left; yields the function to be told, 0 … 1."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda done: bar.update(task, completed=done)


def show_drive(summary: DriveSummary) -> None:
    """Print how a drive ended and where its time went."""
    console.print(summary.outcome)
    if summary.statistics.frames:
        console.print(_stage_table(summary.statistics))
    facts = [
        f"{summary.statistics.frames} frames at {summary.statistics.frame_rate_hz():.1f}/s",
        f"{summary.dropped} dropped",
        f"{summary.refused} commands refused",
    ]
    if summary.camera_restarts:
        facts.append(f"camera restarts: {summary.camera_restarts}")
    if summary.desk_restarts:
        facts.append(f"desk restarts: {summary.desk_restarts}, with a new session each if it was recording")
    if summary.last is not None and summary.last.odometry is not None:
        odometry = summary.last.odometry
        facts.append(f"laps driven: {odometry.laps} · lane departures: {odometry.departures}")
    console.print(" · ".join(facts))


def show_simulation(simulation: Simulation, scene: Scene) -> None:
    """Print how a simulated drive went."""
    odometry = simulation.odometry
    speed = simulation.simulated_s / simulation.real_s if simulation.real_s else 0.0
    console.print(
        f"{scene.track}: laps driven: {odometry.laps} · lane departures: {odometry.departures} · "
        f"{odometry.progress_m:.1f} m in {simulation.simulated_s:.1f} s ({speed:.0f} times real time)"
    )


def show_faults(faults: Sequence[InjectedFault]) -> None:
    """Print what can be broken and what is promised then."""
    table = Table("fault", "what happens", "promised")
    for fault in faults:
        table.add_row(fault.name, fault.what, fault.promise)
    console.print(table)


def show_trials(trials: Sequence[FaultTrial]) -> None:
    """Print for each fault what was promised, what was measured on each clock, and whether the promise was held."""
    from car.faults.menu import LINK_WORST_MS, TrialClock
    from car.faults.real import MARGIN_MS

    table = Table("fault", "what happens", "promised", *(f"{clock} clock" for clock in TrialClock), "")
    for trial in trials:
        measured = [str(trial.outcomes.get(clock, "")) for clock in TrialClock]
        verdict = Text("held", style="green") if trial.held else Text("not held", style="bold red")
        table.add_row(trial.fault.name, trial.fault.what, trial.fault.promise, *measured, verdict)
    console.print(table)
    console.print(f"{sum(trial.held for trial in trials)} of {len(trials)} promises held")
    if any(TrialClock.REAL in trial.outcomes for trial in trials):
        console.print(
            f"In real processes a promise may be {MARGIN_MS:g} ms late, for what else this machine has to do, "
            f"and a lost link may take {LINK_WORST_MS} ms.",
            soft_wrap=True,
        )


def show_replay(replay: Replay) -> None:
    """Print what a replay gave, and how far it is from what was recorded."""
    table = Table("pilot against", "steering mean", "steering max", "throttle mean", "throttle max", "frames")
    for name, difference in (("recorded driver", replay.from_driver), ("recorded pilot", replay.from_pilot)):
        if difference is not None:
            table.add_row(name, *_difference_cells(difference))
    if table.row_count:
        console.print(table)
    console.print(f"{replay.frames} frames · {replay.trips} gaps tripped the gate")
    console.print(f"commands sha256 {replay.digest}", soft_wrap=True)


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


def show_model_list(paths: list[Path]) -> None:
    """Print a line for each model, an unreadable one's included."""
    table = Table("model", "frames", "size", "trained on", "steering MAE", "in the simulator")
    for path in paths:
        size = f"{path.stat().st_size / 1e3:.0f} kB"
        try:
            card = read_card(path)
        except ModelError as error:
            table.add_row(path.stem, "", size, str(error))
            continue
        if card is None:
            table.add_row(path.stem, "", size, "no card")
            continue
        frames = sum(session.frames for session in card.sessions)
        mae = card.metrics.get("steering", {}).get("mae")
        drives = "; ".join(f"{track}: {outcome}" for track, outcome in card.closed_loop.items())
        table.add_row(
            path.stem,
            f"{card.width}x{card.height}",
            size,
            f"{frames} frames, {len(card.sessions)} sessions",
            "" if mae is None else f"{mae:.3f}",
            drives,
        )
    console.print(table)


def _difference_cells(difference: Difference) -> list[str]:
    figures = (difference.steering_mean, difference.steering_max, difference.throttle_mean, difference.throttle_max)
    return [*(f"{figure:.4f}" for figure in figures), str(difference.frames)]


def _stage_table(statistics: LoopStatistics) -> Table:
    table = Table("stage", *(f"{name} ms" for name in ("p50", "p99", "max")))
    for column in table.columns[1:]:
        column.justify = "right"
    for row in statistics.figures():
        table.add_row(row.stage, f"{row.p50_ms:.3f}", f"{row.p99_ms:.3f}", f"{row.max_ms:.3f}")
    return table
