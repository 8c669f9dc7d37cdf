"""``awsglue.job``: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-glue-context.html."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DISABLED = "job-bookmark-disable"


class Job:
    """A job's bookmarks, which are off unless it asks for them; asked for, they are refused."""

    def __init__(self, _glue_context: Any) -> None:
        self._initialized = False

    def init(self, job_name: str, args: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """
        Begin the job.

        :raises NotImplementedError: when bookmarks are asked for: without them all data would be read again.
        """
        option = (args or {}).get("job_bookmark_option") or DISABLED
        if option != DISABLED:
            raise NotImplementedError(
                f"--job-bookmark-option {option}: the embedded AWS has no job bookmarks"
            )
        self._initialized = True

    def isInitialized(self) -> bool:  # noqa: N802 - AWS's name
        """Whether it was begun."""
        return self._initialized

    def commit(self) -> None:
        """End the job; without bookmarks there is nothing to keep."""
