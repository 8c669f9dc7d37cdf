# In place of apache/airflow: the user, the folders, the environment, the entrypoint and the programs of the
# official image that docker-compose.yml relies on. Airflow itself comes with the project's pinned requirements.
FROM debian-base
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3.11-venv dumb-init curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 50000 --gid 0 --create-home airflow \
    && install --directory --owner airflow --group root /opt/airflow /opt/airflow/dags /opt/airflow/logs
COPY airflow-entrypoint.sh /entrypoint
USER airflow
ENV AIRFLOW_HOME=/opt/airflow \
    VIRTUAL_ENV=/home/airflow/.local \
    PATH=/home/airflow/.local/bin:/usr/local/bin:/usr/bin:/bin
RUN python3.11 -m venv /home/airflow/.local
WORKDIR /opt/airflow
ENTRYPOINT ["/usr/bin/dumb-init", "--", "/entrypoint"]
CMD ["--help"]
