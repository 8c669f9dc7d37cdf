"""A model is a folder, with ``model.yaml`` and ``transform.sql``; a broken one hides no other."""

from __future__ import annotations

import stat
from collections import defaultdict
from pathlib import Path

from pydantic import ValidationError

from retraining.errors import ModelSpecError, explain
from retraining.model.files import read_text, read_yaml, unreadable
from retraining.model.spec import ModelSpec
from retraining.stored_text import storable

# Of what is said of a folder: one list can have a problem a line.
MAX_REASON = 10_000


def load_spec(folder: Path) -> ModelSpec:
    """Read and validate a model folder.

    :param folder: holds ``model.yaml`` and ``transform.sql``.
    :raises ModelSpecError: names the file, the field, the value and what is allowed.
    """
    try:
        return _load(folder)
    except ModelSpecError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - whatever a folder holds, it must cost no other model its DAG
        reason = f"{folder}: cannot be read: {type(error).__name__}: {error}"
    # Airflow keeps it in its database, for the page.
    raise ModelSpecError((storable(reason) or "")[:MAX_REASON])


def _load(folder: Path) -> ModelSpec:
    file = folder / "model.yaml"
    content = read_yaml(file)
    read_text(folder / "transform.sql")
    if not isinstance(content, dict):
        raise ModelSpecError(f"{file}: must be a mapping of fields, but is {type(content).__name__}")
    try:
        spec = ModelSpec.model_validate(content)
    except ValidationError as error:
        raise ModelSpecError("\n".join(f"{file}: {line}" for line in explain(error, ModelSpec))) from None
    if spec.name != folder.name:
        raise ModelSpecError(f"{file}: name: {spec.name!r} must be the folder's name, {folder.name!r}")
    return spec


def load_models(folder: Path) -> tuple[dict[Path, ModelSpec], list[ModelSpecError]]:
    """Read every model folder; a broken one hides no other.

    :param folder: the folder of the model folders.
    :return: the sound models by folder, and what is wrong with the others.
    :raises ModelSpecError: when there is no such folder, or it cannot be read.
    """
    models: dict[Path, ModelSpec] = {}
    errors: list[ModelSpecError] = []
    try:
        entries = sorted(entry for entry in folder.iterdir() if entry.name[0] not in "._")
    except (FileNotFoundError, NotADirectoryError):
        raise ModelSpecError(f"[retraining] models_folder: {folder} is not a folder") from None
    except OSError as error:
        raise ModelSpecError(f"[retraining] models_folder: {unreadable(folder, error)}") from None
    for entry in entries:
        try:
            if stat.S_ISDIR(entry.stat().st_mode):
                models[entry] = load_spec(entry)
        except ModelSpecError as error:
            errors.append(error)
        except OSError as error:  # a link that leads nowhere, among others
            errors.append(unreadable(entry, error))
    shared = _shared_endpoints(models)
    return {model: spec for model, spec in models.items() if model not in shared}, [*errors, *shared.values()]


def _shared_endpoints(models: dict[Path, ModelSpec]) -> dict[Path, ModelSpecError]:
    """Refuse endpoints that several models would take turns to deploy to.

    AWS tells their names apart without case (CreateEndpoint,
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html).
    """
    claims = defaultdict(list)
    for model, spec in models.items():
        claims[spec.endpoint.lower()].append(model)
    refused = {}
    for model, spec in models.items():
        if others := [other.name for other in claims[spec.endpoint.lower()] if other != model]:
            refused[model] = ModelSpecError(
                f"{model / 'model.yaml'}: endpoint: must be this model's alone, upper or lower case, but is"
                f" {spec.endpoint!r}, also that of {', '.join(others)}"
            )
    return refused
