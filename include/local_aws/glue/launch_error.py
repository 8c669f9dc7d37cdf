"""Why a job's script was not run."""

from __future__ import annotations


class LaunchError(Exception):
    """What a run needs is not to be had; its text is the run's ErrorMessage."""
