#!/usr/bin/env bash
set -euo pipefail
if [ "$(id -u)" = 0 ]; then
    install --directory --owner postgres --group postgres --mode 700 "$PGDATA" /var/run/postgresql
    exec setpriv --reuid postgres --regid postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username "$POSTGRES_USER" --pwfile <(echo "$POSTGRES_PASSWORD") --auth scram-sha-256 --encoding UTF8
    echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -j postgres
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
fi
exec "$@" -c listen_addresses='*'
