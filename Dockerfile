# Built with Debian's own Python, so that what was tested is what ships. ops/build-container.sh builds it with buildah.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv
WORKDIR /app
# The locks alone first: changing a line of Gleaner does not fetch its dependencies again.
COPY requirements/bootstrap.txt requirements/runtime.txt requirements/
RUN python3 -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes --only-binary :all: --requirement requirements/bootstrap.txt \
 && python3 -m venv /opt/gleaner \
 && /opt/gleaner/bin/pip install --require-hashes --only-binary :all: --requirement requirements/runtime.txt
# The program runs from its tree, as in a checkout: code, migrations and chains.yaml stay side by side.
COPY pyproject.toml README.md LICENSE chains.yaml ./
COPY indexer indexer
COPY api api
COPY migrations migrations
COPY ops/entrypoint.sh ops/healthcheck.py ops/
# The read-only root keeps Python from writing bytecode later; nothing at run time installs anything.
RUN /opt/build/bin/python -m hatchling build --target wheel:editable --directory /tmp/wheel \
 && /opt/gleaner/bin/pip install --no-deps --no-index /tmp/wheel/*.whl \
 && /opt/gleaner/bin/pip uninstall --yes pip setuptools \
 && python3 -m compileall -q --invalidation-mode unchecked-hash /app /opt/gleaner

FROM ${BASE}
LABEL org.opencontainers.image.title="Gleaner" \
      org.opencontainers.image.description="Self-hosted multi-chain indexer and tax-loss tracker" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
 && install --directory --owner 10001 --group 10001 --mode 0700 /data
COPY --from=build /opt/gleaner /opt/gleaner
COPY --from=build /app /app
ENV PATH=/opt/gleaner/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    GLEANER_DATABASE_URL=sqlite:////data/gleaner.db \
    GLEANER_HOST=0.0.0.0 \
    GLEANER_PORT=8421
WORKDIR /app
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
VOLUME ["/data"]
EXPOSE 8421
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 CMD ["python3", "/app/ops/healthcheck.py"]
ENTRYPOINT ["/app/ops/entrypoint.sh"]
CMD ["serve"]
