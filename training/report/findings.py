"""What the figures of sessions mean for whoever is about to train on them, and what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from training.report.colours import swapped
from training.report.figures import BLURRED, Figures

NAMED = 4
"""So many sessions are named in a sentence; the JSON names all."""

GRAVE_MINUTES, FEW_MINUTES = 2.0, 5.0
CONSTANT = 0.02
GRAVE_STOPS, MANY_STOPS = 0.7, 0.3
GRAVE_ALIKE, MANY_ALIKE = 0.5, 0.1
BLACK_LEVEL, DARK_LEVEL = 15.0, 35.0
OVEREXPOSED_SHARE = 0.3
LATE_MS, EARLY_MS = 300, -50
MOSTLY_STRAIGHT = 0.85
ONE_WAY, LEAST_STRETCHES = 0.95, 6
LOCK_SHARE, KEYED_STRAIGHT = 0.2, 0.4
GAPS_SHARE = 0.05
NO_ANSWER, NO_ANSWER_S, SEEN = 0.2, 60.0, 0.4


class Severity(StrEnum):
    """How much a finding matters; ``GRAVE`` is what spoils a training."""

    GRAVE = "grave"
    WARNING = "warning"
    NOTE = "note"


_ORDER = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that whoever trains on ``sessions`` ought to know, and the ``next_step``; a ``kind`` is for programs.

    >>> Finding("dark", Severity.GRAVE, ("monday",), "It is dark in monday.", "Turn the light on.").severity
    <Severity.GRAVE: 'grave'>
    """

    kind: str
    severity: Severity
    sessions: tuple[str, ...]
    sentence: str
    next_step: str

    def __str__(self) -> str:
        return f"{self.sentence} {self.next_step}"

    def to_dict(self) -> Mapping[str, Any]:
        """Return the finding as JSON has it."""
        return asdict(self)


_Judged = tuple[Severity, str]
"""How grave something is in one session, and in a few words how much of it there is."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """Something that a session may have: ``what`` it is, followed by a colon, the sessions and how much of it."""

    kind: str
    what: str
    next_step: str
    judge: Callable[[Figures], _Judged | None]

    def finding(self, sessions: Sequence[Figures]) -> Finding | None:
        judged = [(figures.name, found) for figures in sessions if (found := self.judge(figures)) is not None]
        if not judged:
            return None
        severity = min((severity for _, (severity, _) in judged), key=_ORDER.index)
        judged.sort(key=lambda row: _ORDER.index(row[1][0]))
        words = _listed([f"{name} ({detail})" for name, (_, detail) in judged])
        return Finding(self.kind, severity, tuple(name for name, _ in judged), f"{self.what}: {words}.", self.next_step)


def find(sessions: Sequence[Figures]) -> list[Finding]:
    """Return what there is to say of ``sessions`` together, the gravest first; nothing where all is well."""
    if not sessions:
        return []
    found = [rule.finding(sessions) for rule in _RULES] + [look(sessions) for look in _TOGETHER]
    return sorted((finding for finding in found if finding), key=lambda finding: _ORDER.index(finding.severity))


def _reversed(figures: Figures) -> _Judged | None:
    delay = figures.delay
    if delay is None or not delay.is_reversed:
        return None
    return Severity.GRAVE, f"correlation {delay.correlation:.2f}".replace("-", "−")


def _unanswered(figures: Figures) -> _Judged | None:
    delay = figures.delay
    if delay is None or delay.seconds < NO_ANSWER_S or delay.smoothness < SEEN or _is_constant(figures):
        return None
    weak = abs(delay.correlation) < NO_ANSWER
    return (Severity.WARNING, f"correlation {delay.correlation:.2f}".replace("-", "−")) if weak else None


def _is_constant(figures: Figures) -> bool:
    return figures.steering.deviation < CONSTANT


def _constant_steering(figures: Figures) -> _Judged | None:
    return (
        (Severity.GRAVE, f"always {figures.steering.mean + 0.0:.2f}".replace("-", "−"))
        if _is_constant(figures)
        else None
    )


def _constant_throttle(figures: Figures) -> _Judged | None:
    if figures.throttle.deviation >= CONSTANT or figures.times.stopped_share > GRAVE_STOPS:
        return None
    return Severity.NOTE, f"{figures.throttle.mean:.2f}"


def _backwards(figures: Figures) -> _Judged | None:
    share = figures.throttle.backwards_share
    return (Severity.GRAVE, f"{share:.0%} of its frames") if share > 0.5 else None


def _stops(figures: Figures) -> _Judged | None:
    share = figures.times.stopped_share
    if share <= MANY_STOPS:
        return None
    return Severity.GRAVE if share > GRAVE_STOPS else Severity.WARNING, f"{share:.0%}"


def _alike(figures: Figures) -> _Judged | None:
    share, copies = figures.pictures.alike_share, figures.pictures.copies_share
    if share <= MANY_ALIKE:
        return None
    detail = f"{share:.0%}" + (f", {copies:.0%} the very same" if copies >= 0.01 else "")
    return Severity.GRAVE if share > GRAVE_ALIKE else Severity.WARNING, detail


def _dark(figures: Figures) -> _Judged | None:
    level = figures.pictures.level
    if level >= DARK_LEVEL:
        return None
    detail = f"mean level {level:.0f} of 255, {figures.pictures.dark_share:.0%} of the pixels black"
    return Severity.GRAVE if level < BLACK_LEVEL else Severity.WARNING, detail


def _overexposed(figures: Figures) -> _Judged | None:
    share = figures.pictures.bright_share
    return (Severity.WARNING, f"{share:.0%} of the pixels white") if share > OVEREXPOSED_SHARE else None


def _blurred(figures: Figures) -> _Judged | None:
    # In the dark there is nothing to be sharp, and it is said already.
    if figures.pictures.sharpness >= BLURRED or figures.pictures.level < BLACK_LEVEL:
        return None
    return Severity.WARNING, f"sharpness {figures.pictures.sharpness:.4f}"


def _late(figures: Figures) -> _Judged | None:
    delay = figures.delay
    if delay is None or not delay.is_sure or delay.is_reversed or delay.lag_ms <= LATE_MS:
        return None
    return Severity.WARNING, f"{delay.lag_ms} ms"


def _early(figures: Figures) -> _Judged | None:
    delay = figures.delay
    if delay is None or not delay.is_sure or delay.is_reversed or delay.lag_ms >= EARLY_MS:
        return None
    return Severity.WARNING, f"{-delay.lag_ms} ms"


def _keyed(figures: Figures) -> _Judged | None:
    steering = figures.steering
    if steering.full_lock_share <= LOCK_SHARE or steering.straight_share <= KEYED_STRAIGHT:
        return None
    return Severity.NOTE, f"{steering.straight_share:.0%} straight on, {steering.full_lock_share:.0%} at full lock"


def _gaps(figures: Figures) -> _Judged | None:
    times = figures.times
    if not times.gaps:
        return None
    share = times.gaps_s / (times.gaps_s + figures.minutes * 60)
    detail = f"{times.gaps}, together {times.gaps_s:.1f} s"
    return Severity.WARNING if share > GAPS_SHARE else Severity.NOTE, detail


def _damaged(figures: Figures) -> _Judged | None:
    broken = [f"{figures.broken_frames} frames cannot be decoded"] if figures.broken_frames else []
    defects = [*figures.defects, *broken]
    return (Severity.NOTE, "; ".join(defects)) if defects else None


def _unused(figures: Figures) -> _Judged | None:
    return (Severity.NOTE, figures.unused_inputs) if figures.unused_inputs else None


_RULES = (
    _Rule(
        "reversed",
        "The scene turns against the steering, so the images are mirrored or the steering is negated",
        "A pilot trained on this steers the wrong way. Leave these sessions out. Then look at flip in [camera] of "
        "car.toml, at `car calibrate`, or at the program that wrote the tub, and record or import them anew.",
        _reversed,
    ),
    _Rule(
        "constant_steering",
        "The steering never changes",
        "There is nothing to learn from it but that one value, and no R² to tell. Check that the stick or the key "
        "reaches the recording, and drive with bends.",
        _constant_steering,
    ),
    _Rule(
        "backwards",
        "The throttle is negative most of the time, and a pilot learns to drive backwards",
        "If the car drove forwards, delete the session and import its tub with `car sessions import "
        "--negate-throttle`.",
        _backwards,
    ),
    _Rule(
        "stops",
        "The car stands still for much of the session",
        "A pilot learns to stand still there. Leave those stretches out on the sessions page.",
        _stops,
    ),
    _Rule(
        "duplicates",
        "With the throttle on, frames are the same as the one before",
        "The camera stuck, frames were written twice, or the car pushed against something. Leave those stretches out; "
        "if they are everywhere, look at the camera with `car doctor`.",
        _alike,
    ),
    _Rule(
        "dark",
        "The frames are dark",
        "A pilot cannot see the road there. Turn the light on or give the camera a longer exposure, and record again.",
        _dark,
    ),
    _Rule(
        "overexposed",
        "The frames are overexposed",
        "The road may be lost in white. Give the camera a shorter exposure, and record again.",
        _overexposed,
    ),
    _Rule(
        "blurred",
        "The frames look blurred, or there is nothing to see in them",
        "Focus the lens and wipe it. Give the camera an exposure below 10 ms, or drive more slowly.",
        _blurred,
    ),
    _Rule(
        "unanswered",
        "What the scene does has little to do with the steering, as where labels belong to other frames",
        "Watch it on the sessions page: if the line does not lean into the bends, leave the session out.",
        _unanswered,
    ),
    _Rule(
        "early",
        "The scene turns before it is steered, as where labels are written late",
        "A pilot learns to steer too late. Look at the program that recorded it; leave the session out.",
        _early,
    ),
    _Rule(
        "late",
        "The scene answers the steering late",
        "A car this late is hard to drive fast: drive slowly, and look for what delays it with `car doctor`.",
        _late,
    ),
    _Rule(
        "gaps",
        "Frames are missing",
        "Nothing is learned there. Where it happens often, look for a slow disk or a slow camera with `car doctor`.",
        _gaps,
    ),
    _Rule(
        "constant_throttle",
        "The throttle never changes",
        "That is all right if it is what the pilot should do: it learns this one speed, and its R² says nothing.",
        _constant_throttle,
    ),
    _Rule(
        "keyed",
        "It was steered by full lock and straight on, with little between",
        "It can be learned, but a gamepad's stick or a phone's slider gives a smoother pilot.",
        _keyed,
    ),
    _Rule(
        "defects",
        "Something is missing or broken",
        "What is good is used. Copy the file or the tub once more if the original has more, or run "
        "`car sessions repair`.",
        _damaged,
    ),
    _Rule(
        "unused_inputs",
        "Inputs of the imported tub are not used",
        "A pilot here learns from the image alone. Nothing to do, unless you counted on them.",
        _unused,
    ),
)


def _too_little(sessions: Sequence[Figures]) -> Finding | None:
    minutes = sum(figures.minutes * (1 - figures.times.stopped_share) for figures in sessions)
    if round(minutes, 1) >= FEW_MINUTES:
        return None
    return Finding(
        "too_little",
        Severity.GRAVE if minutes < GRAVE_MINUTES else Severity.WARNING,
        _names(sessions),
        f"There are only {minutes:.1f} minutes of driving.",
        f"Record at least {FEW_MINUTES:.0f}, better ten or more, in both directions and in more than one session.",
    )


def _one_direction(sessions: Sequence[Figures]) -> Finding | None:
    left = sum(figures.steering.left_stretches for figures in sessions)
    right = sum(figures.steering.right_stretches for figures in sessions)
    if left + right < LEAST_STRETCHES or max(left, right) < ONE_WAY * (left + right):
        return None
    way, other = ("left", "right") if left > right else ("right", "left")
    return Finding(
        "one_direction",
        Severity.WARNING,
        _names(sessions),
        f"The car goes round to the {way} only: so do {max(left, right)} of {left + right} stretches of 10 s.",
        f"Where training mirrors frames, bends to the {other} are learned as mirror images, else not at all. A real "
        f"road is not its mirror image: drive some laps the other way round.",
    )


def _mostly_straight(sessions: Sequence[Figures]) -> Finding | None:
    frames = sum(figures.frames for figures in sessions)
    straight = sum(figures.steering.taught.balance.straight for figures in sessions) / frames
    if straight < MOSTLY_STRAIGHT or all(_is_constant(figures) for figures in sessions):
        return None
    return Finding(
        "mostly_straight",
        Severity.WARNING,
        _names(sessions),
        f"{straight:.0%} of the frames are steered straight on.",
        "A pilot learns that straight on is nearly always right. Record more bends, and slower; leave straights out.",
    )


def _other_colours(sessions: Sequence[Figures]) -> Finding | None:
    found = swapped([figures.colours for figures in sessions], [figures.minutes for figures in sessions])
    if not found:
        return None
    names = [f"{sessions[index].name} (beside {sessions[other].name})" for index, other in found]
    return Finding(
        "swapped_channels",
        Severity.WARNING,
        tuple(sessions[index].name for index, _ in found),
        f"Red and blue look swapped: {_listed(names)}.",
        "Look at their pictures: where wood is blue and the sky orange, it is so; it may be the other session too. "
        "Leave those out, and mend what recorded them: a camera's RGB888 is often BGR.",
    )


def _other_sizes(sessions: Sequence[Figures]) -> Finding | None:
    frames: Counter[tuple[int, int]] = Counter()
    for figures in sessions:
        frames[figures.width, figures.height] += figures.frames
    (width, height), _ = frames.most_common(1)[0]
    others = [figures for figures in sessions if (figures.width, figures.height) != (width, height)]
    if not others:
        return None
    words = _listed([f"{figures.name} ({figures.width}x{figures.height})" for figures in others])
    return Finding(
        "other_size",
        Severity.WARNING,
        _names(others),
        f"Most frames are {width}x{height}, but not these: {words}.",
        "A training takes one size and leaves the others out. Train on them by themselves.",
    )


_TOGETHER = (_too_little, _other_colours, _one_direction, _mostly_straight, _other_sizes)


def _names(sessions: Sequence[Figures]) -> tuple[str, ...]:
    return tuple(figures.name for figures in sessions)


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - NAMED} more" if len(words) > NAMED else ""
    return ", ".join(words[:NAMED]) + more
