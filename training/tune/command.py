"""``car tune``: the work, and what is shown of it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from car.errors import TrainingError
from car.terminal.console import console
from car.terminal.progress import progress_bar
from training.backend import import_keras
from training.cluster import choose_engine
from training.command import NO_FIGURE, noting, show_loaded
from training.dataset import LeftOut, Size, load_dataset
from training.tune.search import TRIALS, Choices, Ranked, Search, rank, train_options
from training.tune.trial import TrialResult


def tune_and_show(
    sessions: Sequence[Path],
    folder: Path,
    choices: Choices,
    *,
    train_command: Sequence[str],
    size: Size | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    restart: bool = False,
) -> tuple[LeftOut, ...]:
    """Try all of ``choices`` on ``sessions``, print the trials and how to train the best; return what was left out.

    ``train_command`` is what is typed to train on those sessions, without the settings. Trials are kept in ``folder``;
    those of an earlier call are not done again unless they are to ``restart``. Raises TrainingError when not one could
    be trained, and what ``Search`` raises.
    """
    import_keras()
    left_out: list[LeftOut] = []
    with progress_bar("reading the sessions") as progress:
        dataset = load_dataset(
            sessions, lambda told: progress(told.done / max(1, told.total)), size=size, tell=noting(left_out)
        )
    show_loaded(dataset)
    with Search.open(folder, dataset, choices, restart=restart) as search:
        before, count = len(search.results), len(search.trials)
        if before:
            _say(f"{before} of {count} trials were done before, and are not done again.")
        try:
            with progress_bar(f"trying {count - before} settings") as progress:
                search.run(choose_engine(cluster, workers), sessions, size, progress)
        except BaseException:
            _show(search.results, train_command)
            go_on = "Without --restart the same command goes on" if restart else "The same command goes on"
            _say(f"{len(search.results)} of {count} trials are done. {go_on} from what is in {folder}.")
            raise
        _show(search.results, train_command)
        _say(f"All of it is in {folder / TRIALS}.")
        if all(result.error for result in search.results):
            raise TrainingError(f"Not one of these settings could be trained. {search.results[0].error}")
    return tuple(left_out)


def _say(sentence: str) -> None:
    console.print(sentence, highlight=False, soft_wrap=True)


def _show(results: Sequence[TrialResult], train_command: Sequence[str]) -> None:
    ranked = rank(results)
    if not ranked:
        return
    title = "Steering on the validation frames, the best settings first"
    table = Table(
        "settings", "seed", "mean R²", "R² (95 %)", "MAE", "epochs", "CPU-s", title=title, title_justify="left"
    )
    for each in ranked:
        for number, result in enumerate(each.trials):
            name = _settings_in_words(result) if not number else ""
            mean = f"{each.mean_r2:.4f}" if not number and math.isfinite(each.mean_r2) else ""
            table.add_row(name, str(result.settings["seed"]), mean, *_figures(result), f"{result.cpu_s:.0f}")
        table.add_section()
    console.print(table)
    for error in dict.fromkeys(result.error for result in results if result.error):
        _say(f"Could not be trained: {error}")
    leads = {result.lead_ms for result in results if not result.error}
    if len(leads) > 1:
        _say("Labels that lead are harder to foresee, so R² cannot choose a lead: let `car exam` judge one of each.")
    if not ranked[0].trials[0].error:
        _say(_best_in_words(ranked))
        _say(shlex.join([*train_command, *train_options(ranked[0].trials[0].settings)]))


def _settings_in_words(result: TrialResult) -> str:
    settings = result.settings
    words = [str(settings["network"])]
    if result.mirrored is not None:
        words.append("mirrored" if result.mirrored else "not mirrored")
    if result.lead_ms:
        words.append(f"lead {result.lead_ms} ms")
    if settings["displaced_views"]:
        words.append(f"displaced views {settings['displaced_views']:g}")
    if settings["loss"] != "mse":
        words.append(str(settings["loss"]))
    if settings["balance"]:
        words.append("balanced")
    return ", ".join(words)


def _figures(result: TrialResult) -> tuple[str, str, str]:
    if result.error or result.mae is None:
        return NO_FIGURE, NO_FIGURE, NO_FIGURE
    r2 = NO_FIGURE if result.r2 is None else f"{result.r2:.4f}"
    if result.r2_low is not None and result.r2_high is not None:
        r2 += f" ({result.r2_low:.2f} to {result.r2_high:.2f})"
    return r2, f"{result.mae:.4f}", f"{result.epochs}, best {result.best_epoch}"


def _best_in_words(ranked: Sequence[Ranked]) -> str:
    if len(ranked) < 2 or not math.isfinite(ranked[1].mean_r2):
        return "To make a pilot of it:"
    spread = max(_spread(each) for each in ranked[:2])
    if ranked[0].mean_r2 - ranked[1].mean_r2 <= spread:
        return "The first two differ by no more than seeds do, so it may be chance. To make a pilot of the first:"
    return "To make a pilot of the first:"


def _spread(each: Ranked) -> float:
    """Return by how much the R² of the seeds differ."""
    figures = [result.r2 for result in each.trials if result.r2 is not None]
    return max(figures) - min(figures)
