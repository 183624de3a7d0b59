"""The data report as one HTML file that needs nothing else: no network, no script."""

from __future__ import annotations

import base64
import re
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
from training.report.plots import bars, curve, timeline
from training.report.report import DataReport
from training.report.words import balance_words, delay_words, light_words, stops_words, throttle_words

_PICTURE_WIDTH = 240
_PICTURE_QUALITY = 75
_TYPED = re.compile("`([^`]*)`")
_STEERED = ("full left", "straight on", "full right")

_STYLE = """
:root { color-scheme: light dark; --paper: #f4f2ec; --card: #fff; --ink: #14181b; --muted: #555c63; --line: #d9d5c9;
  --go: #0e6a5b; --grave: #a80d25; --grave-soft: #f9e1e1; --warn: #7a4a00; --warn-soft: #f8ebcf; --note: #2159c9;
  --note-soft: #e2eafa; --steering: #2159c9; --throttle: #b25a00;
  font: 16px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums; }
@media (prefers-color-scheme: dark) { :root { --paper: #0f1316; --card: #181e22; --ink: #f2f0ea; --muted: #a7b0b7;
  --line: #2b333a; --go: #57cbb1; --grave: #ff9a9f; --grave-soft: #3b191d; --warn: #f3c063; --warn-soft: #352a14;
  --note: #82adff; --note-soft: #1a2540; --steering: #82adff; --throttle: #f6a94a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); }
main { max-width: 1080px; margin: 0 auto; padding: 20px 16px 60px; display: grid; gap: 16px; }
main > * { min-width: 0; }
h1, h2, h3, p, dl, dd, figure { margin: 0; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; overflow-wrap: anywhere; } h3 { font-size: 0.875rem; }
.muted { color: var(--muted); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 16px; display: grid;
  gap: 14px; min-width: 0; }
.finding { border-left: 5px solid var(--tone); background: var(--soft); border-radius: 8px; padding: 10px 14px;
  overflow-wrap: anywhere; }
.finding b { color: var(--tone); }
.grave { --tone: var(--grave); --soft: var(--grave-soft); }
.warning { --tone: var(--warn); --soft: var(--warn-soft); }
.note { --tone: var(--note); --soft: var(--note-soft); }
.plots { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 280px), 1fr)); }
.pictures { display: grid; gap: 10px; grid-template-columns: repeat(3, minmax(0, 240px)); }
.pictures img { width: 100%; display: block; border-radius: 8px; }
figcaption { font-size: 0.8125rem; color: var(--muted); }
dl { display: grid; grid-template-columns: auto 1fr; gap: 2px 14px; font-size: 0.9375rem; }
dt { color: var(--muted); } dd { overflow-wrap: anywhere; min-width: 0; }
svg { width: 100%; max-width: 460px; display: block; }
code { font: 0.875em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
svg text { font-size: 10px; fill: var(--muted); }
.bar { fill: var(--steering); opacity: 0.75; } .was { fill: none; stroke: var(--muted); stroke-width: 1; }
.axis { stroke: var(--line); } .line { fill: none; stroke: var(--go); stroke-width: 2; } .mark { fill: var(--go); }
.steering { stroke: var(--steering); opacity: 0.55; } .throttle { stroke: var(--throttle); stroke-width: 1.5; }
"""


def page_of(report: DataReport) -> str:
    """Return the report as HTML."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Data report</title><style>{_STYLE}</style></head><body><main>{''.join(_parts(report))}"
        "</main></body></html>\n"
    )


def _parts(report: DataReport) -> Iterator[str]:
    yield (
        f'<header><h1>Data report</h1><p class="muted">{len(report.sessions)} sessions, {report.frames:,} frames, '
        f"{report.minutes:.1f} minutes</p></header>"
    )
    findings = "".join(_finding(finding) for finding in report.findings)
    left_out = "".join(f'<p class="muted">Left out: {escape(str(session.error))}</p>' for session in report.left_out)
    if report.sessions and not findings:
        findings = "<p>Nothing stands out. Train on it: <code>car train</code></p>"
    yield f'<section class="card"><h2>What to know before training</h2>{findings}{left_out}</section>'
    if len(report.sessions) > 1:
        yield f'<section class="card"><h2>All sessions together</h2>{_histogram(report.histogram)}</section>'
    for figures, recording in zip(report.sessions, report.recordings, strict=True):
        yield _session(figures, recording)


def _finding(finding: Finding) -> str:
    return (
        f'<div class="finding {finding.severity}"><p><b>{finding.severity}</b> {_marked_up(finding.sentence)}</p>'
        f'<p class="muted">{_marked_up(finding.next_step)}</p></div>'
    )


def _marked_up(sentence: str) -> str:
    """Return a sentence as HTML, what is to be typed as code."""
    return _TYPED.sub(r"<code>\1</code>", escape(sentence))


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
    return (
        f'<section class="card"><h2>{escape(figures.name)}</h2><dl>{listed}</dl>{_pictures(recording)}'
        f'<div class="plots">{"".join(_plots(figures, recording))}</div></section>'
    )


def _plots(figures: Figures, recording: Recording) -> Iterator[str]:
    yield _histogram(figures.steering.taught.histogram)
    seconds = figures.minutes * 60
    steering, throttle = recording.labels.astype(np.float64).T
    yield _plot(
        "Steering (blue, up is right) and throttle (orange)",
        timeline("Steering and throttle over the session", steering, throttle, ("0 s", "", f"{seconds:.0f} s")),
    )
    if figures.delay is not None and figures.delay.curve:
        marked = LAGS_MS.index(figures.delay.lag_ms)
        ends = (f"{LAGS_MS[0]} ms".replace("-", "−"), "the scene after the steering", f"{LAGS_MS[-1]} ms")
        yield _plot(
            "How the scene answers: correlation, −1 to 1",
            curve("Correlation of steering and scene, by delay", figures.delay.curve, marked, ends),
        )


def _histogram(counts: list[int]) -> str:
    return _plot(
        "Steering: outlines as driven, bars as a training sees it that mirrors half of it",
        bars("How often each steering occurs", half_mirrored(counts), counts, _STEERED),
    )


def _plot(title: str, svg: str) -> str:
    return f"<figure><h3>{escape(title)}</h3>{svg}</figure>"


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
    drawn = cv2.cvtColor(draw_command(small, Command(steering, throttle)), cv2.COLOR_RGB2BGR)
    _, jpeg = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, _PICTURE_QUALITY])
    data = base64.b64encode(jpeg.tobytes()).decode()
    caption = f"frame {index}: steering {steering + 0.0:.2f}".replace("-", "−")
    return f'<figure><img alt="" src="data:image/jpeg;base64,{data}"><figcaption>{caption}</figcaption></figure>'
