"""How far models are from the driver on the same frames, beside predictors that know less, and beside each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from car.pilots.compare import PREDICTORS
from car.pilots.tflite_pilot import TflitePilot
from hardware.camera import Frame
from models.contract import OUTPUTS, ModelCard
from models.loader import load_model
from models.runner import Model
from training.comparison.frames import JudgedFrames, load_sessions
from training.dataset import LeftOutCallback, Recording, ignore_left_out
from training.evaluation.bootstrap import Interval, mean_interval, r2_interval, r2_lead
from training.evaluation.offline import Score, check_numbers, score
from training.evaluation.steering import BENDS, bias, jerk
from training.progress import ProgressCallback, ignore_progress
from training.ridge import Features, predict_by_the_rest

Values = NDArray[np.float64]
STEERING, THROTTLE = range(len(OUTPUTS))


@dataclass(frozen=True, slots=True, eq=False)
class Predictor:
    """What something gave for each frame, −1 … 1, as frames × (steering, throttle).

    >>> Predictor("predict zero", np.zeros((60, 2))).is_model
    False

    Of a model ``path`` is the file, ``card`` its card if it has one, and ``invoke_ms`` the median time that the network
    took for a frame.
    """

    name: str
    predicted: Values = field(repr=False)
    path: Path | None = None
    card: ModelCard | None = field(default=None, repr=False)
    invoke_ms: float = math.nan

    @property
    def is_model(self) -> bool:
        """Whether it is one of the models that are compared."""
        return self.path is not None


@dataclass(frozen=True, slots=True)
class SteeringScores:
    """How far a predictor's steering is from the driver's on some frames.

    >>> comparison = compare_models([model_path], [path])
    >>> round(comparison.scores(comparison.guess("predict zero")).error.mae, 3)
    0.5

    ``bias`` is the mean error, to the right where it is above 0; ``jerk`` see ``training.evaluation.steering``, in full
    locks per s². The intervals are None of too few frames, that of R² also where the steering never changes.
    """

    error: Score
    bias: float
    jerk: float
    mae_interval: Interval | None
    r2_interval: Interval | None
    throttle_mae: float


@dataclass(frozen=True, slots=True)
class Group:
    """The error on some of the frames, those of a kind of bend or of a session: that of each model by its name.

    >>> comparison = compare_models([model_path], [path])
    >>> [(group.name, group.frames) for group in comparison.by_bend()]
    [('straight on (up to 0.05)', 3), ('gentle (up to 0.5)', 28), ('sharp (above 0.5)', 29)]
    """

    name: str
    frames: int
    errors: Mapping[str, Score]


@dataclass(frozen=True, slots=True)
class Lead:
    """How much higher the R² of model ``name`` is than that of model ``other``, and how much lower its MAE.

    >>> Lead("pilot-2", "pilot", 0.05, Interval(0.01, 0.09), -0.002, Interval(-0.01, 0.01)).verdict
    'better in R² alone'

    The intervals are of the same blocks of frames for both models; None of too few frames.
    """

    name: str
    other: str
    r2: float
    r2_interval: Interval | None
    mae: float
    mae_interval: Interval | None

    @property
    def verdict(self) -> str:
        """What the intervals say together."""
        if self.mae_interval is None:
            return "too few frames to tell"
        by_r2, by_mae = _sign(self.r2_interval), -_sign(self.mae_interval)
        if by_r2 == by_mae:
            return ("no clear difference", "better", "worse")[by_r2]
        words = [
            f"{'better' if sign > 0 else 'worse'} in {name}" for name, sign in (("R²", by_r2), ("MAE", by_mae)) if sign
        ]
        return f"{words[0]} alone" if len(words) == 1 else ", ".join(words)


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What models, and guesses that know less, gave for the same frames.

    >>> comparison = compare_models([model_path], [path])
    >>> comparison.judged.frames, [one.name for one in comparison.guesses]
    (60, ['predict the mean', 'predict zero'])
    >>> round(comparison.driver_jerk, 3)   # who turns the wheel evenly
    0.0
    """

    models: tuple[Predictor, ...]
    guesses: tuple[Predictor, ...]
    judged: JudgedFrames

    @property
    def driver_jerk(self) -> float:
        """The jerk of the driver's own steering."""
        return self._jerk(self.judged.labels[:, STEERING])

    def guess(self, name: str) -> Predictor:
        """Return the guess of that name; raises KeyError where there is none."""
        return {guess.name: guess for guess in self.guesses}[name]

    def errors(self, predictor: Predictor) -> Values:
        """Return the error of the steering of each frame: above 0, it is to the right of the driver's."""
        return np.asarray(predictor.predicted[:, STEERING] - self.judged.labels[:, STEERING])

    def scores(self, predictor: Predictor) -> SteeringScores:
        """Return how far a predictor is from the driver on all frames."""
        predicted, labels = predictor.predicted[:, STEERING], self.judged.labels[:, STEERING]
        throttle_errors = predictor.predicted[:, THROTTLE] - self.judged.labels[:, THROTTLE]
        return SteeringScores(
            error=score(predicted, labels),
            bias=bias(predicted, labels),
            jerk=self._jerk(predicted),
            mae_interval=mean_interval(np.abs(predicted - labels)),
            r2_interval=r2_interval(predicted, labels),
            throttle_mae=float(np.abs(throttle_errors).mean()),
        )

    def leads(self) -> list[Lead]:
        """Return how each model compares with the one that was named first."""
        first, *others = self.models
        return [self._lead(model, first) for model in others]

    def by_bend(self) -> list[Group]:
        """Return the models' errors by how far the driver steered; kinds of bends that do not occur are left out."""
        steering = self.judged.labels[:, STEERING]
        groups = [self._group(str(bend), bend.holds(steering)) for bend in BENDS]
        return [group for group in groups if group.frames]

    def by_session(self) -> list[Group]:
        """Return the models' errors in each session."""
        return [
            self._group(recording.name, self.judged.sessions == number)
            for number, recording in enumerate(self.judged.recordings)
        ]

    def _group(self, name: str, chosen: NDArray[np.bool_]) -> Group:
        labels = self.judged.labels[chosen, STEERING]
        errors = {model.name: score(model.predicted[chosen, STEERING], labels) for model in self.models if len(labels)}
        return Group(name, len(labels), errors)

    def _lead(self, model: Predictor, other: Predictor) -> Lead:
        labels = self.judged.labels[:, STEERING]
        ours, theirs = model.predicted[:, STEERING], other.predicted[:, STEERING]
        mine, its = score(ours, labels), score(theirs, labels)
        return Lead(
            model.name,
            other.name,
            r2=mine.r2 - its.r2,
            r2_interval=r2_lead(ours, theirs, labels),
            mae=mine.mae - its.mae,
            mae_interval=mean_interval(np.abs(ours - labels) - np.abs(theirs - labels)),
        )

    def _jerk(self, steering: Values) -> float:
        return jerk(steering, self.judged.captured_ns, self.judged.sessions)


def compare_models(
    models: Sequence[Path],
    sessions: Sequence[Path],
    tell: LeftOutCallback = ignore_left_out,
    say: Callable[[str], None] = lambda _: None,
    progress: ProgressCallback = ignore_progress,
    done: Callable[[float], None] = lambda _: None,
) -> Comparison:
    """Ask each of ``models`` what it would do in every frame of ``sessions`` that none of them has learned from.

    A model that takes frames of another size than the first one is left out, and ``say`` hears a sentence about it;
    for sessions that are left out, and what is raised then, see ``load_sessions``. ``done`` is told how much of all is
    done, 0 … 1. Raises ModelError for a model that cannot be loaded, TrainingError for one that gives no numbers.
    """
    names = names_of(models)
    loaded = _of_one_size({name: load_model(path) for name, path in zip(names, models, strict=True)}, say)
    size = next((model.height, model.width) for model in loaded.values())
    recordings = load_sessions(sessions, size, tell, progress, lambda share: done(0.1 * share))
    judged = JudgedFrames.of(recordings, {name: model.card for name, model in loaded.items()})
    predictors = []
    for number, (name, path) in enumerate(zip(names, models, strict=True)):
        if name in loaded:
            predictors.append(_ask(name, path, loaded[name], judged))
        done(0.1 + 0.4 * (number + 1) / len(names))
    guesses = []
    for guess in _guesses(recordings, judged):
        guesses.append(guess)
        done(min(1.0, 0.5 + 0.3 * len(guesses)))
    return Comparison(tuple(predictors), tuple(guesses), judged)


def names_of(models: Sequence[Path]) -> list[str]:
    """Return what to call each model: as its file, with the folder where two files are called the same."""
    stems = [path.stem for path in models]
    return [stem if stems.count(stem) == 1 else str(path) for path, stem in zip(models, stems, strict=True)]


def _of_one_size(models: Mapping[str, Model], say: Callable[[str], None]) -> dict[str, Model]:
    first = next(iter(models.values()))
    for name, model in models.items():
        if (model.height, model.width) != (first.height, first.width):
            say(
                f"Left out: {name} takes frames of {model.width}x{model.height}, and {first.name} of "
                f"{first.width}x{first.height}. Compare it with models of its own size."
            )
    return {name: model for name, model in models.items() if (model.height, model.width) == (first.height, first.width)}


def _ask(name: str, path: Path, model: Model, judged: JudgedFrames) -> Predictor:
    """Let ``model`` drive as it does in the car, a recurrent one through each session from its beginning."""
    given: list[tuple[float, float]] = []
    invokes_ns: list[int] = []
    with TflitePilot(model) as pilot:
        before = -1
        for index, session in enumerate(judged.sessions.tolist()):
            if session != before:
                pilot.reset()
            before = session
            answer = pilot.drive(Frame(judged.image(index), int(judged.captured_ns[index]), index))
            given.append((answer.command.steering, answer.command.throttle))
            invokes_ns.append(answer.inference_ns)
    predicted = np.array(given, np.float64)
    check_numbers(name, predicted)
    return Predictor(name, predicted, path, model.card, float(np.median(invokes_ns)) / 1e6)


def _guesses(recordings: Sequence[Recording], judged: JudgedFrames) -> Iterator[Predictor]:
    """Yield what stands beside the models, under the names that it has in every table."""
    parts = {id(recording): part for recording, part in zip(judged.recordings, judged.parts, strict=True)}
    asked = [parts.get(id(recording), np.arange(0)) for recording in recordings]
    linear: dict[str, Features] = {"ridge_": "random convolutions", "grey_ridge_": "grey"}
    for prefix, features in linear.items():
        predicted = predict_by_the_rest(recordings, asked, features)
        if predicted is not None:
            yield Predictor(PREDICTORS[prefix], predicted)
    labels = judged.labels
    yield Predictor(PREDICTORS["predict_mean_"], np.broadcast_to(labels.mean(axis=0), labels.shape))
    yield Predictor(PREDICTORS["predict_zero_"], np.zeros_like(labels))


def _sign(interval: Interval | None) -> int:
    if interval is None:
        return 0
    return int(interval.low > 0.0) - int(interval.high < 0.0)
