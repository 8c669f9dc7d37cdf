# In place of python:3.11-slim-bookworm: `python` and `pip` on the path, nothing else.
FROM debian-base
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3.11-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3.11 -m venv /usr/local
