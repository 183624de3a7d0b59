"""What the exploration says: how far it came, what it left out, and the shortest way to whatever is wrong."""

from __future__ import annotations

import gc

from hardware.clock import NS_PER_MS
from tests.explore.decisions import ON_DECISIONS
from tests.explore.promises import SILENCE_TO_NEUTRAL_NS
from tests.explore.properties import ON_EVENTS
from tests.explore.search import FRESH, FROM_NEUTRAL, OUTPUTS, RAISED, RANGE_FIRST, Result, Search

ABSTRACTED = f"""\
What is abstracted:
- Time goes in steps of 50 ms, any number of events falls on each in any order, and decisions are also asked for 1 ns
  after each point and 1 ns before the next. Ages past the last limit that looks at them are one age.
- A driver holds the stick at 0.05, 0.0501 or full, either way, with and without the hold button; a pilot asks for 0.9.
  Samples are in time, 50 ms or 350 ms late; frames in time or 150 ms late. No driver limits a pilot below its cap, and
  no pilot is unsure.
- What the wheels had before a decision is one of {len(OUTPUTS)} outputs, in turn, not what the path there gave them.
- The car's problems are told right before an arming, and only to a car that is not armed. Which reason an old trip or
  an old refusal had makes no difference.
- A safeguard that is lost, and a pilot that is not there, are told as an event of their own and right before an arming
  or a change of mode; by the next event they are back.
- What is ahead is free, too near or not known, and told as a lost safeguard is: by the next event it is free. Half way
  between, where half of the throttle is left, is told right before a decision; the other distances are left to the
  gate's tests.
- The gate's limits are those that ship, with a stop at 0.5 m; the clock goes back by 50 ms or 1 ns."""


def searched(headless: bool, limit_s: float | None = None) -> Result:
    """Search one gate, and print how far it has got; for a process of its own."""
    # Millions of small tuples that all stay: the collector would look at them again and again, and find nothing.
    gc.disable()
    search = Search(headless=headless, limit_s=limit_s)
    return search.run(lambda result: print(progress(result), flush=True))


def progress(result: Result) -> str:
    """Return one line on a search that goes on."""
    return f"  {_name(result)}: {result.states:,} states, depth {result.depth}, {result.seconds:.0f} CPU-s"


def summary(result: Result) -> str:
    """Return what one search has found."""
    end = "explored exhaustively at 50 ms" if result.closed else "NOT explored to its end"
    lines = [
        f"{_name(result)}: {end}",
        f"  {result.states:,} states, {result.transitions:,} transitions, depth {result.depth}, "
        f"{result.decisions:,} decisions, {result.seconds:.0f} CPU-s, {sum(result.violations.values()):,} violations",
        f"  a throttle from {result.moving:,} states; the longest silence it outlasts: "
        f"{result.longest_silence_ns / NS_PER_MS:.0f} ms",
    ]
    for name, count in result.violations.most_common():
        lines.append(f"  VIOLATED {count:,} times: {name}. {result.sentences[name]}")
        lines += [f"      {number}. {what}" for number, what in enumerate(result.paths[name])]
    return "\n".join(lines)


def is_good(result: Result) -> bool:
    """Tell whether the search came to its end with nothing violated."""
    return result.closed and not result.violations and result.longest_silence_ns <= SILENCE_TO_NEUTRAL_NS


def properties() -> str:
    """Return every property with its sentence."""
    found = {judged.name: judged for kind in ON_EVENTS.values() for judged in kind}
    found |= {judged.name: judged for judged in (*ON_DECISIONS, FRESH, RANGE_FIRST, FROM_NEUTRAL, RAISED)}
    return "\n".join(f"- {judged.name}: {judged.sentence}" for judged in found.values())


def _name(result: Result) -> str:
    return "gate, headless" if result.headless else "gate"
