"""``car sessions``: recorded drives."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from car.cli.app import app, fail
from car.cli.options import CarOption, SessionArgument, SessionsArgument, find_car, mcap_files, session_files

if TYPE_CHECKING:
    from car.sessions.tub.batch import Result

sessions_app = typer.Typer(
    help="Recorded drives: list, show, report, make, import, export, repair.", no_args_is_help=True
)
app.add_typer(sessions_app, name="sessions")


@sessions_app.command("list")
def list_sessions(car: CarOption = None) -> None:
    """List the car's sessions: length, frames, size and what is wrong with them."""
    from car.sessions.view import show_session_list

    folder = find_car(car)
    show_session_list(mcap_files(folder.sessions_dir))


@sessions_app.command("show")
def show_session(session: SessionArgument) -> None:
    """Show where a session comes from, what is in it and what happened."""
    from car.sessions.reader import Session
    from car.sessions.view import show_session as show

    with Session.open(session) as recording:
        show(recording)


@sessions_app.command("make")
def make_sessions(
    car: CarOption = None,
    minutes: Annotated[float, typer.Option("--minutes", min=0.01, help="Simulated time to drive, in all.")] = 20.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same drives.")] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="The folder for them; default: the car's.")
    ] = None,
) -> None:
    """Let the simulator's expert drive in many random worlds, for a pilot to learn from, and record it."""
    from car.terminal.progress import progress_bar
    from training.demonstrations import record_demonstrations

    folder = find_car(car)
    place = out or folder.sessions_dir
    with progress_bar("the expert drives") as progress:
        paths, there = record_demonstrations(folder.config, place, minutes, seed, progress)
    size_mb = sum(path.stat().st_size for path in paths) / 1e6
    typer.echo(f"{place}: {len(paths)} drives of seed {seed}, {size_mb:.0f} MB; {there} of them were there already.")


@sessions_app.command("import")
def import_tubs(
    tubs: Annotated[list[Path], typer.Argument(metavar="TUB...", help="Donkey Car tubs, or folders of them.")],
    car: CarOption = None,
    negate: Annotated[
        bool, typer.Option("--negate-throttle", help="For a car that drove forwards with negative throttle.")
    ] = False,
) -> None:
    """Import Donkey Car tubs (v1 and v2) as sessions, skip what is there already, and report every defect."""
    from car.sessions.tub.batch import import_tubs as import_all
    from car.terminal.progress import progress_bar

    folder = find_car(car)
    name = folder.config.car.name
    _show_results(import_all(tubs, folder.sessions_dir, car=name, negate_throttle=negate, watch=progress_bar))


@sessions_app.command("export")
def export_sessions(
    sessions: SessionsArgument = None,
    car: CarOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="The folder to make; default: tubs, or lerobot.")
    ] = None,
    lerobot: Annotated[bool, typer.Option("--lerobot", help="Export all of them as one LeRobotDataset v3.")] = False,
    task: Annotated[
        str | None, typer.Option("--task", metavar="TEXT", help="With --lerobot: what LeRobot tells a policy to do.")
    ] = None,
) -> None:
    """Export sessions as Donkey Car tubs (v2), and skip those that are there already; or as a LeRobotDataset."""
    from car.sessions.tub.batch import export_sessions as export

    files = session_files(sessions, find_car(car))
    if lerobot:
        from car.sessions.lerobot import TASK, export_lerobot
        from car.terminal.progress import progress_bar

        with progress_bar("exporting for LeRobot") as progress:
            done = export_lerobot(files, out or Path("lerobot"), task=task or TASK, progress=progress)
        typer.echo(done)
    elif task is not None:
        fail("A task is for LeRobot alone. Add --lerobot, or leave out --task.")
    else:
        _show_results(export(files, out or Path("tubs")))


@sessions_app.command("report")
def report_sessions(
    sessions: SessionsArgument = None,
    car: CarOption = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write it as a page with plots and pictures.")
    ] = None,
    json: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write it as JSON; - prints that and nothing else.")
    ] = None,
) -> None:
    """Say before a training what is in the recorded drives, what is wrong with them, and what to do about it."""
    from training.report.command import print_json, report_and_show

    files = session_files(sessions, find_car(car))
    if json == "-":
        if html is not None:
            fail("--json - prints nothing but JSON. Leave out --html, or give --json a file.")
        report = print_json(files)
    else:
        report = report_and_show(files, html, None if json is None else Path(json))
    if any(session.is_damaged for session in report.left_out):
        others = ", and the report is of the others" if report.sessions else ""
        fail(f"Not every session can be read{others}. Try `car sessions repair`.")


@sessions_app.command("repair")
def repair_sessions(
    sessions: SessionsArgument = None,
    car: CarOption = None,
) -> None:
    """Repair sessions that were cut off, so that every tool opens them."""
    from car.sessions.repair import RepairResult, repair

    reports = [repair(path) for path in session_files(sessions, find_car(car))]
    for report in reports:
        typer.echo(report)
    if any(report.result in {RepairResult.UNREADABLE, RepairResult.FAILED} for report in reports):
        raise typer.Exit(1)


def _show_results(results: Iterable[Result]) -> None:
    """Print what became of each of many; exit code 1 if any of them failed."""
    failed = False
    for result in results:
        failed |= result.failed
        if result.failed:
            typer.secho(f"car: {result}", err=True, fg="red")
        else:
            typer.echo(result)
    if failed:
        raise typer.Exit(1)
