"""Nothing reaches the wheels around the gate: ``Drivetrain.apply`` is called from one place."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("car", "hardware", "models", "simulator", "training")
DRIVE_LOOP = "car/drive_loop.py: DriveLoop.step"
CHECKER = "hardware/drivetrain.py: _DrivetrainCheck."
"""Tries out a new drivetrain on somebody's bench; no program calls it."""


def mentions_of_apply(tree: ast.AST, where: str = "") -> Iterator[str]:
    """Yield the class and function around each mention of ``apply``, called, passed on or looked up by name."""
    for node in ast.iter_child_nodes(tree):
        inner = where
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            inner = f"{where}.{node.name}" if where else node.name
        if (isinstance(node, ast.Attribute) and node.attr == "apply") or (
            isinstance(node, ast.Constant) and node.value == "apply"
        ):
            yield inner
        yield from mentions_of_apply(node, inner)


def drivetrain_classes(trees: dict[str, ast.Module]) -> set[str]:
    """Return the names of all classes that are drivetrains, directly or by way of another one."""
    names = {"Drivetrain"}
    classes = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for _ in classes:
        names |= {node.name for node in classes if {ast.unparse(base).split(".")[-1] for base in node.bases} & names}
    return names


def uses(trees: dict[str, ast.Module]) -> list[str]:
    """Return each use of an ``apply`` outside the drivetrains' own classes, which may pass one on or build on it."""
    drivetrains = drivetrain_classes(trees)
    return [
        f"{path}: {where}"
        for path, tree in trees.items()
        for where in mentions_of_apply(tree)
        if where.split(".")[0] not in drivetrains
    ]


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in paths}


def test_the_drive_loop_alone_calls_apply(trees: dict[str, ast.Module]) -> None:
    assert {"car/gate.py", "hardware/drivetrain.py"} <= trees.keys()
    assert [use for use in uses(trees) if not use.startswith(CHECKER)] == [DRIVE_LOOP]


def test_no_program_calls_the_checker(trees: dict[str, ast.Module]) -> None:
    names = ("check_drivetrain", "_DrivetrainCheck")
    mentions = [
        path
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Name) and node.id in names)
        or (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.alias) and node.name in names)
    ]
    # The kinds pass it on to whoever writes a plug-in; nothing of the car's own calls it.
    assert set(mentions) == {"hardware/drivetrain.py", "car/kinds/__init__.py"}


def test_every_way_around_the_gate_would_be_seen() -> None:
    sneaky = """
class Honest(Drivetrain):
    def neutral(self): self.apply(NEUTRAL)
class Heir(hardware.Honest):
    def close(self): super().apply(NEUTRAL)
class Web:
    def button(self): self.drivetrain.apply(FULL)
def shortcut(drivetrain):
    go = drivetrain.apply
    getattr(drivetrain, "apply")(FULL)
"""
    assert uses({"web.py": ast.parse(sneaky)}) == ["web.py: Web.button", "web.py: shortcut", "web.py: shortcut"]
