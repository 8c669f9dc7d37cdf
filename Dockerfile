# Two images: `airflow`, which every Airflow component runs, and `local-aws`, the embedded AWS.
# It keeps to what every builder can do (no RUN --mount), so that Debian's Docker builds it too.
ARG AIRFLOW_IMAGE=apache/airflow:3.3.2-python3.11
ARG PYTHON_IMAGE=python:3.11-slim-bookworm


FROM ${PYTHON_IMAGE} AS local-aws

RUN apt-get update \
    && apt-get install --yes --no-install-recommends socat \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 50000 --gid 0 --create-home local-aws \
    && install --directory --owner local-aws --group root /var/lib/local-aws

WORKDIR /opt/retraining
COPY requirements-local-aws.txt ./
RUN pip install --no-cache-dir --requirement requirements-local-aws.txt
COPY include ./include

USER local-aws
ENV PYTHONUNBUFFERED=1
EXPOSE 4566
# The embedded AWS believes whoever asks, so it listens on loopback alone, here too. A forwarder in the same
# container lets the networks in that the container is put on, and no others. They know it by its service's name.
CMD ["sh", "-c", "socat TCP-LISTEN:4566,fork,reuseaddr TCP:127.0.0.1:4567 & exec python -m include.local_aws \
    --port 4567 --allow-host aws --state-dir /var/lib/local-aws --cache-dir /var/lib/local-aws/cache"]


FROM ${AIRFLOW_IMAGE} AS airflow

# The version that the Makefile uses.
ARG UV_VERSION=0.13.9
RUN pip install --no-cache-dir "uv==${UV_VERSION}"

# Exactly the pinned versions, which are what the tests ran with: what else the base image brings is removed.
# Compiled, as else every container would compile Airflow at its start, and the SDK at its first use.
COPY requirements.txt requirements-celery.txt requirements-sdk.txt /opt/airflow/
RUN uv pip sync --no-cache --compile-bytecode --python "$(command -v python)" \
        /opt/airflow/requirements.txt /opt/airflow/requirements-celery.txt

ENV AIRFLOW__RETRAINING__SDK_PYTHON=/opt/airflow/.venv-sdk/bin/python
RUN uv venv --no-cache --python "$(command -v python)" /opt/airflow/.venv-sdk \
    && uv pip sync --no-cache --compile-bytecode --python "${AIRFLOW__RETRAINING__SDK_PYTHON}" \
        /opt/airflow/requirements-sdk.txt

COPY --chown=airflow:root docker /opt/airflow/docker
COPY --chown=airflow:root plugins /opt/airflow/plugins
COPY --chown=airflow:root include /opt/airflow/include
COPY --chown=airflow:root dags /opt/airflow/dags
