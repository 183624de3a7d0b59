"""The course of a fit, from epoch to epoch: its losses, its best weights so far, and when it ends."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from training.backend import import_keras
from training.checkpoints import Arrays, FitState
from training.progress import Progress, ProgressCallback

_REPORT_EVERY_STEPS = 20


class Stop:
    """Ends a fit before its last epoch, with the best so far; a signal's handler may ask for it.

    >>> stop = Stop()
    >>> stop.ask()
    False
    >>> stop.is_possible = True  # A fit has an epoch to show.
    >>> stop.ask(), stop.ask()
    (True, False)
    """

    def __init__(self) -> None:
        self.is_possible = False
        self.is_asked = False

    def ask(self) -> bool:
        """Tell whether a fit ends for it: False while there is none with an epoch done, or when it was asked before."""
        if not self.is_possible or self.is_asked:
            return False
        self.is_asked = True
        return True


class _Stopped(Exception):
    """A fit was asked to stop, in the middle of an epoch."""


class Course:
    """A fit of at most ``epochs``, of which ``patience`` may pass without a better validation loss.

    >>> course = Course(epochs=24, patience=8)
    >>> course.losses += [0.3, 0.1, 0.2]
    >>> course.best_epoch, course.is_over
    (2, False)

    With ``state`` it goes on from there. ``keep`` is given the state after each epoch, and ``stop`` is listened to.
    """

    def __init__(
        self,
        epochs: int,
        patience: int,
        state: FitState | None = None,
        keep: Callable[[FitState], None] = lambda _: None,
        stop: Stop | None = None,
    ) -> None:
        self._epochs, self._patience, self._keep, self._stop = epochs, patience, keep, stop or Stop()
        self._state = state
        self.losses: list[float] = list(state.losses) if state else []
        self._best: Arrays = state.best if state else []
        self.was_stopped = False

    @property
    def best_epoch(self) -> int:
        """The epoch with the smallest loss, counted from 1."""
        return int(np.argmin(self.losses)) + 1

    @property
    def is_over(self) -> bool:
        """Whether there is no epoch left to do."""
        return len(self.losses) >= self._epochs or (
            bool(self.losses) and len(self.losses) - self.best_epoch >= self._patience
        )

    @property
    def has_diverged(self) -> bool:
        """Whether a loss is none any more."""
        return not all(map(math.isfinite, self.losses))

    def run(self, core: Any, batches: Any, steps: int, validation: Any, progress: ProgressCallback) -> None:
        """Fit ``core``, a compiled Keras model, by ``steps`` of the ``batches`` an epoch; leave the best weights in it.

        The first of the batches is the one that comes next.
        """
        callbacks = import_keras().callbacks
        self._stop.is_possible = bool(self.losses)
        try:
            if not self.is_over:
                core.fit(
                    batches,
                    validation_data=validation,
                    initial_epoch=len(self.losses),
                    epochs=self._epochs,
                    steps_per_epoch=steps,
                    shuffle=False,
                    verbose=0,
                    callbacks=[self._watcher(core), callbacks.TerminateOnNaN(), self._reporter(progress, steps)],
                )
        except _Stopped:
            pass
        finally:
            self._stop.is_possible = False
        self.was_stopped = self._stop.is_asked and not self.is_over
        if self._best:
            core.set_weights(self._best)

    def _watcher(self, core: Any) -> Any:
        """Return a Keras callback that begins with the state, and after each epoch takes note, keeps it or ends."""

        def before(*_: object) -> None:
            if self._state is not None:
                core.optimizer.build(core.trainable_variables)
                _assign(core.variables, self._state.variables)
                _assign(core.optimizer.variables, self._state.optimizer)
                self._state = None

        def after_batch(*_: object, **__: object) -> None:
            if self._stop.is_asked:
                raise _Stopped

        def after_epoch(_: int, logs: dict[str, float]) -> None:
            self.losses.append(logs["val_loss"])
            if not self.has_diverged:
                if self.best_epoch == len(self.losses):
                    self._best = core.get_weights()
                variables, optimizer = (
                    [variable.numpy() for variable in part] for part in (core.variables, core.optimizer.variables)
                )
                # First: writing may take its time, and there is something to stop with already.
                self._stop.is_possible = True
                self._keep(FitState(list(self.losses), self._best, variables, optimizer))
            core.stop_training |= self.has_diverged or self.is_over or self._stop.is_asked

        # LambdaCallback keeps to the batches' protocol of Keras and spares a class made inside a function.
        return import_keras().callbacks.LambdaCallback(
            on_train_begin=before, on_train_batch_end=after_batch, on_epoch_end=after_epoch
        )

    def _reporter(self, progress: ProgressCallback, steps: int) -> Any:
        """Return a Keras callback that reports steps, time left and, after each epoch, its losses."""
        first = done = len(self.losses) * steps
        total = self._epochs * steps
        note = ""
        started_s = time.perf_counter()

        def report() -> None:
            elapsed_s = time.perf_counter() - started_s
            progress(Progress("train", done, total, elapsed_s / max(1, done - first) * (total - done), note))

        def after_batch(*_: object, **__: object) -> None:
            nonlocal done
            done += 1
            if done % _REPORT_EVERY_STEPS == 0:
                report()

        def after_epoch(epoch: int, logs: dict[str, float]) -> None:
            nonlocal note
            note = f"epoch {epoch + 1}: loss {logs['loss']:.4f}, validation {logs['val_loss']:.4f}"
            report()

        return import_keras().callbacks.LambdaCallback(on_train_batch_end=after_batch, on_epoch_end=after_epoch)


def _assign(variables: Any, values: Arrays) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
