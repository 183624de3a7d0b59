"""What is printed of a simulated drive, and of a replay."""

from __future__ import annotations

from rich.table import Table

from car.runs.replay import Difference, Replay
from car.runs.simulation import Simulation
from car.terminal.console import console
from simulator.scenario import Scenario


def show_simulation(simulation: Simulation, scenario: Scenario) -> None:
    """Print how a simulated drive went."""
    lap_count = simulation.lap_count
    speed = simulation.simulated_s / simulation.real_s if simulation.real_s else 0.0
    console.print(
        f"{scenario.track}: laps driven: {lap_count.laps} · lane departures: {lap_count.departures} · "
        f"{lap_count.progress_m:.1f} m in {simulation.simulated_s:.1f} s ({speed:.0f} times real time)"
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


def _difference_cells(difference: Difference) -> list[str]:
    figures = (difference.steering_mean, difference.steering_max, difference.throttle_mean, difference.throttle_max)
    return [*(f"{figure:.4f}" for figure in figures), str(difference.frames)]
