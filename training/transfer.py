"""The network of an earlier pilot, with what it learned, to go on from: read back out of its ``.tflite``.

A file in ``float32`` holds each weight to the bit, laid out otherwise. So nothing is kept beside a model, and those
that were trained before this was written, the pilot that ships among them, can be begun from too. Where the converter
has merged the scaling of the pixels into a first convolution, the weights are not what was learned. What was read is
believed when it gives the answers of the file.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from car.errors import TrainingError
from models.contract import MADE_BY, OUTPUTS, ModelCard, TrainingSession
from models.loader import load_model
from models.runner import Model
from training.backend import import_tensorflow
from training.dataset import Dataset
from training.export import TOLERANCE, network_values
from training.networks.steering import NetworkName, join, make_core, make_shrink
from training.split import Split, held_out_end

Array = NDArray[np.float32]
_CHECKED_FRAMES = 8
_UNREADABLE = (ValueError, IndexError, KeyError, TypeError, AttributeError, struct.error)
"""What reading a file raises that is built otherwise than ours."""


@dataclass(frozen=True, slots=True, eq=False)
class Earlier:
    """An earlier pilot: its Keras ``network``, which has no output for the uncertainty, and its ``card``.

    >>> from training.networks.steering import join, make_core, make_shrink
    >>> network = join(make_shrink(120, 160), make_core((60, 80, 3)))
    >>> Earlier(network, ModelCard("kitchen", 120, 160, model_sha256="5a5e25b6")).words
    'kitchen (5a5e25b6)'
    """

    network: Any
    card: ModelCard

    @property
    def words(self) -> str:
        """Which one it is, as a card says it."""
        return f"{self.card.name} ({self.card.model_sha256[:12]})"

    def check_fits(self, dataset: Dataset) -> None:
        """Raise TrainingError unless it takes the frames of ``dataset``."""
        card = self.card
        if (card.height, card.width) != (dataset.height, dataset.width):
            raise TrainingError(
                f"{card.name} takes frames of {card.width}x{card.height}, and these sessions have "
                f"{dataset.width}x{dataset.height}. Begin from another pilot, or leave out --from."
            )

    def learned_of(self, sha256: str) -> int:
        """Return how many frames it learned from in the recording of that hash."""
        return sum(session.frames for session in self.card.sessions if session.sha256 == sha256)

    def seen_test_frames(self, dataset: Dataset, split: Split) -> int:
        """Return how many of the test frames it may have learned from, for which a test of its heir would flatter."""
        seen = 0
        for recording, part in zip(dataset.recordings, split.test, strict=True):
            if learned := self.learned_of(recording.sha256):
                seen += len(np.setdiff1d(part, held_out_end(recording.captured_ns, self.card.split, learned)))
        return seen

    def with_its_sessions(self, sessions: Sequence[TrainingSession]) -> tuple[TrainingSession, ...]:
        """Return ``sessions``, those of its heir, and its own: what it learned from is no measure of either.

        Of one that both learned from, the greater number of frames counts.
        """
        merged: dict[str, TrainingSession] = {}
        for session in (*sessions, *self.card.sessions):
            known = merged.get(session.sha256)
            if known is None or session.frames > known.frames:
                merged[session.sha256] = session
        return tuple(merged.values())


def read_earlier(path: Path, network: NetworkName, *, binned: bool = False) -> Earlier:
    """Return the pilot in the file ``path``, which is to be of the same ``network``, with bins or without.

    Raises ModelError when the file is no pilot model, TrainingError when it is one of another network or another
    program's, its weights are not as they were learned, or it is recurrent.
    """
    model = load_model(path)
    card = _ours(path, model)
    _check_kind(path, card, network, binned=binned)
    shrink = make_shrink(model.height, model.width, network)
    core = make_core(shrink.output_shape[1:], network, binned=binned)
    pilot = join(shrink, core)
    try:
        _set_weights(core, path.read_bytes())
    except _UNREADABLE as error:
        raise TrainingError(
            f"{path} is not of the network {network} as it is trained here. Name its own network with --network, or "
            "leave out --from."
        ) from error
    frames = np.random.default_rng(0).integers(0, 256, (_CHECKED_FRAMES, model.height, model.width, 3), np.uint8)
    given = np.array([model.run(frame) for frame in frames])
    if not np.abs(network_values(pilot, frames) - given).max() <= TOLERANCE:
        raise TrainingError(
            f"The weights of {path} cannot be read back as they were learned. Begin from another pilot, or leave out "
            "--from."
        )
    return Earlier(pilot, card)


def _ours(path: Path, model: Model) -> ModelCard:
    card = model.card
    if model.donkey_type or card is None or MADE_BY in card.training:
        made = "a pilot of Donkey Car" if model.donkey_type else "a model of unknown origin"
        raise TrainingError(f"{path} is {made}, not one of `car train`. Begin from another pilot, or leave out --from.")
    return card


def _check_kind(path: Path, card: ModelCard, network: NetworkName, *, binned: bool) -> None:
    """Raise TrainingError when the card says that the model is another one than is to be trained.

    Cards of before say less, and then the weights have to tell.
    """
    told = card.training
    if told.get("network") == "recurrent":
        raise TrainingError(
            f"{path} is recurrent, and such weights cannot be read back from a file. Begin from another pilot, or "
            "leave out --from."
        )
    variant = told.get("variant", "float32")
    if variant != "float32":
        raise TrainingError(f"The weights of {path} were rounded to {variant}. Begin from a pilot in float32.")
    if told.get("network", network) != network:
        raise TrainingError(
            f"{path} is of the network {told['network']}, not {network}. Add --network {told['network']}."
        )
    if "loss" in told and (told["loss"] == "binned") != binned:
        has, advice = ("has no", "Leave out") if binned else ("has", "Add")
        raise TrainingError(f"{path} {has} bins of steering. {advice} --loss binned.")


def _set_weights(core: Any, content: bytes) -> None:
    """Give the layers of ``core`` the weights in a ``.tflite``; raises one of ``_UNREADABLE`` when they do not fit."""
    steering, throttle = (_chain(content, name) for name in OUTPUTS)
    layers = [layer for layer in core.layers if hasattr(layer, "kernel")]
    *trunk, last = [layer for layer in layers if layer.name != OUTPUTS[1]]
    if len(steering) < len(trunk) + 1:
        raise ValueError("there are too few layers")
    # Before the trunk there may be the shrinking, which is not learned.
    found = [*zip((*trunk, last), steering[-len(trunk) - 1 :], strict=True), (core.get_layer(OUTPUTS[1]), throttle[-1])]
    for layer, (kernel, bias) in found:
        weights = [_as_keras_has_it(kernel, layer.kernel.shape)]
        if layer.use_bias:
            weights.append(np.zeros(layer.bias.shape, np.float32) if bias is None else bias)
        layer.set_weights(weights)


def _as_keras_has_it(kernel: Array, shape: tuple[int, ...]) -> Array:
    """Return a kernel in Keras's layout: of a convolution filters come last, of a depthwise one a filter a channel."""
    if len(shape) == 4:
        return kernel[0][..., None] if shape[3] == 1 else kernel.transpose(1, 2, 3, 0)
    return kernel.T


def _chain(content: bytes, output: str) -> list[tuple[Array, Array | None]]:
    """Return kernel and bias of all layers on the way from the image to ``output``."""
    import_tensorflow()
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content)
    graph = model.subgraphs[0]
    (signature,) = model.signatureDefs
    ends: Mapping[str, int] = {end.name.decode(): end.tensorIndex for end in signature.outputs}
    makers = {int(made): operator for operator in graph.operators for made in operator.outputs}
    codes = schema.BuiltinOperator
    with_weights = (codes.CONV_2D, codes.DEPTHWISE_CONV_2D, codes.FULLY_CONNECTED)

    def constant(index: int) -> Array:
        tensor = graph.tensors[index]
        values = model.buffers[tensor.buffer].data
        if tensor.type != schema.TensorType.FLOAT32 or values is None:
            raise ValueError("there are no weights in float32")
        return np.frombuffer(values.tobytes(), "<f4").reshape(tensor.shape)

    chain: list[tuple[Array, Array | None]] = []
    tensor = ends[output]
    # A way through a graph has no more steps than the graph.
    for _ in graph.operators:
        if (operator := makers.get(tensor)) is None:
            break
        first, *others = (int(index) for index in operator.inputs)
        if model.operatorCodes[operator.opcodeIndex].builtinCode in with_weights:
            kernel, *bias = others
            chain.append((constant(kernel), constant(bias[0]) if bias and bias[0] >= 0 else None))
        tensor = first
    return chain[::-1]
