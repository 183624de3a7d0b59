"""The figures of a session in a few words each, as the page and the terminal show them."""

from __future__ import annotations

from training.report.figures import Figures


def balance_words(figures: Figures) -> str:
    """Return how much was steered to the left, straight on and to the right, as driven and as trained on."""
    balance = figures.steering.taught.balance
    left, straight, right = (count / figures.frames for count in (balance.left, balance.straight, balance.right))
    side = (left + right) / 2
    return (
        f"left {left:.0%}, straight on {straight:.0%}, right {right:.0%}; in a training that mirrors half of it, "
        f"{side:.0%} to each side"
    )


def short_balance(figures: Figures) -> str:
    """Return the balance in a table's cell."""
    balance = figures.steering.taught.balance
    return " / ".join(f"{count / figures.frames:.0%}" for count in (balance.left, balance.straight, balance.right))


def throttle_words(figures: Figures) -> str:
    """Return how fast it was driven."""
    throttle = figures.throttle
    lowest, highest = (f"{value + 0.0:.2f}".replace("-", "−") for value in (throttle.lowest, throttle.highest))
    return f"{throttle.mean:.2f} on average, {lowest} to {highest}, {throttle.distinct} values"


def delay_words(figures: Figures) -> str:
    """Return how the scene answers the steering, as far as that can be told."""
    delay = figures.delay
    if delay is None:
        return "nothing tells how it answers the steering"
    if not delay.is_sure:
        return "nothing clear tells how it answers the steering"
    if delay.is_reversed:
        return f"turns against the steering (correlation −{-delay.correlation:.2f})"
    return f"answers the steering after {short_delay(figures)} (correlation {delay.correlation:.2f})"


def short_delay(figures: Figures) -> str:
    """Return the delay in a table's cell."""
    delay = figures.delay
    if delay is None or not delay.is_sure:
        return "–"
    return "reversed" if delay.is_reversed else f"{delay.lag_ms} ms".replace("-", "−")


def light_words(figures: Figures) -> str:
    """Return how bright and how sharp the frames are."""
    pictures = figures.pictures
    return (
        f"mean level {pictures.level:.0f} of 255, {pictures.darkest:.0f} to {pictures.brightest:.0f}; "
        f"{pictures.dark_share:.0%} of the pixels black, {pictures.bright_share:.0%} white; "
        f"sharpness {pictures.sharpness:.3f}; {pictures.alike_share:.0%} near-duplicates"
    )


def stops_words(figures: Figures) -> str:
    """Return how long it stood, and what is missing."""
    times = figures.times
    stops = f"{times.stopped_share:.0%} of the time"
    if times.stops:
        stops += f", {times.stops} stops of up to {times.longest_stop_s:.1f} s"
    gaps = f"{times.gaps} gaps of {times.gaps_s:.1f} s together" if times.gaps else "no gaps"
    return f"{stops}; {gaps}" + (f", {times.pauses} pauses" if times.pauses else "")
