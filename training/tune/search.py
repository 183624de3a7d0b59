"""A search: all trials of some choices, each done once, however often the search is interrupted."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from car.errors import TrainingError
from car.files import locking, publish, reason, work_folder
from training.checkpoints import FOLDER
from training.cores import Engine, ProgressCallback
from training.dataset import Dataset, Size
from training.fit import LossName, TrainSettings
from training.networks.steering import NetworkName
from training.split import split_dataset
from training.tune.trial import Trial, TrialResult, checkpoints_of, run_trial, trial_key

TRIALS = "trials.json"
SCHEMA_VERSION = 1
_PART = ".part-"
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Choices:
    """What a search chooses from: it tries each with each, and all of that with ``seeds`` seeds.

    >>> choices = Choices(networks=("small", "mobile"), mirror=(True, False), seeds=2)
    >>> len(choices.settings()), choices.settings()[1].seed
    (8, 1)

    See ``training.fit.TrainSettings`` for what is chosen; it raises TrainingError for what no training can use.
    """

    networks: tuple[NetworkName, ...] = ("small", "pilotnet")
    mirror: tuple[bool | None, ...] = (True, False)
    displaced_views: tuple[float, ...] = (0.0,)
    lead_ms: tuple[int | None, ...] = (0,)
    losses: tuple[LossName, ...] = ("mse",)
    balance: tuple[bool, ...] = (False,)
    seeds: int = 2
    base: TrainSettings = field(default_factory=TrainSettings)

    def settings(self) -> list[TrainSettings]:
        """Return the settings of all trials; ``base`` says what is the same in all, such as the epochs."""
        chosen = itertools.product(
            self.networks, self.mirror, self.displaced_views, self.lead_ms, self.losses, self.balance, range(self.seeds)
        )
        every = [
            replace(
                self.base,
                network=network,
                mirror=mirror,
                displaced_views=views,
                lead_ms=lead_ms,
                loss=loss,
                balance=balance,
                seed=self.base.seed + seed,
            )
            for network, mirror, views, lead_ms, loss, balance, seed in chosen
        ]
        return list(dict.fromkeys(every))


class Search:
    """The trials of a search, in ``folder``, which one process at a time works in.

    >>> search = Search(folder, [Trial(TrainSettings(), key="5a5e25b6")], known={})
    >>> len(search.trials), len(search.results)
    (1, 0)

    ``trials`` are all there are to be done, ``results`` those of them that are, in the order of the trials; ``known``
    are the results of earlier ones, by their keys. Use ``Search.open`` for those that the folder holds.
    """

    def __init__(self, folder: Path, trials: Sequence[Trial], known: Mapping[str, TrialResult]) -> None:
        self.trials = tuple(trials)
        self._folder, self._known = folder, dict(known)

    @classmethod
    @contextlib.contextmanager
    def open(cls, folder: Path, dataset: Dataset, choices: Choices, *, restart: bool = False) -> Iterator[Search]:
        """Open the search for the block; with ``restart`` no trial is done yet.

        Raises TrainingError when the folder cannot be written, another process works in it, or what it holds is none
        of a search's.
        """
        trials = [_trial(dataset, settings) for settings in choices.settings()]
        lock = folder / _LOCK
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.touch()
        except OSError as error:
            raise _unwritable(folder, error) from error
        with locking(lock) as ours:
            if not ours:
                raise TrainingError(
                    f"Another search works in {folder}. Wait for it, or give another folder with --out."
                )
            known = _read(folder / TRIALS)
            if restart:
                for trial in trials:
                    known.pop(trial.key, None)
                    shutil.rmtree(checkpoints_of(trial.key, folder), ignore_errors=True)
            yield cls(folder, trials, known)

    @property
    def results(self) -> list[TrialResult]:
        """The results there are."""
        return [self._known[trial.key] for trial in self.trials if trial.key in self._known]

    def run(
        self,
        engine: Engine[Trial, TrialResult],
        sessions: Sequence[Path],
        size: Size | None = None,
        progress: ProgressCallback = lambda _: None,
    ) -> list[TrialResult]:
        """Do what is left of the trials, each result kept as soon as it is there; return the results of all.

        Raises what the engine and the trials raise, and TrainingError when the folder cannot be written.
        """
        left = [trial for trial in self.trials if trial.key not in self._known]
        # Workers may stand in another folder.
        paths = [path.absolute() for path in sessions]
        work = partial(run_trial, sessions=paths, size=size, folder=self._folder.absolute())
        if left:
            engine(work, left, progress, self._keep)
        with contextlib.suppress(OSError):  # Others of an interrupted search are in it, or there is none.
            (self._folder / FOLDER).rmdir()
        return self.results

    def _keep(self, result: TrialResult) -> None:
        self._known[result.key] = result
        content = {"schema_version": SCHEMA_VERSION, "trials": [known.to_dict() for known in self._known.values()]}
        try:
            with work_folder(self._folder, _PART) as unfinished:
                part = unfinished / TRIALS
                part.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
                publish(part, self._folder / TRIALS)
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        # Not before: a search that is killed in between goes on from it.
        shutil.rmtree(checkpoints_of(result.key, self._folder), ignore_errors=True)


def _trial(dataset: Dataset, settings: TrainSettings) -> Trial:
    return Trial(settings, trial_key(dataset, split_dataset(dataset, settings.seed), settings))


def _unwritable(folder: Path, error: OSError) -> TrainingError:
    return TrainingError(
        f"The trials cannot be kept in {folder} ({reason(error)}). Make room there, or give another folder with --out."
    )


def _read(path: Path) -> dict[str, TrialResult]:
    """Return the trials in the file, by their keys; none where there is no file."""
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"it is of version {content['schema_version']}")
        return {each["key"]: TrialResult.from_dict(each) for each in content["trials"]}
    except (OSError, ValueError, TypeError, LookupError) as error:
        why = reason(error) if isinstance(error, OSError) else error
        raise TrainingError(
            f"{path} cannot be read as the trials of a search ({why}). Move it away, or give another folder with --out."
        ) from error


@dataclass(frozen=True, slots=True)
class Ranked:
    """Settings but for their seed, with the trials of every seed, the best first, and the mean of their R².

    >>> lucky = TrialResult("1b", asdict(TrainSettings(seed=1)), cpu_s=80.0, r2=0.6)
    >>> (ranked,) = rank([TrialResult("5a", asdict(TrainSettings()), cpu_s=80.0, r2=0.4), lucky])
    >>> ranked.mean_r2, ranked.trials[0].settings["seed"]
    (0.5, 1)

    The mean is NaN where a trial has none.
    """

    trials: tuple[TrialResult, ...]
    mean_r2: float


def rank(results: Sequence[TrialResult]) -> list[Ranked]:
    """Return the results by their settings, the best settings first: one seed may be lucky.

    Settings that could not be trained with every seed come last.
    """
    grouped: dict[str, list[TrialResult]] = {}
    for result in results:
        grouped.setdefault(json.dumps(result.settings | {"seed": None}, sort_keys=True), []).append(result)
    ranked = [
        Ranked(
            tuple(sorted(group, key=lambda result: -math.inf if result.r2 is None else result.r2, reverse=True)),
            float(np.mean([math.nan if result.r2 is None else result.r2 for result in group])),
        )
        for group in grouped.values()
    ]
    return sorted(ranked, key=lambda each: -math.inf if math.isnan(each.mean_r2) else each.mean_r2, reverse=True)


def train_options(settings: Mapping[str, object]) -> list[str]:
    """Return what is typed after ``car train`` for these settings, the seed first; nothing for what is usual.

    >>> train_options(asdict(TrainSettings(network="mobile", mirror=False, seed=1)))
    ['--seed', '1', '--network', 'mobile', '--mirror', 'off']
    """
    usual = asdict(TrainSettings())
    mirror = {None: "auto", True: "on", False: "off"}
    words: dict[str, Callable[[Any], str]] = {
        "seed": str,
        "network": str,
        "mirror": lambda value: mirror[value],
        "displaced_views": "{:g}".format,
        "lead_ms": lambda value: "auto" if value is None else str(value),
        "loss": str,
        "epochs": str,
        "patience": str,
    }
    options = [
        part
        for name, say in words.items()
        if settings[name] != usual[name]
        for part in (f"--{name.replace('_', '-')}", say(settings[name]))
    ]
    return [*options, "--balance"] if settings["balance"] else options
