"""Reports broken model folders, as an Airflow import error of this file; it makes no DAG.

An import error takes every DAG of its file out of scheduling, so it must not be model_retraining.py's: there
the sound models go on.
"""

from __future__ import annotations

from retraining import settings
from retraining.errors import ModelSpecError
from retraining.model.folders import load_models

_, errors = load_models(settings.models_folder())
if errors:
    raise ModelSpecError("\n".join(str(error) for error in errors))
