"""Models over HTTP: listed with their cards, added once tried out, renamed, deleted, activated while the car drives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request

from car.config.change import change_config
from car.config.plain import CONFIG_NAME
from car.config.sections import load_config
from car.errors import ConfigError, NoSuchModel
from car.kinds.pilot import TFLITE
from car.pilots.find import MODEL_SUFFIX
from car.pilots.library import ModelLibrary, ModelRow
from car.web.context import LibraryContext, library_context_of
from car.web.problems import PROBLEMS
from car.web.uploads import RAW_BODY, receive
from models.contract import MAX_MODEL_BYTES

router = APIRouter(tags=["models"], responses=PROBLEMS)


def make_library(context: LibraryContext) -> ModelLibrary:
    """Return the library of the models of the car of ``context``."""
    return ModelLibrary(context.folder.path, context.config.camera.geometry)


def library_of(request: Request) -> ModelLibrary:
    """Return the car's models; for ``Depends``."""
    return cast(ModelLibrary, request.app.state.models)


Library = Annotated[ModelLibrary, Depends(library_of)]
Context = Annotated[LibraryContext, Depends(library_context_of)]


@dataclass(frozen=True, slots=True)
class Activated:
    """Which model drives now, and which drove before it: what one click goes back to, empty if there is none."""

    name: str
    previous: str


@dataclass(frozen=True, slots=True)
class DeletedModel:
    """What a deleted model is called in the trash."""

    trashed: str


@router.get("/models")
def list_models(library: Library, context: Context) -> list[ModelRow]:
    """Return the car's models and those that ship."""
    return library.rows(context.pilots.name)


@router.post("/models", status_code=201, openapi_extra=RAW_BODY)
async def add_model(
    request: Request,
    library: Library,
    context: Context,
    name: Annotated[str, Query(min_length=1, max_length=64)],
    replace: Annotated[bool, Query(description="Take the place of the model of that name.")] = False,
) -> ModelRow:
    """Take a ``.tflite`` file, the request's body, as a new model, if a check shows that it is one."""

    def accept(incoming: Path) -> str:
        library.accept(incoming, name, replace=replace)
        return name

    return await _take(request, library, context, library.incoming(name, replace=replace), accept)


@router.post("/models/versions", status_code=201, openapi_extra=RAW_BODY)
async def add_version(
    request: Request,
    library: Library,
    context: Context,
    name: Annotated[str, Query(min_length=1, max_length=64)],
    sha256: Annotated[str, Query(pattern="^[0-9a-f]{64}$", description="The file's digest.")],
    force: Annotated[bool, Query(description="Also if it does not fit the car's camera.")] = False,
) -> ModelRow:
    """Take a ``.tflite`` file, the request's body; another of its name stays, and the new one gets a number."""

    def accept(incoming: Path) -> str:
        return library.accept_version(incoming, name, sha256, force=force)

    return await _take(request, library, context, library.incoming(name, replace=True), accept)


async def _take(
    request: Request, library: ModelLibrary, context: LibraryContext, incoming: Path, accept: Callable[[Path], str]
) -> ModelRow:
    """Write the request's body into ``incoming``, and return the model that ``accept`` makes of it."""
    try:
        await receive(request, incoming, MAX_MODEL_BYTES, context.config.recording.min_free_mb * 1_000_000)
        called = await anyio.to_thread.run_sync(accept, incoming)
    finally:
        incoming.unlink(missing_ok=True)
    return await anyio.to_thread.run_sync(library.row, called, context.pilots.name)


@router.post("/models/previous")
def go_back(library: Library, context: Context) -> Activated:
    """Let the model drive that drove before."""
    previous = context.pilots.previous.removesuffix(MODEL_SUFFIX)
    if not previous:
        raise NoSuchModel("No other model has driven since the car was started. Choose one from the list.")
    return _activate(library, context, previous)


@router.post("/models/{name}/activate")
def activate_model(library: Library, context: Context, name: str) -> Activated:
    """Let a model drive, from the next frame on, and after the next start too."""
    return _activate(library, context, name)


@router.post("/models/{name}/rename")
def rename_model(
    library: Library, context: Context, name: str, to: Annotated[str, Query(min_length=1, max_length=64)]
) -> ModelRow:
    """Give a model of the car's own another name, unless the car drives with it."""
    library.rename(name, to, _in_use(library, context))
    return library.row(to, context.pilots.name)


@router.delete("/models/{name}")
def delete_model(library: Library, context: Context, name: str) -> DeletedModel:
    """Move a model of the car's own to the trash, unless the car drives with it."""
    return DeletedModel(library.delete(name, _in_use(library, context)))


@router.post("/models/{name}/restore")
def restore_model(library: Library, context: Context, name: str) -> ModelRow:
    """Take a model back from the trash."""
    library.restore(name)
    return library.row(name, context.pilots.name)


def _in_use(library: ModelLibrary, context: LibraryContext) -> set[str]:
    """Return the names of the models that drive now, or after the next start."""
    setting = load_config(context.folder.config_path).pilot.model
    return {context.pilots.name.removesuffix(MODEL_SUFFIX), *library.meant_by(setting)}


def _activate(library: ModelLibrary, context: LibraryContext, name: str) -> Activated:
    kind = context.config.pilot.kind
    if kind != TFLITE:
        raise ConfigError(
            f"This car drives by a {kind} pilot. "
            f'Set [pilot] kind = "{TFLITE}" in its car.toml, and start it again to drive by a model.'
        )
    check = library.check(name)
    context.pilots.activate(library.path(name), check.sha256)
    change_config(context.folder.path / CONFIG_NAME, {"pilot": {"model": library.setting(name)}})
    return Activated(name, context.pilots.previous.removesuffix(MODEL_SUFFIX))
