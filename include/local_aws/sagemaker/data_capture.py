"""
Data capture: an endpoint's requests and answers, written to S3.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import base64
import json
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from include.local_aws.s3.uris import split_uri

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DataCapture:
    """
    What is captured of one endpoint.

    :param config: a DataCaptureConfig.
    :param s3: writes with the model's role.
    """

    config: Mapping[str, Any]
    endpoint: str
    s3: Any

    def capture(self, variant: str, request: tuple[str, bytes], answer: tuple[str, bytes]) -> None:
        """Write one file of one event, if this request is of the sample; each is content type and body."""
        percentage = self.config["InitialSamplingPercentage"]
        if not self.config.get("EnableCapture") or random.uniform(0, 100) > percentage:  # noqa: S311
            return
        modes = {option["CaptureMode"] for option in self.config["CaptureOptions"]}
        both, now, event = "InputAndOutput" in modes, datetime.now(UTC), str(uuid4())
        captured = {}
        if both or "Input" in modes:
            captured["endpointInput"] = self._data("INPUT", *request)
        if both or "Output" in modes:
            captured["endpointOutput"] = self._data("OUTPUT", *answer)
        meta = {"eventId": event, "inferenceTime": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
        line = {"captureData": captured, "eventMetadata": meta, "eventVersion": "0"}
        bucket, prefix = split_uri(self.config["DestinationS3Uri"])
        folder = f"{prefix.rstrip('/')}/{self.endpoint}/{variant}/{now:%Y/%m/%d/%H}".lstrip("/")
        key = f"{folder}/{now:%M-%S}-{now.microsecond // 1000:03}-{event}.jsonl"
        try:
            self.s3.put_object(Bucket=bucket, Key=key, Body=f"{json.dumps(line)}\n".encode())
        except Exception:
            # The caller gets its prediction all the same.
            log.exception("what endpoint %s was asked could not be captured", self.endpoint)

    def _data(self, mode: str, content_type: str, body: bytes) -> dict[str, str]:
        types = self.config.get("CaptureContentTypeHeader") or {}
        plain = content_type.partition(";")[0].strip()
        if plain in types.get("CsvContentTypes", ["text/csv"]):
            data, encoding = body.decode(errors="replace"), "CSV"
        elif plain in types.get("JsonContentTypes", ["application/json"]):
            data, encoding = body.decode(errors="replace"), "JSON"
        else:
            data, encoding = base64.b64encode(body).decode(), "BASE64"
        return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}
