"""Checks a ``.tflite`` file before it may drive: a model that runs, or one sentence that says why it does not.

A card is a zip entry at the end of the file, beside any other associated files that TFLite tools have put there:
https://ai.google.dev/edge/litert/models/metadata
"""

from __future__ import annotations

import hashlib
import io
import lzma
import os
import struct
import tempfile
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

from models.contract import CARD_ENTRY, MAX_MODEL_BYTES, ModelCard
from models.errors import ModelError
from models.runner import Model
from models.runtime import open_interpreter, try_out

MAGIC = b"TFL3"
DAMAGED = "the file is damaged. Copy it again, or export the model again."
OTHER_MODELS = {
    "Keras's .h5": (b"\x89HDF\r\n\x1a\n", b""),
    "Keras's .keras": (b"PK\x03\x04", b"model.weights.h5"),
    "PyTorch's .pth": (b"PK\x03\x04", b"/data.pkl"),
    "a pickle, as PyTorch's older .pth": (b"\x80", b"torch"),
}
"""What else a Donkey Car writes as a model: how it begins, and what is in it."""
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)


def load_model(path: Path, runtime: str = "", *, tried_sha256: str = "") -> Model:
    """Load the pilot model in the file ``path``, for the first TFLite runtime that is installed or the one named.

    ``tried_sha256`` is the SHA-256 of the whole file if it has been tried out already, in a process of its own; another
    file is refused then. Raises ModelError when there is no such file, it is no TFLite model or a damaged one, its
    inputs and outputs are not those of ``models.contract``, its card is of another model, or no TFLite runtime is
    installed. A file without a card is loaded, with a warning.
    """
    try:
        whole = _read(path)
        if tried_sha256 not in ("", hashlib.sha256(whole).hexdigest()):
            raise ModelError("the file has changed since it was checked. Try again.")
        content, entries = _split(whole)
        card = _find_card(entries)
        _check_hash(content, card)
        if not tried_sha256 and (card is None or not card.model_sha256):
            # Nothing vouches for these bytes, and the runtimes crash on damaged ones.
            try_out(content)
        model = Model(path.name, open_interpreter(content, runtime), card)
        if card is not None and (card.height, card.width) != (model.height, model.width):
            raise ModelError(
                f"The model takes frames of {model.width}x{model.height} but its card says {card.width}x{card.height}. "
                "Export it again."
            )
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    return model


def read_card(path: Path) -> ModelCard | None:
    """Return the card in the model file ``path``, or None when it has none.

    Needs no TFLite runtime. Raises ModelError when the file is no model or is damaged.
    """
    try:
        content, entries = _split(_read(path))
        card = _find_card(entries)
        _check_hash(content, card)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    return card


def append_card(path: Path, card: ModelCard) -> ModelCard:
    """Put ``card`` into the model file ``path`` in place of the one it has; other associated files stay.

    Returns the card as it is in the file now, which is with the model's hash.

    The file is replaced in one step: a power cut leaves the old one or the new one. Raises ModelError when the file
    is no model, OSError when it cannot be written.
    """
    try:
        content, entries = _split(_read(path))
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    card = replace(card, model_sha256=hashlib.sha256(content).hexdigest())
    entries[CARD_ENTRY] = card.to_json().encode()
    whole = io.BytesIO(content)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:
        for name, data in entries.items():
            # A fixed date: the same card on the same model gives the same bytes.
            archive.writestr(zipfile.ZipInfo(name), data)
    _write_at_once(path, whole.getvalue())
    return card


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_MODEL_BYTES + 1)
    except FileNotFoundError as error:
        raise ModelError("there is no such file. Train a model with `car train`, or correct the path.") from error
    except OSError as error:
        raise ModelError(f"the file cannot be read ({error.strerror}). Give the path of a .tflite file.") from error
    if len(content) > MAX_MODEL_BYTES:
        raise ModelError(f"the file is larger than {MAX_MODEL_BYTES} bytes. Give the path of a pilot model.")
    if content[4:8] != MAGIC:
        raise ModelError(_not_tflite(content))
    return content


def _not_tflite(content: bytes) -> str:
    """Return in words what a file is that is no TFLite model."""
    for kind, mark in OTHER_MODELS.items():
        # A zip names what is in it at its end.
        if content.startswith(mark[0]) and mark[1] in content:
            return (
                f"this is not a TFLite model but {kind}. Give the .tflite file that Donkey Car writes beside it with "
                "CREATE_TF_LITE = True, or train with `car train`."
            )
    return "this is not a TFLite model. Export it with `car train`, or give the path of a .tflite file."


def _split(content: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Return the model without its associated files, and those by name."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        if CARD_ENTRY.encode() in content:
            raise ModelError(DAMAGED)
        return content, {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = archive.infolist()
            if sum(info.file_size for info in infos) > MAX_MODEL_BYTES:
                raise ModelError(DAMAGED)
            entries = {info.filename: archive.read(info) for info in infos}
    except _ZIP_ERRORS as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(DAMAGED) from error
    return content[: min((info.header_offset for info in infos), default=archive.start_dir)], entries


def _find_card(entries: dict[str, bytes]) -> ModelCard | None:
    if CARD_ENTRY not in entries:
        return None
    return ModelCard.from_json(entries[CARD_ENTRY].decode(errors="replace"))


def _check_hash(content: bytes, card: ModelCard | None) -> None:
    if card is not None and card.model_sha256 not in ("", hashlib.sha256(content).hexdigest()):
        raise ModelError(DAMAGED)


def _write_at_once(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
