"""
The serving container of SageMaker XGBoost: what it answers to /invocations, whoever sends it there.

Which content types and accepts it takes, in which order it looks at them, and with which words it refuses:
algorithm_mode/serve.py and serve_utils.py in github.com/aws/sagemaker-xgboost-container, from 1.3-1 on.
"""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from include.local_aws.s3.uris import split_uri
from include.local_aws.sagemaker.channel_data import delimiter_of
from include.local_aws.sagemaker.content_types import CSV, LIBSVM, format_of
from include.local_aws.sagemaker.selectable_inference import encoded, selected

JSON, JSON_LINES, TEXT_CSV = "application/json", "application/jsonlines", "text/csv"
ACCEPTS = [JSON, JSON_LINES, "application/x-recordio-protobuf", TEXT_CSV]
# Environment variables of a model that it heeds.
DEFAULT_ACCEPT = "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"
SELECTED = "SAGEMAKER_INFERENCE_OUTPUT"
# What Flask answers when the encoder raises: it has no words for some of ACCEPTS.
CRASHED = "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n"


@dataclass(frozen=True)
class Answer:
    """What the container answers."""

    status: HTTPStatus
    body: str
    content_type: str = "text/html; charset=utf-8"


@dataclass
class Container:
    """
    A model in memory, and how it answers.

    :param booster: xgboost's.
    :param environment: the model's environment variables.
    :param batch: whether Batch Transform asks, which has one prediction a line.
    """

    booster: Any
    environment: Mapping[str, str]
    batch: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def invocations(self, body: bytes, content_type: str | None, accept: str | None) -> Answer:
        """Answer a request; ``content_type`` and ``accept`` are its headers."""
        if not body:
            return Answer(HTTPStatus.NO_CONTENT, "")
        try:
            rows = _parsed(body, content_type)
        except ValueError as error:
            return Answer(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, str(error))
        try:
            predictions = self._predict(rows)
        except Exception as error:  # noqa: BLE001 - whatever xgboost raises
            return Answer(HTTPStatus.BAD_REQUEST, f"Unable to evaluate payload provided: {error}")
        try:
            wanted = self._accept(accept)
        except ValueError as error:
            return Answer(HTTPStatus.NOT_ACCEPTABLE, str(error))
        try:
            answered = self._encoded(predictions, wanted)
        except NotImplementedError:
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, CRASHED)
        except ValueError as error:
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        charset = "; charset=utf-8" if wanted.startswith("text/") else ""
        return Answer(HTTPStatus.OK, answered, f"{wanted}{charset}")

    def _predict(self, rows: Any) -> Any:
        # xgboost does not promise that one booster may predict from several threads at once.
        with self.lock:
            return self.booster.predict(rows, validate_features=False)

    def _accept(self, accept: str | None) -> str:
        wanted = (accept or "").partition(";")[0].strip()
        if not wanted or wanted == "*/*":
            return self.environment.get(DEFAULT_ACCEPT, TEXT_CSV)
        if wanted.lower() not in ACCEPTS:
            raise ValueError(
                f"Accept type {wanted} is not supported. Please use supported accept types: {ACCEPTS}."
            )
        return wanted.lower()

    def _encoded(self, predictions: Any, accept: str) -> str:
        if keys := self.environment.get(SELECTED):
            chosen = selected(self.booster, predictions, keys)
            text = encoded(chosen, keys, accept)
            return f"{text}\n" if self.batch and accept == TEXT_CSV else text
        values = predictions.tolist()
        if self.batch:
            return "".join(f"{value}\n" for value in values)
        if accept == JSON:
            return json.dumps({"predictions": [{"score": value} for value in values]})
        if accept == TEXT_CSV:
            rows = [value if isinstance(value, list) else [value] for value in values]
            return "".join(f"{','.join(map(str, row))}\n" for row in rows)
        raise NotImplementedError(accept)


def load(s3: Any, uri: str, environment: Mapping[str, str], *, batch: bool = False) -> Container:
    """
    Load a model.tar.gz.

    :param uri: where it is.
    :raises ValueError: when there is not one model of xgboost in it.
    """
    import xgboost as xgb

    bucket, key = split_uri(uri)
    archive = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        files = [one for one in tar if one.isfile() and not one.name.removeprefix("./").startswith(".")]
        if len(files) != 1:
            raise ValueError(f"the embedded AWS serves an archive of one model file, {uri} has {len(files)}")
        content = tar.extractfile(files[0])
        assert content is not None  # noqa: S101 - None is what tarfile gives for folders
        booster = xgb.Booster(model_file=bytearray(content.read()))
    return Container(booster, environment, batch)


def _parsed(body: bytes, content_type: str | None) -> Any:
    import xgboost as xgb

    form = format_of(content_type)
    if form not in (CSV, LIBSVM):
        raise ValueError(f"Content-type {content_type} is not supported.")
    try:
        text = body.decode().strip()
        return xgb.DMatrix(_csv(text) if form == CSV else _libsvm(text))
    except ValueError as error:
        raise ValueError(
            f"Loading {form} data failed with Exception, please ensure data is in {form} format:\n "
            f"{type(error)}\n {error}"
        ) from error


def _csv(text: str) -> Any:
    import numpy as np

    lines = text.split("\n")
    delimiter = delimiter_of(lines[0][:512])
    return np.array([[field or "nan" for field in line.split(delimiter)] for line in lines]).astype(float)


def _libsvm(text: str) -> Any:
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for number, line in enumerate(text.split("\n")):
        for item in line.split(" "):
            if ":" in item:
                index, _, value = item.partition(":")
                rows.append(number)
                columns.append(int(index))
                values.append(float(value))
    return csr_matrix((values, (rows, columns)))
