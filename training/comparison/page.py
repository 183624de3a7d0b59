"""A comparison as one HTML file that needs nothing else: figures, plots, and the worst frames of each model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

from car.pilots.compare import Entry, rows
from car.pilots.occlusion import draw_occlusion, occlusion_map
from car.runs.film_picture import STEERING, WAY, draw_steering
from hardware.camera import Image
from hardware.clock import NS_PER_S
from models.loader import load_model
from training.comparison.comparison import STEERING as STEERS
from training.comparison.comparison import Comparison, Predictor
from training.comparison.words import (
    LEAD_COLUMNS,
    MEANING,
    SCORE_COLUMNS,
    explain,
    frames_words,
    group_rows,
    lead_rows,
    number,
    score_rows,
)
from training.evaluation.steering import BENDS, worst_frames
from training.report.html import card, document, marked_up, picture, plot, table
from training.report.plots import bars, scatter, strip, timeline

WORST = 6
MOST_SESSIONS = 8
"""Of more, a page shows the steering over those in which a model errs most."""
DOTS = 1500
"""Of more frames every second, third and so on is a dot."""
AROUND_S = 15.0
"""So much before and after the worst frame is drawn as lines."""
_WIDTH = 320
_ERRORS = 21
_WHAT = (
    "Left, the driver's steering in green and the model's in blue; right, what the model looked at: a light where "
    "hiding that part of the frame changes its steering (occlusion, Zeiler and Fergus 2014)."
)

Values = NDArray[np.float64]


def page_of(comparison: Comparison, done: Callable[[float], None] = lambda _: None) -> str:
    """Return the comparison as HTML; ``done`` is told how much is drawn, 0 … 1.

    Raises ModelError when a model can no longer be loaded.
    """
    return document("Comparison of models", _parts(comparison, done))


def _parts(comparison: Comparison, done: Callable[[float], None]) -> Iterator[str]:
    yield f'<header><h1>Comparison of models</h1><p class="muted">{escape(frames_words(comparison))}</p></header>'
    sentences = "".join(f'<div class="finding warning"><p>{marked_up(one)}</p></div>' for one in explain(comparison))
    first, names = comparison.models[0].name, [model.name for model in comparison.models]
    leads = table([column.format(first) for column in LEAD_COLUMNS], lead_rows(comparison)) if names[1:] else ""
    scores = table(SCORE_COLUMNS, score_rows(comparison))
    meaning = f'<p class="muted">{escape(MEANING)}</p>'
    yield card("How far each is from the driver", sentences + scores + meaning + leads)
    bends, sessions = group_rows(comparison)
    groups = table(["MAE where the driver steered", "frames", *names], bends)
    yield card("Where", groups + table(["MAE in each session", "frames", *names], sessions))
    for index, model in enumerate(comparison.models):
        yield card(model.name, "".join(_model(comparison, model)))
        done((index + 1) / len(comparison.models))
    entries = [Entry(model.path, model.card) for model in comparison.models if model.path is not None]
    facts = [(name.strip(), *values) for name, values in rows(entries)]
    yield card("What is on their cards", table(["", *names], facts))


def _model(comparison: Comparison, model: Predictor) -> Iterator[str]:
    errors = comparison.errors(model)
    wish, driven = model.predicted[:, STEERS], comparison.judged.labels[:, STEERS]
    every = max(1, len(wish) // DOTS)
    counts, _ = np.histogram(np.clip(errors, -1.0, 1.0), _ERRORS, (-1.0, 1.0))
    plots = [
        plot(
            "The driver's steering across, the model's up; on the line they agree",
            scatter("The model's steering by the driver's", driven[::every], wish[::every], ("left", "", "right")),
        ),
        plot("Errors", bars("How often each error occurs", counts.tolist(), [0] * _ERRORS, ("−1", "0", "+1"))),
        plot("MAE by how the driver steered", _error_bars(comparison, model)),
    ]
    yield f'<div class="plots">{"".join(plots)}</div>'
    yield "".join(_timelines(comparison, model, wish, driven))
    worst = worst_frames(errors, comparison.judged.captured_ns, comparison.judged.sessions, WORST)
    yield _around(comparison, wish, driven, worst[0])
    yield f"<h3>Where it is furthest from the driver</h3><p class='muted'>{_WHAT}</p>"
    yield f'<div class="pairs">{"".join(_pictures(comparison, model, worst))}</div>'


def _error_bars(comparison: Comparison, model: Predictor) -> str:
    found = {group.name: group.errors[model.name].mae for group in comparison.by_bend()}
    errors = [found.get(str(bend), math.nan) for bend in BENDS]
    straight, gentle, sharp = (f"{bend.name} {number(mae, 2)}" for bend, mae in zip(BENDS, errors, strict=True))
    heights = [0.0 if math.isnan(mae) else mae for mae in errors]
    return bars("MAE by how the driver steered", heights, [1.0] * len(BENDS), (straight, gentle, sharp))


def _timelines(comparison: Comparison, model: Predictor, wish: Values, driven: Values) -> Iterator[str]:
    judged = comparison.judged
    errors = [group.errors[model.name].mae for group in comparison.by_session()]
    shown = sorted(np.argsort(-np.array(errors), kind="stable")[:MOST_SESSIONS].tolist())
    which = "each session" if len(shown) == len(errors) else f"the {MOST_SESSIONS} sessions where it errs most"
    yield f"<h3>Steering over {which}: {_KEY}, right is up</h3>"
    for session in shown:
        chosen = np.flatnonzero(judged.sessions == session)
        name = judged.recordings[session].name
        ends = (f"{judged.seconds(int(chosen[0])):.0f} s", name, f"{judged.seconds(int(chosen[-1])):.0f} s")
        series = {"driver": driven[chosen], "wish": wish[chosen]}
        yield f'<div class="wide">{timeline(f"Steering over {name}", series, ends, wide=True)}</div>'


_KEY = '<b class="driver">driver</b>, <b class="wish">model</b>'


def _around(comparison: Comparison, wish: Values, driven: Values, worst: int) -> str:
    judged = comparison.judged
    near = np.abs(judged.captured_ns - judged.captured_ns[worst]) <= AROUND_S * NS_PER_S
    chosen = np.flatnonzero(near & (judged.sessions == judged.sessions[worst]))
    ends = (f"{judged.seconds(int(chosen[0])):.1f} s", "", f"{judged.seconds(int(chosen[-1])):.1f} s")
    lines = strip("Steering around the worst frame", {"driver": driven[chosen], "wish": wish[chosen]}, ends)
    name = judged.recordings[int(judged.sessions[worst])].name
    return (
        f"<h3>Around its worst frame, {judged.seconds(worst):.1f} s into {escape(name)}: {_KEY}</h3>"
        f'<div class="wide">{lines}</div>'
    )


def _pictures(comparison: Comparison, model: Predictor, worst: Sequence[int]) -> Iterator[str]:
    if model.path is None:
        return
    network = load_model(model.path)

    def steer(image: Image) -> float:
        # A recurrent one is asked as if it had seen nothing before.
        network.reset()
        return network.run(image)[0]

    judged = comparison.judged
    for index in worst:
        image, driven, wish = judged.image(index), judged.labels[index, STEERS], model.predicted[index, STEERS]
        seen = _enlarged(image)
        for steering, colour in ((driven, WAY), (wish, STEERING)):
            draw_steering(seen, float(steering), colour)
        looked_at = _enlarged(draw_occlusion(image, occlusion_map(steer, image)))
        name = judged.recordings[int(judged.sessions[index])].name
        yield picture(
            np.asarray(np.hstack([seen, looked_at]), np.uint8),
            f"{name}, {judged.seconds(index):.1f} s: driver {number(float(driven), 2, '+')}, "
            f"model {number(float(wish), 2, '+')}",
        )


def _enlarged(image: Image) -> Image:
    size = (_WIDTH, max(1, round(_WIDTH * image.shape[0] / image.shape[1])))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)
