"""What the pages of reports are made of: one HTML file that needs nothing else, no network and no script."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from html import escape

import cv2

from hardware.camera import Image

_QUALITY = 75
_TYPED = re.compile("`([^`]*)`")

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
.pairs { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
.pictures img, .pairs img { width: 100%; display: block; border-radius: 8px; }
figcaption { font-size: 0.8125rem; color: var(--muted); }
dl { display: grid; grid-template-columns: auto 1fr; gap: 2px 14px; font-size: 0.9375rem; }
dt { color: var(--muted); } dd { overflow-wrap: anywhere; min-width: 0; }
svg { width: 100%; max-width: 460px; display: block; } svg.square { max-width: 240px; }
code { font: 0.875em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.wide { overflow-x: auto; } .wide svg { max-width: none; min-width: 600px; }
table { border-collapse: collapse; font-size: 0.9375rem; }
th, td { text-align: left; padding: 3px 18px 3px 0; white-space: nowrap; font-weight: normal; }
thead th { color: var(--muted); border-bottom: 1px solid var(--line); }
svg text { font-size: 10px; fill: var(--muted); }
.bar { fill: var(--steering); opacity: 0.75; } .was { fill: none; stroke: var(--muted); stroke-width: 1; }
.axis { stroke: var(--line); } .line { fill: none; stroke: var(--go); stroke-width: 2; } .mark { fill: var(--go); }
.steering { stroke: var(--steering); opacity: 0.55; } .throttle { stroke: var(--throttle); stroke-width: 1.5; }
.driver, .wish { fill: none; stroke-width: 1.5; } .driver { stroke: var(--go); } .wish { stroke: var(--steering); }
.dot { fill: var(--steering); opacity: 0.35; } b.driver { color: var(--go); } b.wish { color: var(--steering); }
"""


def document(title: str, parts: Iterable[str]) -> str:
    """Return a page of ``parts``, each HTML."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>{''.join(parts)}"
        "</main></body></html>\n"
    )


def card(title: str, content: str) -> str:
    """Return a part of a page with a title, ``content`` being HTML."""
    return f'<section class="card"><h2>{escape(title)}</h2>{content}</section>'


def marked_up(sentence: str) -> str:
    """Return a sentence as HTML, what is to be typed as code."""
    return _TYPED.sub(r"<code>\1</code>", escape(sentence))


def plot(title: str, svg: str) -> str:
    """Return a plot with its title above it."""
    return f"<figure><h3>{escape(title)}</h3>{svg}</figure>"


def picture(image: Image, caption: str) -> str:
    """Return an RGB image with a caption below it."""
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    data = base64.b64encode(jpeg.tobytes()).decode()
    return (
        f'<figure><img alt="" src="data:image/jpeg;base64,{data}"><figcaption>{escape(caption)}</figcaption></figure>'
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; the first cell of each row names it."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + f"<th>{escape(row[0])}</th>" + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
