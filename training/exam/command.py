"""``car exam``: the work, what is shown of it, and what goes into a model's card."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from car.config.sections import CarConfig
from car.errors import TrainingError
from car.files import reason
from car.kinds.camera import CameraSection
from car.software import software_versions
from car.terminal.console import console
from car.terminal.progress import progress_bar
from models.contract import ModelCard
from models.loader import append_card, read_card
from simulator.randomisation import Level
from training.cluster import choose_engine
from training.exam.drive import Candidate
from training.exam.films import check_folder, film_worst
from training.exam.paper import EXAM_VERSION, LEVELS, exam_tasks
from training.exam.run import Result, sit_exam
from training.exam.view import league_table, show_result


def levels_named(names: Sequence[str]) -> tuple[Level, ...]:
    """Return the levels of these names in the exam's order, all of them for none; raises TrainingError for another."""
    unknown = [name for name in names if name not in LEVELS]
    if unknown:
        raise TrainingError(f"The exam has no level {unknown[0]}. Choose {', '.join(LEVELS[:-1])} or {LEVELS[-1]}.")
    return tuple(level for level in LEVELS if not names or level in names)


def examine_and_show(
    candidates: Sequence[Candidate],
    config: CarConfig,
    levels: Sequence[Level],
    *,
    workers: int | None = None,
    cluster: str | None = None,
    markdown: bool = False,
) -> list[Result]:
    """Let the candidates sit ``levels`` of the exam and print how they did; raises what ``sit_exam`` raises."""
    tasks = [task for level in levels for task in exam_tasks(level)]
    with progress_bar(f"driving {len(tasks)} tasks") as progress:
        results = sit_exam(candidates, tasks, config, choose_engine(cluster, workers), progress)
    if markdown:
        # To be redirected to a file, however wide the terminal is.
        console.print(league_table(results), highlight=False, markup=False, soft_wrap=True)
    else:
        for result in results:
            show_result(result)
    return results


def film_and_say(results: Sequence[Result], config: CarConfig, folder: Path) -> None:
    """Save films of each candidate's worst drives in ``folder`` and say where they are; raises RecordingError."""
    with progress_bar("drawing the films") as progress:
        paths = []
        for number, result in enumerate(results):
            progress(number / len(results))
            paths += film_worst(result, config, folder)
    for path in paths:
        console.print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)", highlight=False, soft_wrap=True)


def check_results_can_be_kept(models: Sequence[Path], films: Path | None) -> None:
    """Look before anything drives whether ``models`` have cards to write to, and whether films can be saved.

    Raises TrainingError, ModelError or RecordingError for what would fail when the exam is over.
    """
    for model in models:
        _card_of(model)
        try:
            with tempfile.TemporaryFile(dir=model.parent):
                pass
        except OSError as error:
            raise TrainingError(
                f"The card of {model} cannot be written ({reason(error)}). Copy the model to a folder of yours, or "
                "leave out --save."
            ) from error
    if films is not None:
        check_folder(films)


def save_to_card(result: Result, model: Path, config: CarConfig, command: str) -> None:
    """Write what ``result`` says, and what repeats it, to the card of ``model``.

    Raises TrainingError when it has none, OSError when it cannot be written.
    """
    card = _card_of(model)
    append_card(model, replace(card, exam=exam_of_card(result, config, command)))
    console.print(f"Saved to the card of {model}.", highlight=False, soft_wrap=True)


def _card_of(model: Path) -> ModelCard:
    card = read_card(model)
    if card is None:
        raise TrainingError(f"{model} has no model card to write to. Leave out --save, or export the model again.")
    return card


def exam_of_card(result: Result, config: CarConfig, command: str) -> Mapping[str, float | str]:
    """Return the exam as a card has it: scores with their intervals, and everything that is needed to repeat it."""
    exam: dict[str, float | str] = {"version": EXAM_VERSION}
    scores = {"score": result.score} if len(result.levels) == len(LEVELS) else {}
    for name, score in (scores | result.scores).items():
        exam[name] = round(score.points, 2)
        exam[f"{name}_low"], exam[f"{name}_high"] = round(score.low, 2), round(score.high, 2)
    exam["tasks"] = len(result.answers)
    exam["camera"] = _camera_in_words(config.camera)
    exam["command"] = command
    exam["software"] = ", ".join(f"{name} {version}" for name, version in software_versions().items())
    return exam


def _camera_in_words(section: CameraSection) -> str:
    camera = section.geometry
    model = f"{section.model}, " if section.model else ""
    late = f", frames {section.delay_ms:g} ms late" if section.delay_ms else ""
    return (
        f"{model}{camera.width}x{camera.height} {camera.lens}, {camera.fov_deg:g}°, {camera.mount_height_m:g} m high, "
        f"pitch {camera.pitch_deg:g}°, {section.rate_hz:g} Hz{late}"
    )
