"""When, by the car's clock, a browser sampled what it sends.

A browser stamps each sample with its own clock. The car needs the sample's age, and the time of arrival does not give
it: a network that stalls for two seconds delivers two seconds of old commands as if they were fresh. Between two
clocks there is an offset, and every packet says something about it::

    car time of sending  ≤  car time of arrival       so  offset ≤ arrival − client time, for every packet
    the car sent a ping before the client answered    so  offset ≥ time of the ping − client time of its pong

The least upper bound of the last ``WINDOW_NS`` is the estimate (minimum offset: it errs by the fastest packet's time on
the way, as in Cristian's algorithm and NTP's clock filter, RFC 5905 section 10), never later than the arrival. Alone it
would believe the first packet of a backlog on a new connection. So nothing counts until a pong has come back, nor while
the two bounds are further apart than ``MAX_DOUBT_NS``: a sample is never older than it is taken for by more than that.
A window that moves on follows clocks that drift or have slept.
"""

from __future__ import annotations

from collections import deque

from hardware.clock import NS_PER_MS, NS_PER_S

WINDOW_NS = 10 * NS_PER_S
"""Clocks drift by less than 0.1 %, that is by less than 10 ms in this time."""
MAX_DOUBT_NS = 200 * NS_PER_MS
"""With the 300 ms for which a command is valid this makes the 500 ms after which the car stands at the latest."""
SLACK_NS = 20 * NS_PER_MS
"""By so much the bounds may cross: clocks drift within the window, and browsers round theirs."""
MAX_PINGS = 16


class ClientClock:
    """Estimates one client's clock from its packets; a new connection has a new one.

    >>> client = ClientClock()
    >>> identity = client.ping(now_ns=5_000_000)
    >>> client.pong(identity, client_ns=700_000_000, arrived_ns=9_000_000)
    >>> client.sampled_ns(client_ns=720_000_000, arrived_ns=31_000_000)   # 2 ms before it arrived
    29000000
    """

    def __init__(self) -> None:
        self._upper = _WindowedMinimum()
        self._lower = _WindowedMinimum()
        self._pings: dict[int, int] = {}
        self._next_ping = 1
        self.round_trip_ns: int | None = None

    def ping(self, now_ns: int) -> int:
        """Return the number of a ping that is sent at ``now_ns``."""
        number, self._next_ping = self._next_ping, self._next_ping + 1
        self._pings[number] = now_ns
        if len(self._pings) > MAX_PINGS:
            self._pings.pop(min(self._pings))
        return number

    def pong(self, number: int, client_ns: int, arrived_ns: int) -> None:
        """Take note of the answer to ping ``number``, given at ``client_ns`` by the client's clock."""
        sent_ns = self._pings.pop(number, None)
        if sent_ns is None:
            return
        self.round_trip_ns = arrived_ns - sent_ns
        # Of the lower bounds the greatest counts.
        self._lower.add(client_ns - sent_ns, arrived_ns)
        self._see(client_ns, arrived_ns)

    def sampled_ns(self, client_ns: int, arrived_ns: int) -> int | None:
        """Return the car's time of a sample that arrives at ``arrived_ns``, or None while the clock is not known."""
        self._see(client_ns, arrived_ns)
        upper, lower = self._upper.least(arrived_ns), self._lower.least(arrived_ns)
        if upper is None or lower is None or upper + lower > MAX_DOUBT_NS:
            return None
        return client_ns + upper

    def _see(self, client_ns: int, arrived_ns: int) -> None:
        self._upper.add(arrived_ns - client_ns, arrived_ns)
        upper, lower = self._upper.least(arrived_ns), self._lower.least(arrived_ns)
        if upper is not None and lower is not None and upper + lower < -SLACK_NS:
            # The bounds contradict each other: the client's clock was set. Only what comes from now on counts.
            self._upper, self._lower = _WindowedMinimum(), _WindowedMinimum()
            self._upper.add(arrived_ns - client_ns, arrived_ns)


class _WindowedMinimum:
    """The least of the last ``WINDOW_NS``'s values: only those are kept that will be the least one day."""

    def __init__(self) -> None:
        self._values: deque[tuple[int, int]] = deque()

    def add(self, value: int, now_ns: int) -> None:
        while self._values and self._values[-1][1] >= value:
            self._values.pop()
        self._values.append((now_ns, value))

    def least(self, now_ns: int) -> int | None:
        while self._values and now_ns - self._values[0][0] > WINDOW_NS:
            self._values.popleft()
        return self._values[0][1] if self._values else None
