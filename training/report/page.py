"""The data report as one HTML file that needs nothing else: no network, no script."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import cv2
import numpy as np

from hardware.camera import Image
from hardware.drivetrain import Command
from training.dataset import Recording
from training.pictures import SCALE, draw_command
from training.report.delay import LAGS_MS
from training.report.figures import Figures, half_mirrored, sampled
from training.report.findings import Finding
from training.report.html import card, document, marked_up, picture, plot
from training.report.plots import bars, curve, timeline
from training.report.report import DataReport
from training.report.words import balance_words, delay_words, light_words, stops_words, throttle_words

_PICTURE_WIDTH = 240
_STEERED = ("full left", "straight on", "full right")


def page_of(report: DataReport) -> str:
    """Return the report as HTML."""
    return document("Data report", _parts(report))


def _parts(report: DataReport) -> Iterator[str]:
    yield (
        f'<header><h1>Data report</h1><p class="muted">{len(report.sessions)} sessions, {report.frames:,} frames, '
        f"{report.minutes:.1f} minutes</p></header>"
    )
    findings = "".join(_finding(finding) for finding in report.findings)
    left_out = "".join(f'<p class="muted">Left out: {escape(str(session.error))}</p>' for session in report.left_out)
    if report.sessions and not findings:
        findings = "<p>Nothing stands out. Train on it: <code>car train</code></p>"
    yield card("What to know before training", findings + left_out)
    if len(report.sessions) > 1:
        yield card("All sessions together", _histogram(report.histogram))
    for figures, recording in zip(report.sessions, report.recordings, strict=True):
        yield _session(figures, recording)


def _finding(finding: Finding) -> str:
    return (
        f'<div class="finding {finding.severity}"><p><b>{finding.severity}</b> {marked_up(finding.sentence)}</p>'
        f'<p class="muted">{marked_up(finding.next_step)}</p></div>'
    )


def _session(figures: Figures, recording: Recording) -> str:
    rows = {
        "length": f"{figures.minutes:.1f} min, {figures.frames:,} frames of {figures.width}x{figures.height} at "
        f"{figures.rate_hz:g}/s",
        "steering": balance_words(figures),
        "throttle": throttle_words(figures),
        "scene": delay_words(figures),
        "light": light_words(figures),
        "stops": stops_words(figures),
        "defects": "; ".join(figures.defects) or "none",
        "not used": figures.unused_inputs,
    }
    listed = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows.items() if text)
    return card(
        figures.name,
        f'<dl>{listed}</dl>{_pictures(recording)}<div class="plots">{"".join(_plots(figures, recording))}</div>',
    )


def _plots(figures: Figures, recording: Recording) -> Iterator[str]:
    yield _histogram(figures.steering.taught.histogram)
    seconds = figures.minutes * 60
    steering, throttle = recording.labels.astype(np.float64).T
    yield plot(
        "Steering (blue, up is right) and throttle (orange)",
        timeline(
            "Steering and throttle over the session",
            {"steering": steering, "throttle": throttle},
            ("0 s", "", f"{seconds:.0f} s"),
        ),
    )
    if figures.delay is not None and figures.delay.curve:
        marked = LAGS_MS.index(figures.delay.lag_ms)
        ends = (f"{LAGS_MS[0]} ms".replace("-", "−"), "the scene after the steering", f"{LAGS_MS[-1]} ms")
        yield plot(
            "How the scene answers: correlation, −1 to 1",
            curve("Correlation of steering and scene, by delay", figures.delay.curve, marked, ends),
        )


def _histogram(counts: list[int]) -> str:
    return plot(
        "Steering: outlines as driven, bars as a training sees it that mirrors half of it",
        bars("How often each steering occurs", half_mirrored(counts), counts, _STEERED),
    )


def _pictures(recording: Recording) -> str:
    """Return the frames that are steered furthest to the left, straight on and furthest to the right, with a line."""
    indexes = sampled(len(recording.images))
    steering = recording.labels[indexes, 0]
    chosen = (int(np.argmin(steering)), int(np.argmin(np.abs(steering))), int(np.argmax(steering)))
    return f'<div class="pictures">{"".join(_picture(recording, indexes[place]) for place in chosen)}</div>'


def _picture(recording: Recording, index: int) -> str:
    image: Image = np.asarray(recording.images[index])
    width = _PICTURE_WIDTH // SCALE
    size = (width, max(1, round(width * image.shape[0] / image.shape[1])))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    steering, throttle = recording.labels[index].tolist()
    caption = f"frame {index}: steering {steering + 0.0:.2f}".replace("-", "−")
    return picture(draw_command(small, Command(steering, throttle)), caption)
