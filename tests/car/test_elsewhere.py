"""A module that runs in a process of its own answers in JSON, or not at all, and harms nothing here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from car.elsewhere import NoAnswer, run_elsewhere


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]))
    return tmp_path / "a_module_of_this_test.py"


def test_the_answer_is_what_the_module_says(module: Path) -> None:
    module.write_text("import sys\nfrom car.elsewhere import answer\nanswer({'heard': sys.argv[1]})")
    assert run_elsewhere(module.stem, "wörds", 60) == {"heard": "wörds"}


@pytest.mark.parametrize("code", ["import os; os.abort()", "print('[1]')", "raise SystemExit(3)", "print('{')"])
def test_a_crash_or_nonsense_is_no_answer(module: Path, code: str) -> None:
    module.write_text(code)
    with pytest.raises(NoAnswer):
        run_elsewhere(module.stem, "", 60)


def test_who_takes_too_long_is_not_waited_for(module: Path) -> None:
    module.write_text("import time; time.sleep(3600)")
    with pytest.raises(TimeoutError):
        run_elsewhere(module.stem, "", 0.5)
