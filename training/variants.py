"""The variants of a trained network, each compared with the network itself on frames of the validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from car.errors import TrainingError
from models.errors import ModelError
from models.loader import load_model
from training.dataset import Dataset
from training.export import Images, Values, Variant, export, network_values, variant_names
from training.split import Indexes, Split
from training.stretches import begins

MAX_LOSS = 0.02
"""How much more error, as a share of the network's, a variant may have that is recommended."""
SAMPLE_FRAMES = 8
CALIBRATION_FRAMES = 256
JUDGED_FRAMES = 2000

VariantChoice = Literal[Variant, "auto"]


def variant_choices() -> tuple[VariantChoice, ...]:
    """Return what may be asked for: a variant, or the one that is recommended of all."""
    return (*variant_names(), "auto")


@dataclass(frozen=True, slots=True)
class VariantFigures:
    """A variant beside the Keras network, on ``frames`` of the validation.

    >>> small = VariantFigures(79_000, 315, 0.28, 0.4, steering_mae=0.37, throttle_mae=0.1, loss=0.01, difference=0.007)
    >>> large = VariantFigures(292_000, 315, 0.19, 0.3, steering_mae=0.37, throttle_mae=0.1, loss=0.0, difference=0.0)
    >>> recommended({"float32": large, "dynamic": small})
    'dynamic'

    ``bytes`` of the file without its card; ``invoke_ms`` and ``invoke_p99_ms`` how long the first runtime took for a
    frame on one thread, median and 99th percentile; the mean absolute errors are against what was driven; ``loss`` is
    how much larger than the network's their sum is, as a share of that; ``difference`` the largest one from the
    network's value, of either output.
    """

    bytes: int
    frames: int
    invoke_ms: float
    invoke_p99_ms: float
    steering_mae: float
    throttle_mae: float
    loss: float
    difference: float

    def to_card(self) -> dict[str, float]:
        """Return the figures as a model card holds them."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Judging:
    """What variants are made and judged by.

    >>> frames, labels = np.zeros((10, 120, 160, 3), np.uint8), np.zeros((10, 2), np.float32)
    >>> len(Judging(frames[:2], calibration=frames, images=list(frames), labels=labels, begins=labels[:, 0] > 0).images)
    10

    ``sample`` is what all runtimes must agree on, ``calibration`` are training frames, ``images`` validation frames,
    height × width × 3, with their ``labels``, frames × (steering, throttle). ``begins`` says of each of them whether it
    does not follow the one before it, for a network that remembers.
    """

    sample: Images
    calibration: Images
    images: Sequence[NDArray[np.uint8]]
    labels: NDArray[np.float32]
    begins: NDArray[np.bool_]

    @classmethod
    def of(cls, dataset: Dataset, split: Split, seed: int, *, in_a_row: bool = False) -> Judging:
        """Choose the frames, always the same ones for a ``seed``; ``in_a_row`` they follow each other as driven."""
        parts = (_first if in_a_row else _spread)(split.validation, JUDGED_FRAMES)
        judged = list(_pairs(dataset, parts))
        first = [image for image, _ in _pairs(dataset, [part[:SAMPLE_FRAMES] for part in split.validation])]
        first = first[:SAMPLE_FRAMES]
        return cls(
            np.stack([*first, np.zeros_like(first[0]), np.full_like(first[0], 255)]),
            np.stack([image for image, _ in _pairs(dataset, calibration_frames(split.train, seed))]),
            [image for image, _ in judged],
            np.stack([label for _, label in judged]),
            np.concatenate(
                [begins(recording.captured_ns, part) for recording, part in zip(dataset.recordings, parts, strict=True)]
            ),
        )


def calibration_frames(train: Sequence[Indexes], seed: int) -> list[Indexes]:
    """Return for each recording which of its training frames calibrate: as many of each, CALIBRATION_FRAMES in all.

    A short one has fewer to give.
    """
    rng = np.random.default_rng(seed)
    each = -(-CALIBRATION_FRAMES // max(1, sum(len(part) > 0 for part in train)))
    return [np.sort(rng.choice(part, min(each, len(part)), replace=False)) if len(part) else part for part in train]


def export_variants(
    network: Any, path: Path, choice: VariantChoice, judging: Judging
) -> tuple[Variant, dict[Variant, VariantFigures]]:
    """Write ``network`` as ``choice`` to the file ``path``, without a card; return which it is, and what was measured.

    Of ``auto`` all are made and measured, and the recommended one is written; a variant is left out that the runtimes
    which are installed do not agree on. Raises TrainingError when that is so of the one chosen, or of float32; OSError
    when a file cannot be written.
    """
    expected = network_values(network, judging.images, judging.begins)
    figures: dict[Variant, VariantFigures] = {}
    for variant in variant_names() if choice == "auto" else [choice]:
        made = path.with_suffix(f".{variant}")
        try:
            export(network, made, judging.sample, variant, judging.calibration)
            figures[variant] = _measure(made, expected, judging)
        except (TrainingError, ModelError):
            if variant in (choice, "float32"):
                raise
    chosen = recommended(figures) if choice == "auto" else choice
    path.with_suffix(f".{chosen}").replace(path)
    return chosen, figures


def recommended(figures: Mapping[Variant, VariantFigures]) -> Variant:
    """Return the smallest variant that loses at most MAX_LOSS; float32, which loses nothing, where no other does."""
    good = [variant for variant, measured in figures.items() if measured.loss <= MAX_LOSS]
    return min(good, key=lambda variant: figures[variant].bytes, default="float32")


def _measure(path: Path, expected: Values, judging: Judging) -> VariantFigures:
    model = load_model(path)
    values = np.empty_like(expected)
    times_ns = np.empty(len(expected), np.int64)
    for index, image in enumerate(judging.images):
        if judging.begins[index]:
            model.reset()
        values[index] = model.run(image)
        times_ns[index] = model.invoke_ns
    steering, throttle = (float(error) for error in _errors(values, judging.labels))
    total = float(_errors(expected, judging.labels).sum())
    p50, p99 = (float(time_ns) / 1e6 for time_ns in np.percentile(times_ns, (50, 99)))
    return VariantFigures(
        bytes=path.stat().st_size,
        frames=len(expected),
        invoke_ms=p50,
        invoke_p99_ms=p99,
        steering_mae=steering,
        throttle_mae=throttle,
        # Of both outputs together: the error of a throttle that never changes is next to nothing, and any share of it.
        loss=(steering + throttle - total) / max(total, 1e-6),
        difference=float(np.max(np.abs(values - expected))),
    )


def _errors(values: Values, labels: NDArray[np.float32]) -> NDArray[np.float64]:
    # As the car drives: a pilot's commands end at full lock and full throttle.
    errors: NDArray[np.float64] = np.abs(np.clip(values, -1.0, 1.0) - labels).mean(axis=0, dtype=np.float64)
    return errors


def _pairs(dataset: Dataset, parts: Sequence[Indexes]) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    for recording, part in zip(dataset.recordings, parts, strict=True):
        for index in part.tolist():
            yield recording.images[index], recording.labels[index]


def _spread(parts: Sequence[Indexes], at_most: int) -> list[Indexes]:
    """Return every n-th frame of the parts, so that ``at_most`` are left."""
    step = max(1, -(-sum(map(len, parts)) // at_most))
    return [part[::step] for part in parts]


def _first(parts: Sequence[Indexes], at_most: int) -> list[Indexes]:
    """Return the first frames of the parts, as many of each, so that about ``at_most`` are left."""
    each = -(-at_most // max(1, sum(len(part) > 0 for part in parts)))
    return [part[:each] for part in parts]
