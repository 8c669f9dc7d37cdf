# In place of postgres: a cluster in $PGDATA that is made at the first start from POSTGRES_*.
FROM debian-base
RUN install --directory /etc/postgresql-common \
    && echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf \
    && apt-get update \
    && apt-get install --yes --no-install-recommends postgresql \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s /usr/lib/postgresql/* /usr/lib/postgresql/current
ENV PGDATA=/var/lib/postgresql/data PATH=/usr/lib/postgresql/current/bin:/usr/local/bin:/usr/bin:/bin
COPY postgres-entrypoint.sh /entrypoint
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
ENTRYPOINT ["/entrypoint"]
CMD ["postgres"]
