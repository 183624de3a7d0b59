"""What ``car exam --on SESSION`` shows."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from car.kinds.pilot import Pilot
from car.sessions.reader import Session
from car.terminal.console import console
from car.terminal.progress import progress_bar
from hardware.camera import CameraGeometry
from training.exam.driven_path import DrivenPath, load_driven_path
from training.exam.on_session import FURTHEST_ASIDE_M, FURTHEST_TURNED_DEG, Outcome, exam_on_session

_SAYS_NOTHING_OF_ITS_CAMERA = "tub"


def load_and_say(session: Path, camera: CameraGeometry) -> DrivenPath:
    """Return the path driven in ``session``; print what had to be guessed.

    An imported tub says nothing of its camera, and then it is taken to be mounted as ``camera`` is. Raises what
    ``load_driven_path`` raises.
    """
    with Session.open(session) as opened:
        is_guessed = opened.info.source == _SAYS_NOTHING_OF_ITS_CAMERA
    if is_guessed:
        console.print(
            f"{session.name} does not say how its camera sees: taken for {camera.fov_deg:g}° wide, "
            f"{camera.mount_height_m * 100:g} cm above the floor and pitched down by {camera.pitch_deg:g}°, as in "
            "[camera] of car.toml. Set it there if it was another.",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )
    with console.status("finding out where the car was"):
        path = load_driven_path(session, camera if is_guessed else None)
    if not path.is_measured:
        console.print(
            "The session does not say where the car was: that is worked out from its frames.",
            highlight=False,
            soft_wrap=True,
        )
    return path


def show_on_session(pilot: Pilot, path: DrivenPath) -> Outcome:
    """Let ``pilot`` drive along ``path``, print how it did and return it."""
    with progress_bar(f"driving inside {path.name}") as progress:
        outcome = exam_on_session(pilot, path, progress)
    console.print(_table(pilot.name, outcome))
    console.print(
        f"An intervention is where it is more than {FURTHEST_ASIDE_M * 100:.0f} cm or {FURTHEST_TURNED_DEG:.0f}° off "
        "the path that was driven; it is then put back on it.",
        highlight=False,
        soft_wrap=True,
    )
    return outcome


def _table(name: str, outcome: Outcome) -> Table:
    between = (
        "none"
        if not outcome.interventions
        else f"{outcome.interventions}, one in {outcome.metres_per_intervention:.1f} m"
    )
    table = Table("what", "figure", title=f"{name} inside {outcome.session}", title_justify="left", show_header=False)
    table.add_row("score, 0 to 100", f"{outcome.score:.1f}  (95 % interval {outcome.low:.1f} to {outcome.high:.1f})")
    table.add_row("way driven", f"{outcome.way_m:.1f} m")
    table.add_row("interventions", between)
    table.add_row("mean distance from the driven path", f"{outcome.offset_m * 100:.1f} cm")
    table.add_row(f"of the way within {FURTHEST_ASIDE_M * 50:.0f} cm of it", f"{outcome.within:.0%}")
    table.add_row("change of steering a frame", f"{outcome.jerk:.3f}, the driver's {outcome.driven_jerk:.3f}")
    return table
