# ill-bridge in a container: docs/how-to/run-with-docker.md. Pin the base by digest with
#   --build-arg PYTHON_IMAGE=python:3.13-slim-trixie@sha256:…   (docker buildx imagetools inspect python:3.13-slim-trixie)
ARG PYTHON_IMAGE=python:3.13-slim-trixie

# Builds a virtual environment that needs nothing but Python: the locked packages, then the bridge's own wheel, compiled.
FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements-build.lock requirements-run.lock ./
RUN python3 -m venv /build/tools \
    && /build/tools/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements-build.lock
RUN python3 -m venv --without-pip /opt/ill-bridge \
    && /build/tools/bin/python -m pip --python /opt/ill-bridge/bin/python install --quiet --no-compile --require-hashes --only-binary :all: -r requirements-run.lock
COPY pyproject.toml README.md ./
COPY bridge ./bridge
RUN /build/tools/bin/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist . \
    && /build/tools/bin/python -m pip --python /opt/ill-bridge/bin/python install --quiet --no-compile --no-deps --no-index dist/*.whl
RUN /opt/ill-bridge/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/ill-bridge/lib \
    && /opt/ill-bridge/bin/ill-bridge --help > /dev/null

# What runs: Python and that environment. No pip, no compiler, no shell needed; nothing but /var/lib/ill-bridge and /tmp is written.
FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="ill-bridge" \
      org.opencontainers.image.description="Keeps a library's ILS in step with its interlibrary loans." \
      org.opencontainers.image.version="${VERSION}"
RUN python3 -m pip uninstall --quiet --yes --root-user-action=ignore pip \
    && rm -rf /usr/local/lib/python3.*/ensurepip \
    && groupadd --system --gid 10001 ill-bridge \
    && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/ill-bridge --no-create-home --shell /usr/sbin/nologin ill-bridge \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/ill-bridge
COPY --from=build /opt/ill-bridge /opt/ill-bridge
# Inside a container the loopback address would be out of everybody's reach; the host decides what is published.
ENV PATH=/opt/ill-bridge/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    ILL_BRIDGE_CONFIG=/etc/ill-bridge/bridge.toml \
    ILL_BRIDGE_WEB__HOST=0.0.0.0 \
    ILL_BRIDGE_WEB__PORT=8018
WORKDIR /var/lib/ill-bridge
VOLUME ["/var/lib/ill-bridge"]
EXPOSE 8018
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-m", "bridge.alive"]
ENTRYPOINT ["ill-bridge"]
CMD ["run"]
