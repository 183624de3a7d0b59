"""The doctor's report in the terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from itertools import groupby

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from car.doctor.report import Finding, Report
from car.kinds.verdict import Level
from car.terminal.console import console

_MARKS = {Level.OK: ("✓", "green"), Level.WARNING: ("!", "bold yellow"), Level.ERROR: ("✗", "bold red")}
_INDENT = (0, 0, 0, 2)


@contextlib.contextmanager
def examining(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show which check is running; yields the function to be told."""
    if quiet or not console.is_terminal:
        yield lambda _title: None
        return
    with console.status("") as status:
        yield lambda title: status.update(f"looking at: {title}")


def show_report(report: Report) -> None:
    """Print the report, group by group, and what it comes to."""
    console.print(Text.assemble((report.car, "bold"), f" on {report.machine}"))
    title_width = max(len(finding.title) for finding in report.findings)
    for group, findings in groupby(report.findings, key=lambda finding: finding.group):
        console.print()
        console.print(Text(group, style="bold"))
        console.print(Padding(_table(list(findings), title_width), _INDENT))
    console.print()
    console.print(_summary(report), highlight=False)


def _table(findings: list[Finding], title_width: int) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column()
    table.add_column(width=title_width)
    table.add_column(overflow="fold")
    for finding in findings:
        mark, style = _MARKS[finding.level]
        table.add_row(Text(mark, style=style), Text(finding.title, style="dim"), Text(finding.text))
        if finding.fix:
            table.add_row("", "", Text(f"→ {finding.fix}", style="cyan"))
    return table


def _summary(report: Report) -> Text:
    errors, warnings = report.count(Level.ERROR), report.count(Level.WARNING)
    counts = ", ".join(_count(number, word) for number, word in ((errors, "error"), (warnings, "warning")) if number)
    if not counts:
        return Text("All is well. Drive!", style="bold green")
    if not errors:
        return Text(f"{counts}: the car drives, but could be better.", style="bold yellow")
    return Text(f"{counts}: follow the arrows from the top, then run `car doctor` again.", style="bold red")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
