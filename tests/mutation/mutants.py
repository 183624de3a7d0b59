"""Every small way to break a module: its syntax tree with one node replaced, always in the same order."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
NAMES = {"min": "max", "max": "min", "NEUTRAL": "Command(0.01, 0.01)"}
NOT_CODE = {"annotation", "returns", "decorator_list", "bases", "pattern"}
Way = tuple[tuple[str, int | None], ...]
"""From a node to one below it: the fields to go through, each with the position where it is a list."""


@dataclass(frozen=True)
class Mutant:
    """One way to break the module: ``name`` says where and how, ``make`` returns the broken tree."""

    name: str
    make: Callable[[], ast.Module]


def mutants(source: str) -> list[Mutant]:
    """Return all mutants of ``source``, each with a name of its own that a change elsewhere leaves as it is."""
    tree = ast.parse(source)
    # The members of an enum and the fields of the table of limits may be mistaken for each other.
    families = {node.name: _members(node) for node in tree.body if isinstance(node, ast.ClassDef)}
    seen: Counter[str] = Counter()
    found = []
    for place, way, node in _nodes(tree, "", ()):
        for new in _replacements(node, families):
            replacement = ast.copy_location(new, node)
            name = f"{place or 'module'}: {_text(node)} -> {_text(replacement)}"
            seen[name] += 1
            number = f" #{seen[name]}" if seen[name] > 1 else ""
            found.append(Mutant(name + number, partial(_broken, tree, way, replacement)))
    return found


def _broken(tree: ast.Module, way: Way, replacement: ast.AST) -> ast.Module:
    return ast.fix_missing_locations(cast(ast.Module, _replaced(tree, way, replacement)))


def _replaced(node: ast.AST, way: Way, replacement: ast.AST) -> ast.AST:
    """Return ``node`` with ``replacement`` at the end of ``way``; what is not on that way is shared, not copied."""
    if not way:
        return replacement
    (field, position), *rest = way
    value = getattr(node, field)
    changed: Any = _replaced(value if position is None else value[position], tuple(rest), replacement)
    if position is not None:
        changed = [*value[:position], changed, *value[position + 1 :]]
    broken = copy.copy(node)
    setattr(broken, field, changed)
    return broken


def _nodes(owner: ast.AST, place: str, way: Way) -> Iterator[tuple[str, Way, ast.AST]]:
    """Yield each node that is code, with the name of where it stands and the way to it from the root."""
    if isinstance(owner, ast.ClassDef | ast.FunctionDef):
        place = f"{place}.{owner.name}" if place else owner.name
    for field, value in ast.iter_fields(owner):
        if field in NOT_CODE:
            continue
        for position, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(node, ast.AST):
                onwards = (*way, (field, position))
                yield place, onwards, node
                yield from _nodes(node, place, onwards)


def _members(node: ast.ClassDef) -> list[str]:
    targets = [s.targets[0] if isinstance(s, ast.Assign) else getattr(s, "target", None) for s in node.body]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _replacements(node: ast.AST, families: dict[str, list[str]]) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left, [operator], comparators):
            yield from (ast.Compare(left, [other()], comparators) for other in COMPARISONS[type(operator)])
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
            yield from values
        case ast.UnaryOp(_, operand):
            yield operand
        case ast.BinOp(left, operator, right) if type(operator) in OPERATORS:
            yield ast.BinOp(left, OPERATORS[type(operator)](), right)
        case ast.IfExp(_, body, orelse):
            yield from (body, orelse)
        case ast.Constant(value):
            yield from (ast.Constant(other) for other in _other_values(value))
        case ast.Name(name, ast.Load()) if name in NAMES:
            yield ast.parse(NAMES[name], mode="eval").body
        case ast.Attribute(owner, name, ast.Load()):
            yield from (ast.Attribute(owner, other, ast.Load()) for other in _siblings(owner, name, families))
        case ast.comprehension(target, elements, [_, *_]):
            yield ast.comprehension(target, elements, [], 0)
        case ast.stmt():
            yield from _replaced_statements(node)
        case ast.match_case(pattern, guard, _):
            yield ast.match_case(pattern, guard, [ast.Pass()])


def _replaced_statements(node: ast.stmt) -> Iterator[ast.stmt]:
    match node:
        case ast.If(_, body, orelse):
            yield from (ast.If(ast.Constant(outcome), body, orelse) for outcome in (True, False))
        case ast.Return(value) if value is not None and not (isinstance(value, ast.Constant) and value.value is None):
            yield ast.Return(ast.Constant(None))
        case ast.Assign([ast.Tuple(targets)], ast.Tuple(values)):
            for left_out in range(len(targets)):
                kept = [pair for i, pair in enumerate(zip(targets, values, strict=True)) if i != left_out]
                names, numbers = (
                    ast.Tuple([pair[side] for pair in kept], [ast.Store(), ast.Load()][side]) for side in (0, 1)
                )
                yield ast.Assign([names], numbers)
        case ast.Assign([ast.Attribute()]) | ast.AugAssign() | ast.Expr(ast.Call()):
            yield ast.Pass()


def _other_values(value: object) -> tuple[bool | int | float, ...]:
    match value:
        case bool():
            return (not value,)
        case int():
            return (value + 1, value - 1)
        case float():
            return (value * 1.01, value * 0.99) if value else (0.01, -0.01)
        case _:
            return ()


def _siblings(owner: ast.expr, name: str, families: dict[str, list[str]]) -> list[str]:
    family = ast.unparse(owner).split(".")[-1]
    members = families.get("Limits" if family == "limits" else family, [])
    if name not in members:
        return []
    position = members.index(name)
    return list(dict.fromkeys((members[(position + 1) % len(members)], members[position - 1])))


def _text(node: ast.AST) -> str:
    lines = ast.unparse(node).strip().splitlines()
    return " ".join(line.strip() for line in lines[:2])
