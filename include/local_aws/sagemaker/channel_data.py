"""Reads the files of a training channel, in the formats of SageMaker XGBoost, as one matrix."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from include.local_aws.sagemaker.content_types import CSV, LIBSVM, PARQUET, RECORDIO, format_of
from include.local_aws.sagemaker.hyperparameters import UserError

CONTENT = "text/csv without header, label first"


def read_channel(folder: Path, content_type: str | None, *, csv_weights: bool = False) -> Any:
    """
    A channel's files, in the order of their names, as a DMatrix.

    :param content_type: the channel's; None is libsvm.
    :param csv_weights: whether the second column of CSV is the weight of its row.
    :raises UserError: when they are not what the content type says.
    """
    try:
        form = format_of(content_type)
    except ValueError as error:
        raise UserError(str(error)) from None
    if form == RECORDIO:
        raise UserError(f"Channel {folder.name}: the embedded AWS does not read recordio-protobuf")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    if any(path.name.startswith(".") for path in files):
        raise UserError("Hidden file found in the data path! Remove that before training.")
    if not files:
        which = "training" if folder.name == "train" else folder.name
        raise UserError(f"No data in {which} channel path /opt/ml/input/data/{folder.name}")
    if form == LIBSVM:
        return _libsvm(folder.name, files)
    read: Callable[[str, Path], Any] = {CSV: _csv, PARQUET: _parquet}[form]
    return _dense(folder.name, [read(folder.name, path) for path in files], csv_weights=csv_weights)


def delimiter_of(line: str) -> str:
    """
    What separates the fields of CSV, by a line of it.

    :raises ValueError: when that cannot be told.
    """
    try:
        found = csv.Sniffer().sniff(line).delimiter
    except csv.Error as error:
        raise ValueError(f"Could not determine delimiter on line {line[:50]}:\n{error}") from None
    # Of a line with one field it is taken to be a digit.
    return "," if found.isalnum() or found == "." else found


def _dense(channel: str, parts: list[Any], *, csv_weights: bool) -> Any:
    import numpy as np
    import xgboost as xgb

    if len({part.shape[1] for part in parts}) != 1:
        raise UserError(f"Channel {channel}: its files differ in their number of columns")
    rows = np.concatenate(parts)
    first = 2 if csv_weights else 1
    if rows.shape[1] <= first:
        raise UserError(f"Channel {channel}: {rows.shape[1]} columns only; expected {CONTENT}")
    weights = rows[:, 1] if csv_weights else None
    return xgb.DMatrix(rows[:, first:], label=rows[:, 0], weight=weights)


def _csv(channel: str, path: Path) -> Any:
    import numpy as np

    try:
        with path.open() as lines:
            delimiter = delimiter_of(lines.readline())
        try:
            return np.loadtxt(path, delimiter=delimiter, dtype=np.float32, ndmin=2)
        except ValueError:
            # Slower, and takes an empty field for a value that is missing, as xgboost does.
            return np.loadtxt(
                path,
                delimiter=delimiter,
                dtype=np.float32,
                ndmin=2,
                converters=lambda field: float(field) if field.strip() else np.nan,
            )
    except ValueError as error:
        raise UserError(f"Channel {channel}, {path.name}: expected {CONTENT}: {error}") from error


def _parquet(channel: str, path: Path) -> Any:
    import duckdb
    import numpy as np

    try:
        columns = duckdb.read_parquet(str(path)).fetchnumpy()
        return np.column_stack(
            [np.ma.filled(values.astype(np.float32), np.nan) for values in columns.values()]
        )
    except (duckdb.Error, ValueError) as error:
        raise UserError(f"Failed to load parquet data with exception:\n{channel}: {error}") from error


def _libsvm(channel: str, files: list[Path]) -> Any:
    import numpy as np
    import xgboost as xgb
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    labels, weights, values = [], [], []
    rows: list[int] = []
    columns: list[int] = []
    for path in files:
        for line in path.read_text(errors="ignore").splitlines():
            try:
                label, *features = line.split()
                value, _, weight = label.partition(":")
                pairs = [feature.split(":") for feature in features]
                columns += [int(index) for index, _ in pairs]
                values += [float(number) for _, number in pairs]
                labels.append(float(value))
                weights.append(float(weight or 1))
            except ValueError:
                raise UserError(
                    f"First line '{line[:50]}...' of file '{path.name}' is not 'LIBSVM' format. "
                    f"Please ensure the file is in 'LIBSVM' format. (channel {channel})"
                ) from None
            rows += [len(labels) - 1] * len(pairs)
    # Indices are taken as they are: the column 0 of data that counts from 1 stays empty.
    shape = (len(labels), max(columns, default=-1) + 1)
    matrix = csr_matrix((np.array(values, dtype=np.float32), (rows, columns)), shape=shape)
    return xgb.DMatrix(matrix, label=labels, weight=weights)
