"""Glue: jobs that really run and crawlers that crawl; what moto only pretends to do is refused."""

from __future__ import annotations

from moto.glue.responses import GlueResponse

from include.local_aws.glue import crawlers, job_definitions, job_runs
from include.local_aws.runtime import Runtime

# Calls that moto answers as if it had done the work: nothing would fire, run or start. Left out, they
# are refused as not supported.
CANNED = (
    "list_crawls",
    *("create_trigger", "start_trigger", "stop_trigger"),
    *("start_workflow_run", "stop_workflow_run", "put_workflow_run_properties"),
    *("create_session", "stop_session", "delete_session"),
    *("create_dev_endpoint", "delete_dev_endpoint"),
    *("create_ml_transform", "delete_ml_transform"),
)


def install(runtime: Runtime) -> None:
    """Put jobs and crawlers in place, and take away what does nothing."""
    job_definitions.install()
    job_runs.install(runtime)
    crawlers.install(runtime)
    for name in CANNED:
        delattr(GlueResponse, name)
