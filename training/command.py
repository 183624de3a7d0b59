"""``car train`` and ``car evaluate``: the work, and what is shown of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from car.config.sections import CarConfig
from car.kinds.pilot import Pilot
from car.pilots.compare import PREDICTORS, R2_IN_WORDS
from car.sessions.reader import Session
from car.terminal.console import console
from car.terminal.interrupts import interrupts
from car.terminal.progress import ProgressLine, progress_bar, progress_lines
from models.contract import OUTPUTS, ModelCard
from models.loader import append_card, read_card
from simulator.scenario import Scenario
from training.course import Stop
from training.dataset import Dataset, LeftOut, LeftOutCallback, Size
from training.evaluation.closed_loop import drive_scenarios
from training.evaluation.offline import Evaluation, evaluate, evaluate_pilot
from training.export import variant_names
from training.fit import TrainSettings
from training.pipeline import train
from training.progress import Progress as TrainingProgress
from training.progress import ProgressCallback
from training.report.view import show_in_short
from training.variants import MAX_LOSS

_STAGES = {
    "read": "reading the sessions",
    "train": "training",
    "export": "exporting",
    "drive": "driving with the expert beside it",
    "try": "trying the pilot",
}
_TITLE = "Beside the network before its export, on validation frames"
NO_FIGURE = "–"

Metrics = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Trained:
    """The ``model`` file that a training made, and the sessions that it left out."""

    model: Path
    left_out: tuple[LeftOut, ...]


def train_and_show(
    sessions: Sequence[Path],
    out: Path,
    settings: TrainSettings,
    *,
    command: str,
    replaces: bool = False,
    size: Size | None = None,
    from_takeovers: bool = False,
    start: Path | None = None,
    restart: bool = False,
    stop: Stop | None = None,
) -> Trained:
    """Train a pilot on ``sessions``; print what was left out, what to know of the rest, and how good it is.

    With ``stop`` a Ctrl-C ends it early, with the best epoch so far, where there is one. See
    ``training.pipeline.train`` for the file it is written to and what is raised.
    """
    left_out: list[LeftOut] = []
    with progress_bars() as progress, interrupts.offered_to(stop.ask if stop else lambda: False):
        card = train(
            sessions,
            out,
            settings,
            progress,
            command=command,
            replaces=replaces,
            size=size,
            left_out=noting(left_out),
            loaded=show_loaded,
            from_takeovers=from_takeovers,
            start=start,
            restart=restart,
            stop=stop,
            say=_say,
        )
    model = out.with_stem(card.name)
    console.print(f"{model}: {model.stat().st_size / 1e3:.0f} kB, {card.split}", highlight=False)
    console.print(", ".join(f"{what}: {value}" for what, value in card.training.items()), highlight=False)
    show_metrics("On the frames held out from training", card.metrics)
    show_variants(card)
    return Trained(model, tuple(left_out))


def _say(sentence: str) -> None:
    console.print(sentence, style="yellow", highlight=False, soft_wrap=True)


def evaluate_and_show(model: Path, sessions: Sequence[Path]) -> tuple[LeftOut, ...]:
    """Print how far ``model`` is from what was driven in ``sessions``; return those left out.

    Raises what ``evaluate`` raises.
    """
    left_out: list[LeftOut] = []
    evaluation = evaluate(model, sessions, noting(left_out))
    missing = {session.path for session in left_out}
    sessions = [path for path in sessions if path not in missing]
    _show_evaluation(model.stem, evaluation, len(sessions))
    learned = _learned_sessions(model, sessions)
    if learned:
        console.print(
            f"It was trained on {', '.join(learned)}: this shows what it learned, not how it generalises. "
            "The held-out figures are on its card:",
            style="yellow",
        )
        card = read_card(model)
        show_metrics("On the frames held out from training", card.metrics if card else {})
    return tuple(left_out)


def evaluate_pilot_and_show(pilot: Pilot, size: Size, sessions: Sequence[Path]) -> tuple[LeftOut, ...]:
    """Do as ``evaluate_and_show`` with a pilot that is no model and takes frames of ``size`` (height, width)."""
    left_out: list[LeftOut] = []
    evaluation = evaluate_pilot(pilot, size, sessions, tell=noting(left_out))
    _show_evaluation(pilot.name, evaluation, len(sessions) - len(left_out))
    return tuple(left_out)


def _show_evaluation(name: str, evaluation: Evaluation, sessions: int) -> None:
    show_metrics(f"{name} on {evaluation.frames} frames of {sessions} sessions", evaluation.to_metrics())
    if evaluation.invoke_ms:
        console.print(f"network {evaluation.invoke_ms:.2f} ms a frame (median)", highlight=False)


def drive_and_show(
    pilot: Pilot, config: CarConfig, scenarios: Sequence[Scenario], laps: int, *, save_to: Path | None = None
) -> bool:
    """Let ``pilot`` drive each scenario in the simulator, print how it went and tell whether it passed them all.

    The outcome goes into the card of the model ``save_to``. Raises TrackError.
    """
    with progress_bar(f"driving {len(scenarios)} tracks") as progress:
        driven = drive_scenarios(pilot, config, scenarios, laps, progress)
    table = Table("track", "laps", "lane departures", "mean offset", "mean speed", "", title="In the simulator")
    for outcome in driven:
        table.add_row(
            outcome.scenario.track,
            f"{outcome.laps} of {outcome.laps_wanted}",
            str(outcome.departures),
            f"{outcome.offset_m * 100:.1f} cm",
            f"{outcome.speed_m_s:.2f} m/s",
            outcome.trip,
        )
    console.print(table)
    card = read_card(save_to) if save_to is not None else None
    if save_to is not None and card is not None:
        append_card(save_to, replace(card, closed_loop={outcome.scenario.track: str(outcome) for outcome in driven}))
        console.print(f"Saved to the card of {save_to}.", highlight=False)
    return all(outcome.passed for outcome in driven)


def noting(left_out: list[LeftOut]) -> LeftOutCallback:
    """Return what prints why a session is left out, and adds it to the list."""

    def note(session: LeftOut) -> None:
        left_out.append(session)
        console.print(f"Left out: {session.error}", style="yellow", highlight=False, soft_wrap=True)

    return note


def show_loaded(dataset: Dataset) -> None:
    """Print what whoever trains on ``dataset`` ought to know before it takes an hour."""
    show_in_short(dataset.recordings)


def _learned_sessions(model: Path, sessions: Sequence[Path]) -> list[str]:
    """Return the names of those sessions that the model's card names as training sessions."""
    card = read_card(model)
    learned = {session.sha256 for session in card.sessions} if card else set()
    names = []
    for path in sessions:
        with Session.open(path) as session:
            if session.sha256() in learned:
                names.append(path.stem)
    return names


def show_metrics(title: str, metrics: Metrics) -> None:
    """Print the figures of each output beside those of its baselines, and what is to be said of them."""
    console.print(_metrics_table(title, metrics))
    for sentence in explain_metrics(metrics):
        console.print(sentence, highlight=False)


def show_variants(card: ModelCard) -> None:
    """Print how the ways that the network was exported compare with it, unless it was exported as it is."""
    chosen = str(card.training.get("variant", ""))
    if card.variants.keys() <= {"float32"}:
        return
    table = Table(
        "variant", "size", "median, p99", "steering MAE", "throttle MAE", "loss", "largest difference", title=_TITLE
    )
    for name, figures in card.variants.items():
        table.add_row(
            f"{name}, this one" if name == chosen else name,
            f"{figures['bytes'] / 1e3:.0f} kB",
            f"{figures['invoke_ms']:.2f}, {figures['invoke_p99_ms']:.2f} ms",
            f"{figures['steering_mae']:.4f}",
            f"{figures['throttle_mae']:.4f}",
            f"{round(figures['loss'], 4) + 0.0:+.2%}",
            f"{figures['difference']:.2g}",
        )
    console.print(table)
    for sentence in explain_variants(card.variants, chosen):
        console.print(sentence, highlight=False)


def explain_variants(variants: Metrics, chosen: str) -> list[str]:
    """Return in words which variant is recommended, or that the only one was made at too high a price."""
    if len(variants) > 1:
        missing = [name for name in variant_names() if name not in variants]
        left_out = [f"Left out since the runtimes here do not agree on it: {', '.join(missing)}."] if missing else []
        return [*left_out, f"Recommended is {chosen}, the smallest whose error is at most {MAX_LOSS:.0%} larger."]
    if not variants[chosen]["loss"] <= MAX_LOSS:
        return [f"{chosen} loses more than {MAX_LOSS:.0%}. Train with --variant auto, or without the option."]
    return []


def explain_metrics(metrics: Metrics) -> list[str]:
    """Return in plain words what the figures mean where they are not what one expects, such as an R² below 0."""
    sentences = []
    constant = [output for output in OUTPUTS if _is_constant(metrics.get(output, {}))]
    if constant:
        verb = "change" if len(constant) > 1 else "changes"
        sentences.append(
            f"The {' and the '.join(constant)} driven never {verb} in these frames, so there is no R²: a small error "
            "says only that the pilot repeats it. Record drives in which it changes; `car sessions report` shows what "
            "there is."
        )
    below = [output for output in OUTPUTS if _shown(metrics, output, "predict_mean_r2") < 0]
    if below:
        sentences.append(
            f"{R2_IN_WORDS} For {' and '.join(below)}, predict the mean is below 0 since it gives the mean of the "
            "frames that were trained on, and these were driven differently on average."
        )
    own = _shown(metrics, "steering", "r2")
    if own <= max(_shown(metrics, "steering", f"{guess}r2") for guess in ("predict_mean_", "predict_zero_")):
        sentences.append(
            "It steers no better than a guess that never looks at a frame. A model has then learned nothing that helps "
            "here: record more driving, with more bends, and train again."
        )
    elif own <= _shown(metrics, "steering", "ridge_r2"):
        sentences.append(
            "It steers no better than a linear model that takes seconds to fit. Record more driving, or look at "
            "`car sessions report` for what is wrong with it."
        )
    elif (low := _shown(metrics, "steering", "ridge_lead_low")) <= 0:
        high = _shown(metrics, "steering", "ridge_lead_high")
        sentences.append(
            f"Its lead over the linear model may be chance: the true one is between {low:.2f} and {high:.2f} in R² "
            "with 95 % confidence. More driving would tell."
        )
    return sentences


def _is_constant(figures: Mapping[str, float]) -> bool:
    """Tell whether the labels never change: all errors are known then, and yet there is no R²."""
    return "predict_zero_mae" in figures and "predict_zero_r2" not in figures


def _shown(metrics: Metrics, output: str, name: str) -> float:
    """Return a figure as the table shows it, NaN where there is none: nobody wonders about a minus in −0.00001."""
    return round(metrics.get(output, {}).get(name, float("nan")), 4)


def _metrics_table(title: str, metrics: Metrics) -> Table:
    table = Table("output", "predictor", "MAE", "RMSE", "R² (95 %)", title=title, title_justify="left")
    for output in OUTPUTS:
        known = metrics.get(output, {})
        for prefix, predictor in PREDICTORS.items():
            if prefix and prefix + "mae" not in known:
                continue
            figures = [
                NO_FIGURE if (figure := known.get(prefix + name)) is None else f"{figure:.4f}"
                for name in ("mae", "rmse", "r2")
            ]
            if not prefix and "r2_low" in known:
                figures[-1] += f" ({known['r2_low']:.2f} to {known['r2_high']:.2f})"
            table.add_row("" if prefix else output, predictor, *figures)
        table.add_section()
    return table


def _tell(lines: ProgressLine, progress: TrainingProgress) -> None:
    what, note = _STAGES[progress.stage], progress.note
    if progress.stage == "read":  # Its steps are counted anew for each session, and its note is the session's name.
        what, note = f"reading {note}", ""
    lines.tell(what, progress.done / max(1, progress.total), progress.seconds_left, note)


@contextlib.contextmanager
def progress_bars() -> Iterator[ProgressCallback]:
    """Show a bar for each stage, or lines where there is no terminal, with the time that the stage thinks is left."""
    if not console.is_terminal:
        with progress_lines("loading Keras") as lines:
            yield partial(_tell, lines)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[left]} {task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def show(progress: TrainingProgress) -> None:
            stage = progress.stage
            if stage not in tasks:
                tasks[stage] = bars.add_task(_STAGES[stage], total=progress.total, left="", note="")
            left = "" if progress.seconds_left is None else f"{progress.seconds_left:.0f} s left"
            bars.update(tasks[stage], completed=progress.done, total=progress.total, left=left, note=progress.note)

        yield show
