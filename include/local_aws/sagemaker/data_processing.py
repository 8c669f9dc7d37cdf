"""
DataProcessing of Batch Transform: which columns are predicted from, joined with the predictions and written.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html, of its paths CSV's.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.sagemaker.exceptions import ValidationError

SLICE = re.compile(r"\$\[(-?\d*):(-?\d*)\]")
COLUMNS = re.compile(r"\$\[(-?\d+(?:,-?\d+)*)\]")


@dataclass(frozen=True)
class DataProcessing:
    """
    What is done to each line before and after it is predicted from.

    :param before: a path, InputFilter.
    :param joined: whether the line is written before its prediction.
    :param after: a path, OutputFilter.
    """

    before: str = "$"
    joined: bool = False
    after: str = "$"

    @property
    def by_line(self) -> bool:
        """Whether lines have to be told apart for it."""
        return self != DataProcessing()

    def asked(self, line: str) -> str:
        """What the model is asked with."""
        return _written(_picked(_fields(line), self.before)) if self.before != "$" else line

    def output(self, line: str, prediction: str) -> str:
        """What is written of a line and its prediction."""
        fields = [*(_fields(line) if self.joined else ()), *_fields(prediction)]
        return _written(_picked(fields, self.after)) if self.by_line else prediction


def parse(request: Mapping[str, Any]) -> DataProcessing:
    """
    Read a CreateTransformJob request's DataProcessing.

    :raises ValidationError: for what the embedded AWS cannot do, and what AWS does not take together.
    """
    given = request.get("DataProcessing") or {}
    joined = given.get("JoinSource", "None") == "Input"
    processing = DataProcessing(given.get("InputFilter", "$"), joined, given.get("OutputFilter", "$"))
    for field, path in (("InputFilter", processing.before), ("OutputFilter", processing.after)):
        if path != "$" and not SLICE.fullmatch(path) and not COLUMNS.fullmatch(path):
            raise ValidationError(
                message=f"DataProcessing.{field}: the embedded AWS supports the columns of CSV, as $[1:] and "
                f"$[0,2], got {path!r}"
            )
    if not processing.by_line:
        return processing
    data, output = request["TransformInput"], request["TransformOutput"]
    wanted = {
        "TransformInput.SplitType": (data.get("SplitType"), "Line"),
        "TransformOutput.AssembleWith": (output.get("AssembleWith"), "Line"),
        "TransformInput.ContentType": ((data.get("ContentType") or "").partition(";")[0], "text/csv"),
        "TransformOutput.Accept": (output.get("Accept", "text/csv"), "text/csv"),
    }
    for field, (value, allowed) in wanted.items():
        if value != allowed:
            raise ValidationError(message=f"{field}: with DataProcessing it must be {allowed}, got {value!r}")
    return processing


def _fields(line: str) -> list[str]:
    return next(csv.reader([line]), [])


def _written(fields: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(fields)
    return text.getvalue()


def _picked(fields: list[str], path: str) -> list[str]:
    if found := SLICE.fullmatch(path):
        first, last = (int(number) if number else None for number in found.groups())
        return fields[first:last]
    if found := COLUMNS.fullmatch(path):
        return [fields[int(number)] for number in found[1].split(",")]
    return fields
