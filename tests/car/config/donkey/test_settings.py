"""A stranger's Python file is read and never run; what cannot be told from its syntax is not guessed."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from car.config.donkey.settings import Settings, read_settings
from car.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "myconfig.py"


def read(file: Path, text: str) -> Settings:
    file.write_text(text, encoding="utf-8")
    return read_settings([file])


def test_literals_names_and_simple_arithmetic_are_read(file: Path) -> None:
    content = read(
        file,
        "DRIVE_LOOP_HZ = 20\n"
        "CAMERA_FRAMERATE = DRIVE_LOOP_HZ\n"
        "LEFT = 460 + 2 * -5\n"
        "HALF: float = LEFT / 4\n"
        "A = B = 'text'\n"
        "PINS = {'PIN': 'PCA9685.1:40.1', 'SCALE': 1.0, 'INVERTED': False}\n"
        "SIZES = [160, (120, 3)]\n"
        "NONE = None\n",
    )
    assert content.values == {
        "DRIVE_LOOP_HZ": 20,
        "CAMERA_FRAMERATE": 20,
        "LEFT": 450,
        "HALF": 112.5,
        "A": "text",
        "B": "text",
        "PINS": {"PIN": "PCA9685.1:40.1", "SCALE": 1.0, "INVERTED": False},
        "SIZES": [160, [120, 3]],
        "NONE": None,
    }
    assert content.unread == {}


def test_nothing_is_run(file: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    content = read(
        file,
        f"open({str(ran)!r}, 'w')\n"
        f"A = open({str(ran)!r}, 'w')\n"
        f"B = [open({str(ran)!r}, 'w') for _ in '1']\n"
        f"class C:\n    D = open({str(ran)!r}, 'w')\n"
        f"E: open({str(ran)!r}, 'w') = 1\n"
        "import antigravity_of_a_stranger\n",
    )
    assert not ran.exists()
    assert content.values == {"E": 1}
    assert content.unread == {"A": "myconfig.py, line 2", "B": "myconfig.py, line 3"}


@pytest.mark.parametrize(
    "line",
    [
        "A = int(os.getenv('A', 8887))",
        "A = UNKNOWN",
        "A = 1 / 0",
        "A = 9 ** 9",
        "A = 1 << 70",
        "A = 'x' * 10",
        "A = 1e999",
        "A = 10 ** 5 * 10",
        "A = 999999999999 * 999999999999",
        "A = {B: 1}",
        "A = {**B}",
        "A += 1",
        "A, B = 1, 2",
        "if True:\n    A = 2",
        "for A in range(3):\n    pass",
        "del A",
        "A.b = 3",
        "A = -'x'",
        "A = f'{1}'",
        "A = b'1'",
        "A = 1j",
    ],
)
def test_what_cannot_be_told_takes_away_what_was_known(line: str, file: Path) -> None:
    content = read(file, f"A = 1\n{line}\n")
    assert "A" not in content.values
    assert content.unread["A"] == "myconfig.py, line 2"


def test_an_entry_of_a_table_may_be_set_on_its_own(file: Path) -> None:
    content = read(file, "A = {'x': 1, 'y': 2}\nB = A\nA['x'] = 5\nC = {'x': 1}\nC['x'] = f()\n")
    assert content.values == {"A": {"x": 5, "y": 2}, "B": {"x": 1, "y": 2}}
    assert content.unread == {"C": "myconfig.py, line 5"}


def test_a_later_file_goes_before_an_earlier_one_and_knows_its_names(file: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.py"
    config.write_text("A = 1\nB = 2\nC = f()\n")
    file.write_text("B = A + 10\nC = 3\n")
    assert read_settings([config, file]) == Settings({"A": 1, "B": 11, "C": 3}, {})


def test_an_encoding_that_the_file_names_is_kept(file: Path) -> None:
    file.write_bytes("# -*- coding: latin-1 -*-\nA = 'ä'\n".encode("latin-1"))
    assert read_settings([file]).values == {"A": "ä"}
    file.write_bytes(b"\xef\xbb\xbfA = 1\r\nB = 2\r\n")
    assert read_settings([file]).values == {"A": 1, "B": 2}


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\0\0",
        b"A = 1\0",
        b"print 'Python 2'\n",
        b"A = '\xff'\n",
        b"A = " + b"(" * 5000,
        b"A = " + b"-" * 100_000 + b"1",
        b"A = " + b"1" * 5000,
        b"  A = 1\nB = 2\n",
    ],
)
def test_what_is_not_python_is_one_sentence(content: bytes, file: Path) -> None:
    file.write_bytes(content)
    with pytest.raises(
        ConfigError, match=r"is not Python \(.+\)\. Give the path of a Donkey Car's myconfig\.py\.$"
    ) as no:
        read_settings([file])
    assert "\n" not in str(no.value)


def test_python_that_warns_says_nothing(file: Path) -> None:
    file.write_bytes(b"A = '\\d'\nB = 1 is 1\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_settings([file]).values == {"A": "\\d"}


def test_a_huge_file_a_folder_and_none_at_all_are_one_sentence(file: Path, tmp_path: Path) -> None:
    file.write_bytes(b"#" * 1_000_001)
    for path, why in (
        (file, "larger than 1000 kB"),
        (tmp_path, "is not a file"),
        (tmp_path / "lost.py", "There is no"),
    ):
        with pytest.raises(ConfigError, match=why):
            read_settings([path])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    with pytest.raises(ConfigError, match="is not a file"):
        read_settings([tmp_path / "pipe.py"])


EXPRESSIONS = st.recursive(
    st.one_of(
        st.integers(-99, 99).map(repr),
        st.floats(-99, 99).map(repr),
        st.text("abc", max_size=3).map(repr),
        st.sampled_from(["A", "B", "None", "True", "[]"]),
    ),
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%", ","]), inner).map(
        lambda parts: f"[{' '.join(parts)}]" if parts[1] == "," else f"({' '.join(parts)})"
    ),
    max_leaves=5,
)


@given(lines=st.lists(st.tuples(st.sampled_from("ABC"), EXPRESSIONS).map(" = ".join), max_size=6))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_read_is_what_python_would_make_of_it(lines: list[str], file: Path) -> None:
    found = read(file, "\n".join(lines))
    python: dict[str, object] = {}
    try:
        exec("\n".join(lines), {"__builtins__": {}}, python)  # noqa: S102
    except (NameError, TypeError, ArithmeticError, ValueError):
        return
    assert {name: python[name] for name in found.values} == found.values
    assert python.keys() == found.values.keys() | found.unread.keys()
