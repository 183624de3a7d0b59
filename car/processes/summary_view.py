"""What is printed when a drive has ended."""

from __future__ import annotations

from rich.table import Table

from car.processes.summary import DriveSummary
from car.statistics import LoopStatistics
from car.terminal.console import console


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
    if summary.controls_restarts:
        facts.append(f"controls restarts: {summary.controls_restarts}, a trip each")
    if summary.desk_restarts:
        facts.append(f"desk restarts: {summary.desk_restarts}, with a new session each if it was recording")
    if summary.last is not None and summary.last.lap_count is not None:
        lap_count = summary.last.lap_count
        facts.append(f"laps driven: {lap_count.laps} · lane departures: {lap_count.departures}")
    console.print(" · ".join(facts))


def _stage_table(statistics: LoopStatistics) -> Table:
    table = Table("stage", *(f"{name} ms" for name in ("p50", "p99", "max")))
    for column in table.columns[1:]:
        column.justify = "right"
    for row in statistics.figures():
        table.add_row(row.stage, f"{row.p50_ms:.3f}", f"{row.p99_ms:.3f}", f"{row.max_ms:.3f}")
    return table
