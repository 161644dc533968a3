# Two images of the application: `api` answers, `worker` reads documents and embeds with sentence-transformers.
# Not built where it was written (no container engine there): tests/test_compose.py checks what can be checked without.

FROM python:3.11-bookworm AS packages
RUN python -m venv /opt/anamnese
ENV PATH=/opt/anamnese/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements/setup.lock requirements/run.lock requirements/
RUN pip install --require-hashes -r requirements/setup.lock && pip install --no-deps --require-hashes -r requirements/run.lock
COPY pyproject.toml README.md ./
COPY access access
COPY records records
COPY index index
COPY mappings mappings
COPY ocr ocr
COPY clinical clinical
COPY ingest ingest
COPY search_api search_api
COPY cli cli
COPY samples samples
RUN pip install --no-deps --no-build-isolation .

FROM packages AS packages-worker
COPY requirements/worker.lock requirements/
RUN pip install --no-deps --require-hashes -r requirements/worker.lock

FROM python:3.11-slim-bookworm AS base
RUN apt-get update \
 && apt-get install -y --no-install-recommends tesseract-ocr tesseract-ocr-fra tesseract-ocr-osd \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --home-dir /var/lib/anamnese anamnese \
 && install -d -o anamnese -g anamnese -m 0700 /var/lib/anamnese /var/cache/anamnese
COPY docker/with-secrets /usr/local/bin/with-secrets
ENV PATH=/opt/anamnese/bin:$PATH PYTHONDONTWRITEBYTECODE=1 ANAMNESE_HOME=/var/lib/anamnese ANAMNESE_CACHE=/var/cache/anamnese
USER 10001:10001
WORKDIR /var/lib/anamnese
ENTRYPOINT ["with-secrets", "anamnese"]

FROM base AS api
COPY --from=packages /opt/anamnese /opt/anamnese
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]

FROM base AS worker
COPY --from=packages-worker /opt/anamnese /opt/anamnese
CMD ["worker", "--concurrency", "2"]
