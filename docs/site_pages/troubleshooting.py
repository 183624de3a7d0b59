"""All that the doctor may find, read from the code that says it, so that there is no second list to keep true.

A finding is a call of ``error`` or ``warning`` in a check of ``car/doctor`` or of a kind. Its texts are taken from the
call as they stand there; what is known only on a car, such as a temperature, becomes an ellipsis.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from car.arming import ADVICE
from car.doctor.examination import CHECKS, Check
from car.gate import ArmRefusal, TripReason
from car.kinds.ours import CAMERAS, DRIVETRAINS, PILOTS, SENSORS
from car.kinds.registry import Registry

UNKNOWN = "…"
MARKS = {"error": "✗", "warning": "!"}
KINDS: dict[str, Registry[Any]] = {"camera": CAMERAS, "sensors": SENSORS, "drivetrain": DRIVETRAINS, "pilot": PILOTS}
"""The checks that also ask a car's own kinds."""
COMMAND = re.compile(r"[a-z_\[/][\w./-]*( |$)|\[")
"""How a fix begins that is typed or written as it is; the others are sentences."""

PIP = "pip install"
"""What stands for the line that the doctor prints with the path of the car's own pip."""

BEFORE_ARMING: dict[ArmRefusal, str] = {
    **ADVICE,
    ArmRefusal.NO_FRAME: "Look at the camera's cable, and ask `car doctor`, which lists the cameras.",
    ArmRefusal.NO_DRIVER: "Open the car's page, or hold a gamepad's shoulder button: a driver has to be there.",
    ArmRefusal.THROTTLE_NOT_NEUTRAL: "Take your thumb off the stick and your fingers off the keys. Then arm.",
    ArmRefusal.ALREADY_ARMED: "You can drive.",
    ArmRefusal.WHEELS_NOT_UP: "Put the car on a box, and tick that its wheels hang free.",
    ArmRefusal.NO_CONTROLS: "Wait some seconds. If it stays so, end the program with Ctrl-C and start it again.",
    ArmRefusal.NO_GUARD: "Wait some seconds. If it stays so, end the program with Ctrl-C and start it again.",
    ArmRefusal.NO_PILOT: "*Manual* needs no pilot. For the others, choose a model on the models page.",
    ArmRefusal.OBSTACLE: "Make room. If there is nothing, look at the sensor: it may see the floor or the car itself.",
    ArmRefusal.NO_RANGE: "Look at the sensor's wires and at `[obstacle]` in `car.toml`, and ask `car doctor`.",
}
"""What a person does about each refusal to arm; what the program itself advises is taken from it."""

AFTER_A_TRIP: dict[TripReason, str] = {
    TripReason.STOP: "Somebody pressed STOP: you, or one who watches. Look why before you arm again.",
    TripReason.STALE_FRAME: "Look at the camera's cable. On a Pi, also at the supply: a weak one crashes cameras.",
    TripReason.STALE_PILOT: "The pilot is too slow, or the machine too busy. `car doctor` times the pilot.",
    TripReason.LINK_LOST: "Keep the page open and in front, and stay near the car's wifi.",
    TripReason.FAULT: "The terminal of `car drive` says which part, and why.",
    TripReason.STALLED: "The machine was too busy. End other programs, and ask `car doctor` for real-time priority.",
    TripReason.CLOCK: "Start the car again. If it comes back, report it with the output of `car doctor --json`.",
    TripReason.CONTROLS_LOST: "The page comes back by itself; then arm again.",
    TripReason.GUARD_LOST: "End the program with Ctrl-C and start it again.",
    TripReason.OBSTACLE: "Take it away, or turn the car around.",
    TripReason.RANGE_LOST: "Look at the sensor's wires and at `[obstacle]` in `car.toml`, and ask `car doctor`.",
    TripReason.ENCODER_LOST: "Look at the encoder's wires and at `[speed]` in `car.toml`, and ask `car doctor`.",
    TripReason.NO_MOTION: "Free the wheels. If they turned, look at the encoder's wires, its magnet or its disc.",
    TripReason.WRONG_WAY: "Write `inverted = true` into the encoder's section of `car.toml`, or take it out there.",
}
"""What a person does about each trip."""

Finding = tuple[str, str, str]
"""Level, text and fix."""


def render_findings() -> str:
    """Return every check, group by group, with all that it may find; checks that only tell are left out."""
    parts: list[str] = []
    for group, checks in groupby(CHECKS, key=lambda check: check.group):
        parts.append(f"### {group}\n")
        for check in checks:
            if found := findings(check):
                where = " Only on a Raspberry Pi." if check.pi_only else ""
                parts += [f"({check.name})=", f"#### {check.title}\n", f"{inspect.getdoc(check.run)}{where}\n"]
                parts += [f"- **{MARKS[level]} {_plain(text)}**\\\n  → {_fix(fix)}" for level, text, fix in found]
                parts.append("")
    return "\n".join(parts)


def render_refusals() -> str:
    """Return why a car does not arm, and what to do."""
    return _table((reason, BEFORE_ARMING[reason]) for reason in ArmRefusal)


def render_trips() -> str:
    """Return why a car stopped by itself, and what to do."""
    return _table((reason, AFTER_A_TRIP[reason]) for reason in TripReason)


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = "\n".join(f"| {reason} | {advice} |" for reason, advice in rows)
    return f"| it says | what you do |\n|---|---|\n{lines}\n"


def findings(check: Check) -> list[Finding]:
    """Return what a check may find, in the order of its code, each once."""
    found = list(_found_in(check.run, set()))
    if (registry := KINDS.get(check.name)) is not None:
        for kind in map(registry.find, registry.names()):
            if not kind.package:
                found += _found_in(type(kind).check, set())
    return list(dict.fromkeys(each for each in found if each[1].strip(f" .{UNKNOWN}")))


def _found_in(function: Callable[..., Any], seen: set[str]) -> Iterator[Finding]:
    names = inspect.unwrap(function).__globals__
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    seen.add(function.__name__)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name in MARKS and len(call.args) == 2:
            text, fix = (_text(argument, names, tree) for argument in call.args)
            yield name, text, fix
        elif name not in seen and inspect.isfunction(names.get(name)) and names[name].__module__ == function.__module__:
            yield from _found_in(names[name], seen)


def _text(node: ast.expr, names: dict[str, Any], function: ast.AST) -> str:
    """Return what an expression says, with an ellipsis for what only a car can tell."""
    known = _evaluate(node, names)
    if known is not None:
        return known
    match node:
        case ast.JoinedStr(values):
            return "".join(_text(value, names, function) for value in values)
        case ast.FormattedValue(value):
            return _text(value, names, function)
        case ast.Attribute(attr="pip"):
            return PIP
        case ast.IfExp(body=body):
            return _text(body, names, function)
        case ast.Name(name) if (given := _assigned(name, node.lineno, function)) is not None:
            return _text(given, names, function)
        case ast.Call(ast.Name(name), arguments) if inspect.isfunction(names.get(name)):
            return _called(names[name], [_text(argument, names, function) for argument in arguments])
    return UNKNOWN


def _evaluate(node: ast.expr, names: dict[str, Any]) -> str | None:
    """Return what an expression of constants says, None where it has others in it."""
    whole = ast.JoinedStr([node]) if isinstance(node, ast.FormattedValue) else node
    try:
        code = compile(ast.fix_missing_locations(ast.Expression(whole)), "", "eval")
        value = eval(code, dict(names))  # noqa: S307 - an expression of our own source, in its own module
    except Exception:  # noqa: BLE001 - whatever it lacks, only a car has it
        return None
    return value if isinstance(value, str) else f"{value}" if isinstance(value, int | float) else None


def _assigned(name: str, line: int, function: ast.AST) -> ast.expr | None:
    """Return what a local name was given last before a line, None if it was no text."""
    given = [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        and node.lineno < line
        and [ast.unparse(each) for each in node.targets] == [name]
    ]
    return given[-1] if given and isinstance(given[-1], ast.Constant | ast.JoinedStr | ast.Subscript) else None


def _called(function: Callable[..., Any], arguments: list[str]) -> str:
    try:
        value = function(*arguments)
    except Exception:  # noqa: BLE001 - as above
        return UNKNOWN
    return value if isinstance(value, str) else UNKNOWN


def _fix(fix: str) -> str:
    return f"`` {fix} ``" if COMMAND.match(fix) else _plain(fix)


def _plain(text: str) -> str:
    return re.sub(r"(?<!`)([*_<\[])(?!`)", r"\\\1", text)
