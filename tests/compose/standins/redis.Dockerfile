# In place of redis: runs what it is told to as the user redis, in /data.
FROM debian-base
RUN apt-get update \
    && apt-get install --yes --no-install-recommends redis-server \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner redis --group redis /data
VOLUME /data
WORKDIR /data
ENTRYPOINT ["setpriv", "--reuid", "redis", "--regid", "redis", "--init-groups", "--"]
CMD ["redis-server"]
