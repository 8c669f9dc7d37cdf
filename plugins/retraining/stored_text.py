"""Texts of other people's programs, as any database of Airflow's stores them."""

from __future__ import annotations


def storable(text: str | None) -> str | None:
    """Replace what PostgreSQL refuses in JSON (and SQLite does not): NUL, and halves of surrogate pairs.

    https://www.postgresql.org/docs/current/datatype-json.html. A failure's reason may hold them: it is what
    a training or ETL job has written.
    """
    if text is None:
        return None
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
