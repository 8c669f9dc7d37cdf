#!/usr/bin/env bash
# Before Airflow's components start: the database is brought up to date, and what it must hold is made once.
set -euo pipefail

airflow db migrate

airflow users create --role Admin --username admin --password="$ADMIN_PASSWORD" \
    --firstname Model --lastname Retraining --email admin@localhost

# A task of a pool that does not exist never starts. Slots that a person has changed stay as they are.
pools=$(PYTHONPATH=plugins python -c '
from retraining import settings
from retraining.model.folders import load_models
models, _ = load_models(settings.models_folder())
for pool in {spec.pool for spec in models.values()} - {"default_pool"}:
    print(pool)')
while read -r pool; do
    [ -z "$pool" ] || airflow pools get "$pool" &>/dev/null || airflow pools set "$pool" 8 "Tasks of one model"
done <<<"$pools"
