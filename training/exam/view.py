"""What is shown of an exam: a table of each candidate's levels, its worst drives in words, a table for the league."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from rich.table import Table

from car.terminal.console import console
from training.exam.paper import EXAM_VERSION, LEVELS
from training.exam.run import Answer, Result
from training.exam.score import jerk_beside, time_beside

WORST = 3


@dataclass(frozen=True, slots=True)
class Figures:
    """What a number of drives come to.

    >>> from training.exam.drive import Drive
    >>> from training.exam.paper import exam_tasks
    >>> drive = Drive(way_m=20.0, time_s=25.0, laps=1, departures=1, collisions=0, cross_track_m=0.03,
    ...               cross_track_95_m=0.08, jerk_per_s=1.2, recovery_s=None, trip="")
    >>> figures = Figures.of([Answer(exam_tasks("home", 1)[0], drive, expert=drive)])
    >>> figures.clean, figures.departures_per_km, figures.time
    (0, 50.0, 1.0)

    ``clean`` counts the drives that came the whole way without a departure. ``cross_track_m`` is a mean; ``jerk`` and
    ``time``, multiples of the expert's, are medians: one drive that got nowhere is not to hide the others.
    """

    drives: int
    clean: int
    departures_per_km: float
    cross_track_m: float
    jerk: float
    time: float

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> Figures:
        """Return the figures of ``answers``, of which there is one at least."""
        way_m = sum(answer.drive.way_m for answer in answers)
        return cls(
            drives=len(answers),
            clean=sum(answer.is_clean for answer in answers),
            departures_per_km=1000.0 * sum(answer.drive.departures for answer in answers) / max(way_m, 1.0),
            cross_track_m=fmean(answer.drive.cross_track_m for answer in answers),
            jerk=median(jerk_beside(answer.drive, answer.expert) for answer in answers),
            time=median(time_beside(answer.drive, answer.expert) for answer in answers),
        )

    @property
    def cells(self) -> list[str]:
        """The figures as they stand in a table, in the order of ``COLUMNS``."""
        return [
            f"{self.clean} of {self.drives}",
            f"{self.departures_per_km:.1f}",
            f"{self.cross_track_m * 100:.1f} cm",
            f"{self.jerk:.1f}",
            "never" if math.isinf(self.time) else f"{self.time:.2f}",
        ]


COLUMNS = ("clean drives", "departures/km", "off the middle", "steering × expert", "time × expert")


def show_result(result: Result) -> None:
    """Print a candidate's table, and its worst drives in words."""
    table = Table("level", "score", *COLUMNS, title=f"{result.candidate.name} in exam {EXAM_VERSION}")
    for level, answers in result.levels.items():
        table.add_row(level, str(result.scores[level]), *Figures.of(answers).cells)
    if len(result.levels) > 1:
        table.add_section()
        table.add_row("all", str(result.score), *Figures.of(result.answers).cells, style="bold")
    console.print(table)
    worst = [answer for answer in result.worst(WORST) if answer.points < 100.0]
    if worst:
        console.print("Its worst drives:")
    for answer in worst:
        console.print(f"  {answer.points:.0f} points. {in_words(answer)}", highlight=False, markup=False)


def in_words(answer: Answer) -> str:
    """Return what was asked, and what became of it."""
    drive = answer.drive
    events = [f"{drive.way_m:.1f} of {answer.expert.way_m:.1f} m in {drive.time_s:.0f} s"]
    if drive.departures:
        touching = f", {drive.collisions} with a collision" if drive.collisions else ""
        events.append(f"{drive.departures} departure{'s' * (drive.departures > 1)}{touching}")
    if drive.recovery_s is not None and math.isinf(drive.recovery_s):
        events.append("never back in the middle after the start")
    if drive.trip:
        events.append(drive.trip)
    return f"{answer.task}: {', '.join(events)}."


def league_table(results: Sequence[Result]) -> str:
    """Return a Markdown table of the candidates, the best first."""
    head = ("pilot", "score", *LEVELS, *COLUMNS)
    rows = [
        (
            result.candidate.name,
            f"**{result.score}**",
            *(str(result.scores[level]) if level in result.levels else "" for level in LEVELS),
            *Figures.of(result.answers).cells,
        )
        for result in sorted(results, key=lambda result: -result.score.points)
    ]
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
