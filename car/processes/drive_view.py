"""The live view in the terminal: what the car does, how fast, and whether the gate lets it."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from car.drive_record import DriveRecord
from car.gate import AWAITS_NEUTRAL, GateState
from car.statistics import LoopStatistics

BAR_CELLS = 21
_COLOURS = {GateState.ARMED: "green", GateState.DISARMED: "yellow", GateState.TRIPPED: "red"}
KEYS = "space stop · a arm · d disarm · q quit"


class DriveView:
    """Turns the newest cycles into a panel, or into a line where there is no terminal."""

    def __init__(self, title: str, window_frames: int) -> None:
        self._title = title
        self._statistics = LoopStatistics(window_frames)
        self._newest: DriveRecord | None = None

    def add(self, record: DriveRecord) -> None:
        """Take note of one cycle."""
        self._newest = record
        self._statistics.add(record)

    def panel(self, pilot: str, recording: str) -> RenderableType:
        """Return the view; ``pilot`` is the name of the one that drives, ``recording`` says what the recorder does."""
        if self._newest is None:
            return Panel("waiting for the camera ...", title=Text(self._title))
        rows = Table.grid(padding=(0, 2))
        for name, value in self._rows(self._newest, pilot, recording):
            rows.add_row(Text(name, style="dim"), value)
        return Panel(Group(rows, Text(KEYS, style="dim")), title=Text(self._title), expand=False)

    def line(self, pilot: str, recording: str) -> str:
        """Return the view as one line of plain text."""
        if self._newest is None:
            return "waiting for the camera"
        console = Console(width=400, color_system=None)
        with console.capture() as capture:
            console.print(
                *(Text.assemble(name, " ", value) for name, value in self._rows(self._newest, pilot, recording)),
                sep=" · ",
            )
        return " ".join(capture.get().split())

    def _rows(self, record: DriveRecord, pilot: str, recording: str) -> list[tuple[str, Text]]:
        rows = [("gate", _gate_text(record)), ("pilot", _pilot_text(pilot, record))]
        if (lap_count := record.lap_count) is not None:
            rows.append(("lap", Text(f"{lap_count.laps + 1} · lane departures: {lap_count.departures}")))
        if record.motion is not None:
            rows.append(("speed", Text(f"{record.motion.speed_m_s:.2f} m/s")))
        if record.ahead is not None:
            rows.append(("ahead", Text(f"{record.ahead.distance_m:.2f} m")))
        rows += [
            ("steering", _bar(record.applied.steering)),
            ("throttle", _bar(record.applied.throttle)),
            ("frames", Text(f"{self._statistics.frame_rate_hz():.1f} /s")),
        ]
        if figures := self._statistics.figures():
            latency = figures[-1]
            rows.append(("latency", Text(f"p50 {latency.p50_ms:.1f} ms · p99 {latency.p99_ms:.1f} ms")))
        rows.append(("recording", Text(recording)))
        return rows


def _gate_text(record: DriveRecord) -> Text:
    words = f"{record.gate_state.value} · {record.mode.value}"
    hint = AWAITS_NEUTRAL if record.awaits_neutral else None
    for reason in filter(None, (record.trip, record.refusal, hint)):
        words += f" · {reason}"
    return Text(words, style=_COLOURS[record.gate_state])


def _pilot_text(name: str, record: DriveRecord) -> Text:
    if record.is_unsure:
        return Text(f"{name} · unsure ({record.uncertainty:.1f}): slower, be ready to take over", style="yellow")
    return Text(name)


def _bar(value: float) -> Text:
    """Return ``value`` in −1 … +1 as a mark on a line, with its figure."""
    mark = round((value + 1) / 2 * (BAR_CELLS - 1))
    cells = ["─"] * BAR_CELLS
    cells[BAR_CELLS // 2] = "┼"
    cells[mark] = "●"
    return Text(f"{''.join(cells)} {value:+.2f}")
