#!/usr/bin/env bash
# Stores the connection that leads to the embedded AWS. One that leads elsewhere is left alone, and is an error.
set -euo pipefail

url=http://aws:4566

if found=$(airflow connections get aws_default --output json 2>/dev/null); then
    grep --quiet "$url" <<<"$found" && exit
    echo "The connection aws_default leads elsewhere than to the embedded AWS: remove it (from .env or from" \
        "Airflow's database), or start without the profile local." >&2
    exit 1
fi
# The name of a bucket cannot stand before a container's name, as boto3 would have it.
airflow connections add aws_default --conn-json '{
    "conn_type": "aws", "login": "local", "password": "local",
    "extra": {
        "endpoint_url": "'"$url"'", "region_name": "us-east-1",
        "config_kwargs": {"s3": {"addressing_style": "path"}}
    }
}'
