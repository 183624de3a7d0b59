"""The settings in somebody else's Python file, read from its syntax: nothing in it is run.

Taken are assignments at the file's top: literals, names of settings before them, and sums, differences, products and
quotients of such numbers.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from car.errors import ConfigError
from car.files import reason

MAX_BYTES = 1_000_000
MAX_NUMBER = 1e12
"""No setting is as large, and larger ones take long to print or are no numbers."""

_OPERATIONS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What is set, by name: in ``values`` where it could be read, else in ``unread`` with its place."""

    values: dict[str, Any] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


class _Unread(Exception):
    """An expression is not one whose value can be told without running it."""


def read_settings(paths: Iterable[Path]) -> Settings:
    """Return the settings in the Python files ``paths``; a later one's take the place of an earlier one's.

    Raises ConfigError when one cannot be read, or is not Python.
    """
    settings = Settings()
    for path in paths:
        for statement in _parse(path).body:
            _read(statement, settings, path)
    return settings


def _parse(path: Path) -> ast.Module:
    content = _content_of(path)
    try:
        with warnings.catch_warnings():
            # What Python says of a stranger's habits is of no use to the reader.
            warnings.simplefilter("ignore")
            return ast.parse(content)
    except SyntaxError as error:
        where = f"line {error.lineno}: {error.msg}" if error.lineno else f"{error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        where = " ".join(str(error).split()) or type(error).__name__
    raise ConfigError(f"{path} is not Python ({where}). Give the path of a Donkey Car's myconfig.py.")


def _content_of(path: Path) -> bytes:
    advice = "Give the path of a Donkey Car's myconfig.py."
    try:
        if not path.exists():
            raise ConfigError(f"There is no {path}. {advice}")
        if not path.is_file():
            raise ConfigError(f"{path} is not a file. {advice}")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({reason(error)}). {advice}") from error
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_BYTES // 1000} kB. {advice}")
    return content


def _read(statement: ast.stmt, settings: Settings, path: Path) -> None:
    """Take what a statement sets; what is set in a way that cannot be told is not known any more."""
    match statement:
        case ast.Assign(targets=targets, value=value) if all(isinstance(target, ast.Name) for target in targets):
            names = [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            names = [name]
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=key)], value=value) if isinstance(
            settings.values.get(name), dict
        ):
            names, value = [name], _with_entry(name, key, value)
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.ClassDef():
            return
        case _:
            names, value = sorted(_names_set_in(statement)), ast.Constant(...)
    try:
        known = _value_of(value, settings.values)
    except (_Unread, ArithmeticError, RecursionError, TypeError):
        for name in names:
            settings.values.pop(name, None)
            settings.unread[name] = f"{path.name}, line {statement.lineno}"
        return
    for name in names:
        settings.unread.pop(name, None)
        settings.values[name] = known


def _with_entry(name: str, key: ast.expr, value: ast.expr) -> ast.expr:
    """Return the dictionary ``name`` with an entry more."""
    return ast.Dict(keys=[None, key], values=[ast.Name(id=name), value])


def _names_set_in(statement: ast.stmt) -> set[str]:
    """Return the names that a statement sets, or whose content it changes, as by calling their methods."""
    return {
        node.id
        for part in ast.walk(statement)
        if (isinstance(part, ast.Name | ast.Subscript | ast.Attribute) and isinstance(part.ctx, ast.Store | ast.Del))
        or (isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute))
        for node in ast.walk(part.func if isinstance(part, ast.Call) else part)
        if isinstance(node, ast.Name)
    }


def _value_of(node: ast.expr, known: Mapping[str, Any]) -> Any:
    """Return the value of an expression; raises _Unread, and whatever its arithmetic raises."""
    match node:
        case ast.Constant(value=bool() | str() | None as value):
            return value
        case ast.Constant(value=int() | float() as value):
            return _number(value)
        case ast.Name(id=name) if name in known:
            return known[name]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            value = _number(_value_of(operand, known))
            return -value if isinstance(sign, ast.USub) else value
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            return _number(_OPERATIONS[type(op)](_number(_value_of(left, known)), _number(_value_of(right, known))))
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_value_of(element, known) for element in elements]
        case ast.Dict(keys=keys, values=values):
            table: dict[str, Any] = {}
            for key, entry in zip(keys, values, strict=True):
                table |= _value_of(entry, known) if key is None else {_key(key): _value_of(entry, known)}
            return table
    raise _Unread


def _key(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise _Unread


def _number(value: Any) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MAX_NUMBER:
        return value
    raise _Unread
