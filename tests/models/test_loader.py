"""A model file is loaded, or refused with one sentence that helps."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import contract, loader, runtime
from models.contract import CARD_ENTRY, ModelCard, TrainingSession
from models.errors import ModelError
from models.loader import append_card, load_model, read_card
from tests.models.make_models import HEIGHT, WIDTH

CARD = ModelCard(
    name="good",
    height=HEIGHT,
    width=WIDTH,
    camera={"fov_deg": 100.0, "lens": "rectilinear"},
    sessions=(TrainingSession("monday", "ab" * 32, 1200),),
    split="by time",
    metrics={"steering": {"mae": 0.1}},
    command="car train",
)


@pytest.fixture
def model_file(tiny_models: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(tiny_models / "good.tflite", tmp_path / "pilot.tflite"))


def lit(left: int, right: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = np.full((HEIGHT, WIDTH, 3), left, np.uint8)
    image[:, WIDTH // 2 :] = right
    return image


def refusal(path: Path) -> str:
    """Return why ``path`` is refused, having checked that it is one line, names the file and says what to do."""
    with pytest.raises(ModelError) as caught:
        load_model(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    assert message.rstrip(".").count(". ") >= 1
    return message


def test_a_model_answers_by_name_whatever_the_order_of_its_outputs(model_file: Path) -> None:
    model = load_model(model_file)
    assert (model.height, model.width) == (HEIGHT, WIDTH)
    assert model.run(lit(0, 255)) == pytest.approx((1.0, 0.5), abs=1e-5)
    assert model.run(lit(255, 0)) == pytest.approx((-1.0, 0.5), abs=1e-5)
    assert model.run(lit(51, 51)) == pytest.approx((0.0, 0.2), abs=1e-5)


def test_an_image_that_is_a_view_gives_what_its_copy_gives(model_file: Path) -> None:
    model = load_model(model_file)
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    assert model.run(image[:, ::-1]) == model.run(image[:, ::-1].copy())


def test_each_run_tells_how_long_the_network_took(model_file: Path) -> None:
    model = load_model(model_file)
    model.invoke_ns = 0
    model.run(lit(0, 0))
    assert 0 < model.invoke_ns < 1_000_000_000


def test_a_model_without_a_card_is_loaded_with_a_warning(model_file: Path) -> None:
    model = load_model(model_file)
    assert model.card is None
    assert len(model.warnings) == 1
    assert "card" in model.warnings[0]
    assert read_card(model_file) is None


def test_a_card_survives_the_round_trip_and_the_model_still_loads(model_file: Path) -> None:
    written = append_card(model_file, CARD)
    assert replace(written, model_sha256="") == CARD
    assert read_card(model_file) == written
    model = load_model(model_file)
    assert model.card == written
    assert model.warnings == ()
    assert model.run(lit(0, 255)) == pytest.approx((1.0, 0.5), abs=1e-5)


def test_a_new_card_replaces_the_old_one(model_file: Path) -> None:
    append_card(model_file, CARD)
    size = model_file.stat().st_size
    append_card(model_file, replace(CARD, name="best"))
    assert model_file.stat().st_size == size
    card = read_card(model_file)
    assert card is not None
    assert card.name == "best"
    with zipfile.ZipFile(model_file) as archive:
        assert archive.namelist() == [CARD_ENTRY]


def test_the_same_card_gives_the_same_bytes(model_file: Path) -> None:
    append_card(model_file, CARD)
    first = model_file.read_bytes()
    append_card(model_file, CARD)
    assert model_file.read_bytes() == first


def test_other_associated_files_stay(model_file: Path) -> None:
    with zipfile.ZipFile(model_file, "a") as archive:
        archive.writestr("labels.txt", "left\nright\n")
    append_card(model_file, CARD)
    append_card(model_file, CARD)
    with zipfile.ZipFile(model_file) as archive:
        assert sorted(archive.namelist()) == ["labels.txt", CARD_ENTRY]
        assert archive.read("labels.txt") == b"left\nright\n"
    assert load_model(model_file).card is not None


def test_a_failed_write_leaves_the_old_file_and_nothing_else(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = model_file.read_bytes()

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        append_card(model_file, CARD)
    assert model_file.read_bytes() == before
    assert list(model_file.parent.iterdir()) == [model_file]


def test_a_missing_file(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "gone.tflite")


def test_a_folder(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x1c\0\0\0TFL", b"PK\x03\x04 not a model", bytes(100)])
def test_something_that_is_no_model(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "pilot.tflite"
    path.write_bytes(content)
    assert "not a TFLite model" in refusal(path)
    with pytest.raises(ModelError, match="not a TFLite model"):
        append_card(path, CARD)


def test_a_file_that_is_far_too_large(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "MAX_MODEL_BYTES", 1000)
    assert "larger than 1000 bytes" in refusal(model_file)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("renamed_outputs", "outputs are named angle, throttle; they must be steering, throttle"),
        ("renamed_input", "inputs are named img_in; they must be image"),
        ("float_input", "input image is float32"),
        ("batch_of_two", "(2, 24, 32, 3)"),
        ("fifteen_steerings", "output steering is float32 of shape (1, 15)"),
    ],
)
def test_a_model_that_breaks_the_contract(name: str, reason: str, tiny_models: Path) -> None:
    assert reason in refusal(tiny_models / f"{name}.tflite")


def test_a_card_of_a_model_for_other_frames(model_file: Path) -> None:
    append_card(model_file, replace(CARD, height=120, width=160))
    assert "its card says 160x120" in refusal(model_file)


def test_a_card_from_the_future(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append_card(model_file, replace(CARD, schema_version=contract.SCHEMA_VERSION + 1))
    assert "Update Pocketpilot" in refusal(model_file)


def test_a_runtime_that_crashes_on_the_model_takes_nobody_with_it(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashing = tmp_path / "python"
    crashing.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crashing.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(crashing))
    assert "crashes the TFLite runtime" in refusal(model_file)


def test_a_runtime_that_never_answers(model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(hanging))
    monkeypatch.setattr(runtime, "CHECK_TIMEOUT_S", 0.2)
    assert "did not answer" in refusal(model_file)


def test_a_model_with_a_card_needs_no_check(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append_card(model_file, CARD)
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert load_model(model_file).card is not None


def test_no_runtime_installed(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append_card(model_file, CARD)
    monkeypatch.setattr(runtime, "PACKAGES", ("no_such_runtime.interpreter",))
    assert 'pip install "ai-edge-litert' in refusal(model_file)


def test_a_folder_named_models_where_the_user_stands_is_not_taken_for_ours(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("raise RuntimeError('not this one')")
    monkeypatch.chdir(tmp_path)
    assert load_model(model_file).height == HEIGHT


def test_a_changed_byte_is_found_by_the_hash_in_the_card(model_file: Path) -> None:
    size = model_file.stat().st_size
    append_card(model_file, CARD)
    content = model_file.read_bytes()
    damaged = model_file.with_name("damaged.tflite")
    for position in range(8, size, 97):
        changed = bytearray(content)
        changed[position] ^= 0x10
        damaged.write_bytes(changed)
        assert "damaged" in refusal(damaged)


def test_a_card_that_is_cut_off_is_not_taken_for_none(model_file: Path) -> None:
    append_card(model_file, CARD)
    content = model_file.read_bytes()
    model_file.write_bytes(content[:-40])
    assert "damaged" in refusal(model_file)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_damaged_file_with_a_card_is_refused_or_is_still_the_model(tiny_models: Path, data: st.DataObject) -> None:
    path = tiny_models / "fuzzed_card.tflite"
    shutil.copy(tiny_models / "good.tflite", path)
    append_card(path, CARD)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        # A cut that takes the whole card leaves a model without one, which the next test is about.
        del content[data.draw(st.integers(content.find(b"PK\x03\x04") + 60, len(content) - 1)) :]
    else:
        positions = st.integers(8, len(content) - 1)
        for position, value in data.draw(st.dictionaries(positions, st.integers(0, 255), max_size=8)).items():
            content[position] = value
    path.write_bytes(content)
    try:
        model = load_model(path)
    except ModelError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert model.run(lit(0, 255)) == pytest.approx((1.0, 0.5), abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_damaged_file_without_a_card_never_crashes_the_process(tiny_models: Path, data: st.DataObject) -> None:
    content = bytearray((tiny_models / "good.tflite").read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    for position in data.draw(st.lists(st.integers(0, max(0, len(content) - 1)), max_size=3)):
        content[position : position + 1] = bytes([data.draw(st.integers(0, 255))])
    path = tiny_models / "fuzzed_bare.tflite"
    path.write_bytes(content)
    try:
        load_model(path)
    except ModelError as error:
        assert "\n" not in str(error)  # noqa: PT017
