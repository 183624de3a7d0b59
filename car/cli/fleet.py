"""``car fleet``: one page for all the cars of a class."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from car.cli.app import app
from car.cli.options import CarOption, find_car
from car.cli.remote import key_ring

DEFAULT_PORT = 8880
CLASS_FOLDER = "class"


@app.command()
def fleet(
    simulate: Annotated[
        int, typer.Option("--simulate", min=0, max=30, metavar="N", help="Start so many simulated cars here, too.")
    ] = 0,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Of the page.")] = DEFAULT_PORT,
    car: CarOption = None,
) -> None:
    """Show all paired cars on one page, with STOP ALL; bring models to them and fetch their sessions."""
    from car.fleet.app import FleetContext, create_app
    from car.fleet.fleet import Fleet
    from car.fleet.neighbours import Neighbours
    from car.fleet.server import FleetServer
    from car.fleet.simulated import SimulatedCars
    from hardware.clock import SystemClock

    folder = find_car(car)
    clock = SystemClock()
    with contextlib.ExitStack() as stack:
        cars = stack.enter_context(SimulatedCars(Path(CLASS_FOLDER), simulate, clock)) if simulate else None
        ring = key_ring() if cars is None else cars.ring
        neighbours = stack.enter_context(Neighbours())
        server = FleetServer(create_app(FleetContext(Fleet(ring, clock, neighbours), folder)), port)
        typer.echo(f"Your cars are at {server.url}  Ctrl-C ends this page" + (" and the cars." if simulate else "."))
        neighbours.start()
        if cars is not None:
            cars.begin(lambda name: typer.echo(f"{name} is up."), server.end)
        server.run()
        if cars is not None and cars.trouble is not None:
            raise cars.trouble
