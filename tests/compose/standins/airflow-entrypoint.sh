#!/usr/bin/env bash
# `bash` and `python` are run as they are; anything else is an airflow command, with or without the word.
set -euo pipefail
case "${1:-}" in
    bash | python) exec "$@" ;;
    airflow) shift ;;
esac
exec airflow "$@"
