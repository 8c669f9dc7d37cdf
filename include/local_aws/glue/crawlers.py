"""Crawlers that crawl: https://docs.aws.amazon.com/glue/latest/dg/add-crawler.html."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from statistics import median
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError
from moto.core.responses import ActionResult, EmptyResult
from moto.glue.exceptions import (
    CrawlerAlreadyExistsException,
    CrawlerNotRunningException,
    CrawlerRunningException,
    InvalidInputException,
)
from moto.glue.models import FakeCrawler, GlueBackend
from moto.glue.responses import GlueResponse

from include.local_aws.glue.crawl import CrawlError, Table, crawl
from include.local_aws.glue.roles import can_be_taken
from include.local_aws.jobs import Job, JobStoppedError
from include.local_aws.logs import streams
from include.local_aws.runtime import Runtime

log = logging.getLogger(__name__)

LOG_GROUP = "/aws-glue/crawlers"
# What would change what is found, or when.
REFUSED = ("Schedule", "Classifiers", "Configuration", "LakeFormationConfiguration")

_lock = threading.Lock()


class Crawler(FakeCrawler):  # type: ignore[misc]
    """A crawler whose state is that of its crawl."""

    def __init__(self, given: Mapping[str, Any], backend: GlueBackend) -> None:
        super().__init__(
            name=given["Name"],
            role=given["Role"],
            database_name=given.get("DatabaseName") or "default",
            description=given.get("Description") or "",
            targets=given["Targets"],
            schedule="",
            classifiers=[],
            table_prefix=given.get("TablePrefix") or "",
            schema_change_policy=given.get("SchemaChangePolicy") or {},
            recrawl_policy=given.get("RecrawlPolicy") or {"RecrawlBehavior": "CRAWL_EVERYTHING"},
            lineage_configuration=given.get("LineageConfiguration") or {},
            configuration="",
            crawler_security_configuration=given.get("CrawlerSecurityConfiguration") or "",
            tags=given.get("Tags") or {},
            backend=backend,
        )
        self.given = given
        self.state, self.last_crawl, self.seconds = "READY", None, []
        self.counts = {"TablesCreated": 0, "TablesUpdated": 0, "TablesDeleted": 0}

    state: str
    last_crawl: dict[str, Any] | None
    seconds: list[float]
    child: Job

    @property
    def status(self) -> str:
        return self.state

    def as_dict(self) -> dict[str, Any]:
        details: dict[str, Any] = super().as_dict()
        if self.last_crawl:
            details["LastCrawl"] = self.last_crawl
            details["CrawlElapsedTime"] = int(1000 * self.seconds[-1]) if self.seconds else 0
        return details

    def metrics(self) -> dict[str, Any]:
        return {
            "CrawlerName": self.name,
            "TimeLeftSeconds": 0.0,
            "StillEstimating": False,
            "LastRuntimeSeconds": self.seconds[-1] if self.seconds else 0.0,
            "MedianRuntimeSeconds": median(self.seconds) if self.seconds else 0.0,
            **self.counts,
        }


def install(runtime: Runtime) -> None:
    """Make crawlers crawl."""

    def start_crawler(response: GlueResponse) -> EmptyResult:
        crawler = response.glue_backend.get_crawler(response.parameters["Name"])
        with _lock:
            _require_ready(crawler)
            crawler.state = "RUNNING"
            crawler.child = runtime.compute.submit(
                f"crawler {crawler.name}", lambda child: _run(runtime, crawler, child)
            )
        return EmptyResult()

    GlueResponse.create_crawler = _create_crawler
    GlueResponse.update_crawler = _update_crawler
    GlueResponse.delete_crawler = _delete_crawler
    GlueResponse.start_crawler = start_crawler
    GlueResponse.stop_crawler = _stop_crawler
    GlueResponse.get_crawler_metrics = _get_crawler_metrics


def _check(given: Mapping[str, Any]) -> None:
    for name in REFUSED:
        if given.get(name):
            raise InvalidInputException("CreateCrawler", f"{name}: not supported by the embedded AWS")
    others = [name for name, targets in given["Targets"].items() if targets and name != "S3Targets"]
    paths = given["Targets"].get("S3Targets") or []
    if others or not paths or any(set(target) != {"Path"} for target in paths):
        raise InvalidInputException(
            "CreateCrawler",
            "Targets: the embedded AWS crawls S3Targets with a Path, and nothing else of them",
        )
    if (given.get("RecrawlPolicy") or {}).get("RecrawlBehavior", "CRAWL_EVERYTHING") != "CRAWL_EVERYTHING":
        raise InvalidInputException("CreateCrawler", "RecrawlPolicy: the embedded AWS crawls everything")
    if not can_be_taken(given["Role"]):
        # AWS's words, as its users quote them.
        raise InvalidInputException(
            "CreateCrawler", "Service is unable to assume provided role. Please verify role's TrustPolicy"
        )


def _create_crawler(response: GlueResponse) -> EmptyResult:
    given, backend = response.parameters, response.glue_backend
    if given["Name"] in backend.crawlers:
        raise CrawlerAlreadyExistsException
    _check(given)
    backend.crawlers[given["Name"]] = Crawler(given, backend)
    return EmptyResult()


def _update_crawler(response: GlueResponse) -> EmptyResult:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateCrawler.html: what is not given stays."""
    backend = response.glue_backend
    before = backend.get_crawler(response.parameters["Name"])
    _require_ready(before)
    given = {**before.given, **response.parameters}
    _check(given)
    crawler = Crawler({**given, "Tags": backend.get_tags(before.arn)}, backend)
    crawler.creation_time, crawler.version = before.creation_time, before.version + 1
    crawler.last_crawl, crawler.seconds, crawler.counts = before.last_crawl, before.seconds, before.counts
    backend.crawlers[crawler.name] = crawler
    return EmptyResult()


def _delete_crawler(response: GlueResponse) -> EmptyResult:
    crawler = response.glue_backend.get_crawler(response.parameters["Name"])
    _require_ready(crawler)
    del response.glue_backend.crawlers[crawler.name]
    return EmptyResult()


def _stop_crawler(response: GlueResponse) -> EmptyResult:
    crawler = response.glue_backend.get_crawler(response.parameters["Name"])
    with _lock:
        if crawler.state != "RUNNING":
            raise CrawlerNotRunningException(f"Crawler with name {crawler.name} isn't running")
        crawler.state = "STOPPING"
    if crawler.child.stop():
        _end(crawler, datetime.now(UTC), "CANCELLED")
    return EmptyResult()


def _get_crawler_metrics(response: GlueResponse) -> ActionResult:
    names = response.parameters.get("CrawlerNameList")
    crawlers = response.glue_backend.crawlers
    found = [crawler.metrics() for name, crawler in crawlers.items() if not names or name in names]
    return ActionResult({"CrawlerMetricsList": found})


def _require_ready(crawler: Crawler) -> None:
    if crawler.state != "READY":
        raise CrawlerRunningException(f"Crawler with name {crawler.name} has already started")


def _run(runtime: Runtime, crawler: Crawler, child: Job) -> None:
    began = datetime.now(UTC)
    try:
        s3 = runtime.client("s3", role=crawler.role)
        for target in crawler.targets["S3Targets"]:
            child.pause(0)
            with runtime.scratch("crawler") as folder:
                found = crawl(s3, target["Path"], crawler.table_prefix, folder)
            if found:
                _keep(crawler, found)
        _end(crawler, began, "SUCCEEDED")
    except JobStoppedError:
        _end(crawler, began, "CANCELLED")
    except (CrawlError, ClientError, ValueError) as error:
        _end(crawler, began, "FAILED", str(error))
    except Exception as error:
        log.exception("crawler %s", crawler.name)
        _end(crawler, began, "FAILED", f"Internal Service Exception: {error}")


def _keep(crawler: Crawler, found: Table) -> None:
    """Put a table into the Data Catalog, whose database is made when it is not there."""
    backend, database, name = crawler.backend, crawler.database_name, found.input["Name"]
    if database not in backend.databases:
        backend.create_database(database, {"Name": database})
    tables = backend.get_database(database).tables
    if name not in tables:
        backend.create_table(database, name, dict(found.input))
        crawler.counts["TablesCreated"] += 1
    elif tables[name].versions[str(tables[name]._current_version)] != found.input:
        backend.update_table(database, name, dict(found.input))
        crawler.counts["TablesUpdated"] += 1
    for partition in found.partitions:
        if str(partition["Values"]) not in tables[name].partitions:
            backend.create_partition(database, name, dict(partition))


def _end(crawler: Crawler, began: datetime, status: str, reason: str = "") -> None:
    prefix = str(uuid4())
    streams.put(
        LOG_GROUP, crawler.name, [f"[{prefix}] {status} : {reason or 'Crawler has finished running'}"]
    )
    log.info("crawler %s: %s %s", crawler.name, status, reason)
    with _lock:
        crawler.seconds.append((datetime.now(UTC) - began).total_seconds())
        crawler.last_crawl = {
            "Status": status,
            **({"ErrorMessage": reason} if reason else {}),
            "LogGroup": LOG_GROUP,
            "LogStream": crawler.name,
            "MessagePrefix": prefix,
            "StartTime": began,
        }
        crawler.state = "READY"
