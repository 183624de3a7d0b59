"""The figures of a comparison in a few words each, as the page and the terminal show them."""

from __future__ import annotations

import math

from training.comparison.comparison import Comparison, Predictor
from training.comparison.frames import listed
from training.evaluation.bootstrap import Interval

NO_FIGURE = "–"
SCORE_COLUMNS = ("", "MAE (95 %)", "R² (95 %)", "bias", "jerk /s²", "throttle MAE")
MEANING = (
    "Bias is the mean error, above 0 to the right. Jerk is how abruptly the steering changes its pace, in full locks "
    "per s². The intervals hold the true figure with 95 % confidence, as far as these drives are like others: blocks "
    "of 50 frames are drawn again and again."
)
LEAD_COLUMNS = ("beside {}", "R² (95 %)", "MAE (95 %)", "")


def frames_words(comparison: Comparison) -> str:
    """Return what was compared on."""
    judged = comparison.judged
    is_known = all(model.card is not None for model in comparison.models)
    unseen = "that no model has learned from" if is_known else "that no model is known to have learned from"
    what = unseen if judged.is_unseen else "that were learned from"
    names = ", ".join(recording.name for recording in judged.recordings[:3])
    more = f" and {len(judged.recordings) - 3} more" if len(judged.recordings) > 3 else ""
    return f"Steering on {judged.frames:,} frames {what}: {names}{more}"


def score_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return a row for each predictor, as ``SCORE_COLUMNS`` has them, and one for the driver."""
    driver = ("the driver", "", "", "", number(comparison.driver_jerk, 0), "")
    return [*(_scores(comparison, one) for one in (*comparison.models, *comparison.guesses)), driver]


def lead_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return a row for each model but the first, beside that one, as ``LEAD_COLUMNS`` has them."""
    return [
        (lead.name, with_interval(lead.r2, lead.r2_interval), with_interval(lead.mae, lead.mae_interval), lead.verdict)
        for lead in comparison.leads()
    ]


def group_rows(comparison: Comparison) -> list[list[tuple[str, ...]]]:
    """Return the models' MAE by the kind of bend and by session: a row has a name, how many frames, and the MAEs."""
    return [
        [
            (group.name, f"{group.frames:,}", *(number(group.errors[one.name].mae, 3) for one in comparison.models))
            for group in groups
        ]
        for groups in (comparison.by_bend(), comparison.by_session())
    ]


def explain(comparison: Comparison) -> list[str]:
    """Return in sentences what the tables do not say by themselves."""
    sentences = list(comparison.judged.remarks)
    nobody_knows = [model.name for model in comparison.models if model.card is None]
    if nobody_knows:
        sentences.append(f"Without a card, nobody can say whether {listed(nobody_knows)} learned from these frames.")
    scores = [comparison.scores(model) for model in comparison.models]
    if math.isnan(scores[0].error.r2):
        sentences.append("The steering never changes in these frames, so there is no R². Compare on other drives.")
    elif scores[0].mae_interval is None:
        sentences.append("These frames are too few to say what may be chance: compare on 400 or more.")
    best = max(comparison.guesses, key=lambda guess: comparison.scores(guess).error.r2)
    least = comparison.scores(best).error.r2
    below = [model.name for model, one in zip(comparison.models, scores, strict=True) if one.error.r2 <= least]
    if below:
        verb = "steer" if len(below) > 1 else "steers"
        sentences.append(
            f"{listed(below)} {verb} no better than “{best.name}” here. Train on more driving, or on drives like these."
        )
    return sentences


def number(value: float, digits: int, sign: str = "") -> str:
    """Return a figure; ``sign`` is ``+`` where one is shown in any case."""
    if math.isnan(value):
        return NO_FIGURE
    return f"{round(value, digits) + 0.0:{sign}.{digits}f}".replace("-", "−")


def with_interval(value: float, interval: Interval | None) -> str:
    """Return a difference, and what it lies between."""
    if interval is None:
        return number(value, 3, "+")
    return f"{number(value, 3, '+')} ({number(interval.low, 3, '+')} to {number(interval.high, 3, '+')})"


def _scores(comparison: Comparison, predictor: Predictor) -> tuple[str, ...]:
    scores = comparison.scores(predictor)
    return (
        predictor.name,
        _figure(scores.error.mae, scores.mae_interval),
        _figure(scores.error.r2, scores.r2_interval),
        number(scores.bias, 3, "+"),
        number(scores.jerk, 0),
        number(scores.throttle_mae, 3),
    )


def _figure(value: float, interval: Interval | None) -> str:
    within = "" if interval is None else f" ({number(interval.low, 2)} to {number(interval.high, 2)})"
    return f"{number(value, 3)}{within}"
