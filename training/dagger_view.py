"""``car train --dagger``: the rounds as they come, and what they gained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from car.config.sections import CarConfig
from car.terminal.console import console
from models.contract import ModelCard
from training.command import Trained, noting, progress_bars, show_loaded, show_metrics, show_variants
from training.dagger import DaggerSettings, Round, best_of, folder_for, is_of_real_car, train_in_rounds
from training.dataset import LeftOut
from training.fit import TrainSettings


def train_in_rounds_and_show(
    sessions: Sequence[Path],
    out: Path,
    config: CarConfig,
    dagger: DaggerSettings,
    settings: TrainSettings,
    *,
    command: str,
    replaces: bool = False,
) -> Trained:
    """Train a pilot in rounds; print what was left out, each round, and what the rounds gained.

    See ``training.dagger.train_in_rounds`` for what is written where and raised.
    """
    _warn_of_real_ones(sessions)
    left_out: list[LeftOut] = []
    folder = folder_for(out)

    def show_published(card: ModelCard, rounds: Sequence[Round]) -> None:
        console.print(rounds_table(rounds))
        console.print(gain_in_words(rounds), highlight=False, soft_wrap=True)
        model = out.with_stem(card.name)
        console.print(
            f"{model}: the pilot of round {best_of(rounds).number}; all rounds are in {folder}/.", highlight=False
        )

    with progress_bars() as progress:
        card = train_in_rounds(
            sessions,
            out,
            config,
            dagger,
            settings,
            progress,
            command=command,
            replaces=replaces,
            left_out=noting(left_out),
            loaded=show_loaded,
            finished=lambda done: console.print(f"Round {done.number}: {done.road_test}.", highlight=False),
            published=show_published,
        )
    show_metrics("On the frames held out from training", card.metrics)
    show_variants(card)
    return Trained(out.with_stem(card.name), tuple(left_out))


def rounds_table(rounds: Sequence[Round]) -> Table:
    """Return the rounds side by side, with what each took on this machine."""
    table = Table("round", "frames", "steering MAE", "departures/km", "clean", "drive", "train", "try", title="DAgger")
    for done in rounds:
        table.add_row(
            str(done.number) if done.number else "0 (imitation)",
            str(done.frames),
            f"{done.steering_mae:.4f}",
            f"{done.road_test.departures_per_km:.1f}",
            f"{done.road_test.clean} of {done.road_test.worlds}",
            *(f"{seconds:.0f} s" for seconds in (done.drive_s, done.train_s, done.trial_s)),
        )
    return table


def gain_in_words(rounds: Sequence[Round]) -> str:
    """Return what the rounds gained over plain imitation, which is round 0."""
    plain, best = rounds[0].road_test, best_of(rounds)
    worlds = f"in the {plain.worlds} random worlds that each pilot was tried in and none learned from"
    if best.number == 0:
        return f"No round did better than plain imitation: {plain.departures_per_km:.1f} departures per km {worlds}."
    return (
        f"DAgger brought {plain.departures_per_km:.1f} departures per km down to "
        f"{best.road_test.departures_per_km:.1f} {worlds}."
    )


def _warn_of_real_ones(sessions: Sequence[Path]) -> None:
    real = sum(is_of_real_car(path) for path in sessions)
    if real:
        console.print(
            f"{real} of these sessions are of a real car, and the rounds are driven in the simulator: they help that "
            "car as far as its track, its look and its ways resemble the simulator's.",
            style="yellow",
            highlight=False,
        )
