"""A search for the settings of a training."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from car.cli.app import app, fail
from car.cli.options import (
    BOTH_ENGINES,
    CarOption,
    ClusterOption,
    SessionsArgument,
    WorkersOption,
    find_car,
    session_files,
)
from car.cli.train import MIRROR, PatienceOption, lead_in_ms

if TYPE_CHECKING:
    from training.fit import LossName
    from training.networks.steering import NetworkName

BALANCE = {"on": True, "off": False}
FOLDER = "tune"


@app.command()
def tune(
    sessions: SessionsArgument = None,
    car: CarOption = None,
    network: Annotated[
        list[str] | None, typer.Option("--network", metavar="NAME", help="Try this one; default: small and pilotnet.")
    ] = None,
    mirror: Annotated[
        list[str] | None, typer.Option("--mirror", metavar="WHEN", help="Try on, off or auto; default: on and off.")
    ] = None,
    displaced_views: Annotated[
        list[float] | None,
        typer.Option("--displaced-views", min=0.0, max=1.0, metavar="SHARE", help="Try this share; default: 0."),
    ] = None,
    lead_ms: Annotated[
        list[str] | None, typer.Option("--lead-ms", metavar="N|auto", help="Try this lead of labels; default: 0.")
    ] = None,
    loss: Annotated[
        list[str] | None, typer.Option("--loss", metavar="NAME", help="Try mse, huber or binned; default: mse.")
    ] = None,
    balance: Annotated[
        list[str] | None, typer.Option("--balance", metavar="WHEN", help="Try on or off; default: off.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, metavar="N", help="Try each with so many seeds.")] = 2,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="At most this many passes over the data.")
    ] = None,
    patience: PatienceOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Keep the trials there; default: tune in the car.")
    ] = None,
    workers: WorkersOption = None,
    cluster: ClusterOption = None,
    restart: Annotated[bool, typer.Option("--restart", help="Do again what an earlier search has done.")] = False,
) -> None:
    """Try each of several settings with each, and say which trains best; options may be given several times."""
    from training.fit import TrainSettings
    from training.tune.command import tune_and_show
    from training.tune.search import Choices

    if cluster is not None and workers:
        fail(BOTH_ENGINES)
    for option, values, known in (("--mirror", mirror, MIRROR), ("--balance", balance, BALANCE)):
        for value in values or []:
            if value not in known:
                fail(f"{option} is one of {', '.join(known)}, not {value}.")
    base = TrainSettings()
    if epochs is not None:
        base = dataclasses.replace(base, epochs=epochs)
    if patience is not None:
        base = dataclasses.replace(base, patience=patience)
    usual = Choices()
    choices = Choices(
        networks=tuple(cast("NetworkName", name) for name in network or usual.networks),
        mirror=tuple(MIRROR[when] for when in mirror) if mirror else usual.mirror,
        displaced_views=tuple(displaced_views or usual.displaced_views),
        lead_ms=tuple(lead_in_ms(lead) for lead in lead_ms) if lead_ms else usual.lead_ms,
        losses=tuple(cast("LossName", name) for name in loss or usual.losses),
        balance=tuple(BALANCE[when] for when in balance) if balance else usual.balance,
        seeds=seeds,
        base=base,
    )
    choices.settings()  # It refuses what no training can use before anything is read.
    folder = find_car(car)
    camera = folder.config.camera.geometry
    left_out = tune_and_show(
        session_files(sessions, folder),
        out or folder.path / FOLDER,
        choices,
        train_command=["car", "train", *map(str, sessions or []), *([] if car is None else ["--car", str(car)])],
        size=(camera.height, camera.width),
        workers=workers,
        cluster=cluster,
        restart=restart,
    )
    if any(session.is_damaged for session in left_out):
        fail("Not every session can be read, and the others were trained on. Try `car sessions repair`.")
