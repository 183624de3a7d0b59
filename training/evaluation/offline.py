"""How far a model's commands are from the driver's, beside what it costs to know nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from car.errors import SessionError, TrainingError, UnusableSession
from car.kinds.pilot import Pilot
from car.pilots.tflite_pilot import TflitePilot
from car.sessions.labels import lessons_in
from car.sessions.reader import Session
from hardware.camera import Frame
from models.contract import OUTPUTS
from models.loader import load_model
from models.runner import Model
from training.dataset import LeftOut, LeftOutCallback, Size, ignore_left_out
from training.evaluation.bootstrap import LEAST_CHANGE, Interval, r2_interval, r2_lead

Values = NDArray[np.float64]
Label = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Score:
    """Mean absolute error, root mean square error, and R²: the share of the variance that is explained.

    >>> predicted, driven = np.array([0.1, 0.4]), np.array([0.0, 0.5])
    >>> round(score(predicted, driven).mae, 3)
    0.1

    R² is 1 for perfect predictions, 0 for those as good as the labels' own mean, and negative for worse ones. Where the
    labels never change there is nothing to explain: it is NaN then, however close the predictions are.
    """

    mae: float
    rmse: float
    r2: float


@dataclass(frozen=True, slots=True)
class OutputScores:
    """One output's score beside those of always predicting the mean of the training labels, always 0, and of others.

    >>> driven = np.array([-0.5, 0.0, 0.1, 0.6])
    >>> scores = compare(driven + 0.05, driven, training_mean=None)
    >>> scores.beats_baselines
    True

    ``r2_interval`` is that of the model's R², ``leads`` of how much higher it is than that of each of ``others``; there
    are none of too few frames.
    """

    model: Score
    predict_mean: Score
    predict_zero: Score
    training_mean: float
    others: Mapping[str, Score] = field(default_factory=dict)
    r2_interval: Interval | None = None
    leads: Mapping[str, Interval] = field(default_factory=dict)

    @property
    def beats_baselines(self) -> bool:
        """Whether the model has the lower MAE and the higher R² than both baselines; never where there is no R²."""
        return all(
            self.model.mae < baseline.mae and self.model.r2 > baseline.r2
            for baseline in (self.predict_mean, self.predict_zero)
        )

    def to_metrics(self) -> dict[str, float]:
        """Return the figures as the flat mapping that a model card holds; it has no R² where there is none."""
        scores = {"": self.model, "predict_mean_": self.predict_mean, "predict_zero_": self.predict_zero}
        scores |= {f"{name}_": score for name, score in self.others.items()}
        figures: dict[str, float] = {
            prefix + name: getattr(score, name) for prefix, score in scores.items() for name in ("mae", "rmse", "r2")
        }
        intervals = {"r2": self.r2_interval} | {f"{name}_lead": lead for name, lead in self.leads.items()}
        for name, interval in intervals.items():
            if interval is not None:
                figures |= {f"{name}_low": interval.low, f"{name}_high": interval.high}
        # JSON has no NaN.
        return {name: figure for name, figure in figures.items() if math.isfinite(figure)} | {
            "training_mean": self.training_mean
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model's scores on ``frames`` frames; ``invoke_ms`` is the median time the network took for one.

    >>> evaluation = evaluate(model_path, [path])
    >>> evaluation.frames, evaluation.steering.beats_baselines   # it has never seen such frames
    (60, False)
    """

    steering: OutputScores
    throttle: OutputScores
    frames: int
    invoke_ms: float

    def to_metrics(self) -> dict[str, dict[str, float]]:
        """Return the scores as a model card holds them."""
        return {name: getattr(self, name).to_metrics() for name in OUTPUTS}


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a model gave for a frame, what was driven there, and how long its network took."""

    given: Label
    label: Label
    invoke_ns: int


def evaluate(model_path: Path, sessions: Sequence[Path], tell: LeftOutCallback = ignore_left_out) -> Evaluation:
    """Compare the model in ``model_path`` with what was driven in ``sessions``; needs no Keras.

    The mean that predict-mean predicts is that of the training labels, from the model's card, or of these sessions
    when the card does not say. One of several sessions that cannot be read, or has frames of another size, is left
    out, and ``tell`` hears of it. Raises ModelError when the model cannot be loaded, what was wrong with the first
    session when all are left out, TrainingError when nobody drove in the others.
    """
    model = load_model(model_path)
    metrics = model.card.metrics if model.card else {}
    means = [metrics.get(name, {}).get("training_mean") for name in OUTPUTS]
    with TflitePilot(model) as pilot:
        return evaluate_pilot(pilot, (model.height, model.width), sessions, means, tell)


def evaluate_pilot(
    pilot: Pilot,
    size: Size,
    sessions: Sequence[Path],
    training_means: Sequence[float | None] = (None, None),
    tell: LeftOutCallback = ignore_left_out,
) -> Evaluation:
    """Compare any pilot, which takes frames of ``size`` (height, width), with what was driven in ``sessions``.

    Raises as ``evaluate`` does.
    """
    return _evaluation(pilot, _answers_in(pilot, size, sessions, tell), training_means)


def evaluate_frames(
    model: Model,
    drives: Iterable[Iterable[tuple[Frame, Label]]],
    training_means: Sequence[float | None] = (None, None),
    others: Mapping[str, Values] | None = None,
) -> Evaluation:
    """Compare ``model``, driving as it does in the car, with the label (steering, throttle) of each frame.

    A recurrent one begins each of ``drives`` as if it had seen nothing before. ``others`` are what other predictors
    give for the same frames (frames × 2), by their names in a model card. Raises TrainingError when there is no frame
    or the model gives something that is no number.
    """
    with TflitePilot(model) as pilot:
        answers = [answer for drive in drives for answer in _answers_to(pilot, drive)]
        return _evaluation(pilot, answers, training_means, others or {})


def _evaluation(
    pilot: Pilot,
    answers: Sequence[_Answer],
    training_means: Sequence[float | None],
    others: Mapping[str, Values] = MappingProxyType({}),
) -> Evaluation:
    if not answers:
        raise TrainingError("Nobody drove in these sessions, so there is nothing to compare with. Name other sessions.")
    values, truth = (np.array([getattr(answer, name) for answer in answers], np.float64) for name in ("given", "label"))
    check_numbers(pilot.name, values)
    steering, throttle = (
        compare(
            values[:, index],
            truth[:, index],
            training_means[index],
            {name: predicted[:, index] for name, predicted in others.items()},
        )
        for index in range(len(OUTPUTS))
    )
    return Evaluation(steering, throttle, len(values), float(np.median([answer.invoke_ns for answer in answers])) / 1e6)


def check_numbers(name: str, values: Values) -> None:
    """Raise TrainingError unless all that the pilot ``name`` gave are numbers from −1 to 1."""
    if not (np.abs(values) <= 1.0).all():
        raise TrainingError(f"{name} gives values that are no numbers from −1 to 1. Train or mend it.")


def compare(
    predicted: Values,
    labels: Values,
    training_mean: float | None,
    others: Mapping[str, Values] = MappingProxyType({}),
) -> OutputScores:
    """Score predictions of one output against its labels, beside the two baselines and ``others``."""
    mean = float(np.mean(labels)) if training_mean is None else training_mean
    return OutputScores(
        model=score(predicted, labels),
        predict_mean=score(np.full_like(labels, mean), labels),
        predict_zero=score(np.zeros_like(labels), labels),
        training_mean=mean,
        others={name: score(values, labels) for name, values in others.items()},
        r2_interval=r2_interval(predicted, labels),
        leads={name: lead for name, values in others.items() if (lead := r2_lead(predicted, values, labels))},
    )


def score(predicted: Values, labels: Values) -> Score:
    """Return the errors of ``predicted``; where all labels are equal, R² is NaN."""
    errors = predicted - labels
    squared = float(np.mean(errors**2))
    # By their range: the variance of many equal numbers is not quite 0.
    r2 = 1.0 - squared / float(np.var(labels)) if np.ptp(labels) > LEAST_CHANGE else math.nan
    return Score(mae=float(np.mean(np.abs(errors))), rmse=squared**0.5, r2=r2)


def _answers_to(pilot: Pilot, drive: Iterable[tuple[Frame, Label]]) -> list[_Answer]:
    answers = []
    pilot.reset()
    for frame, label in drive:
        output = pilot.drive(frame)
        answers.append(_Answer((output.command.steering, output.command.throttle), label, output.inference_ns))
    return answers


def _answers_in(pilot: Pilot, size: Size, sessions: Sequence[Path], tell: LeftOutCallback) -> list[_Answer]:
    """Return the answers to all frames of the sessions that can be read to their ends."""
    answers: list[_Answer] = []
    left_out: list[LeftOut] = []
    for path in sessions:
        try:
            answers += _answers_to(pilot, _driven_frames(pilot, size, path))
        except (SessionError, UnusableSession) as error:
            left_out.append(LeftOut(path, error))
            if len(left_out) == len(sessions):
                raise left_out[0].error from None
            tell(left_out[-1])
    return answers


def _driven_frames(pilot: Pilot, size: Size, path: Path) -> Iterator[tuple[Frame, Label]]:
    """Yield frame and label of the frames that a training would take from the session."""
    with Session.open(path) as session:
        for lesson in lessons_in(session):
            if lesson.frame is None:
                continue
            height, width = lesson.frame.image.shape[:2]
            if (height, width) != size:
                raise UnusableSession(
                    f"The frames of {path} are {width}x{height}, and {pilot.name} takes {size[1]}x{size[0]}. "
                    "Evaluate a pilot that takes such frames."
                )
            yield lesson.frame, (lesson.label.steering, lesson.label.throttle)
