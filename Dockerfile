# One image for every role: `docker build -t tracklog .`, then `docker run tracklog COMMAND`, where COMMAND is one of
# `tracklog --help`. Without a command it is the embedded server, with its data in the volume /data.

FROM python:3.11-slim-bookworm AS build
WORKDIR /source
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/tracklog
COPY requirements-runtime.lock ./
RUN /opt/tracklog/bin/pip install --require-hashes -r requirements-runtime.lock
COPY . .
# The repository is not here to tell it: `--build-arg VERSION=1.2.3` for an image of a release.
ARG VERSION=0.1.dev0
RUN SETUPTOOLS_SCM_PRETEND_VERSION_FOR_TRACKLOG=$VERSION /opt/tracklog/bin/pip install --no-deps --no-build-isolation .
RUN /opt/tracklog/bin/tracklog fetch-page
# The interpreter that runs it never installs anything.
RUN /opt/tracklog/bin/pip uninstall --yes --quiet setuptools pip

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent tracklog \
    && install --directory --owner=tracklog --group=tracklog /data /proxy
COPY --from=build /opt/tracklog /opt/tracklog
ENV PATH=/opt/tracklog/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MLFLOW_HOST=0.0.0.0 MLFLOW_PORT=5000
USER tracklog
WORKDIR /data
VOLUME /data
EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"MLFLOW_PORT\"]}/ready', timeout=4)"]
ENTRYPOINT ["tracklog"]
CMD ["server"]
