# One file for the three services: docker build --build-arg SERVICE=ingest|scoring|gateway .
# An image has its own service's packages and code and no other's; each can also migrate the
# schema (`alembic upgrade head`), which every service shares. For scoring on a Spark cluster:
# --build-arg SERVICE=scoring --build-arg SPARK=requirements-spark.lock

# By digest, so that the same image is built everywhere; the tag says which one it is.
ARG PYTHON=python:3.12.14-slim-bookworm@sha256:0f5b26b9518d002b6173fd61daad821fa340635ebfec5bba471013f9ca114579

FROM ${PYTHON} AS packages
ARG SERVICE
ARG SPARK
WORKDIR /app
COPY requirements.lock requirements-spark.lock pyproject.toml ./
# The lock serves as constraints: it gives the version and the hashes of whatever this service's
# group asks for, and a package that it does not know stops the build.
RUN sed -n '/^uv==/,/[^\\]$/p' requirements.lock > uv.txt \
 && pip install --no-cache-dir --require-hashes -r uv.txt \
 && python -m venv --without-pip /opt/packages \
 && uv pip install --no-cache --compile-bytecode --python /opt/packages/bin/python \
    --require-hashes -c requirements.lock -r pyproject.toml --group "${SERVICE:?}" \
    $([ "$SERVICE" = gateway ] && echo --group cli) ${SPARK:+-r "$SPARK"}
# The gateway's image has the command `rfm` as well: doctor, backup, key, erase.
COPY libs/rfm_common ./libs/rfm_common
COPY libs/rfm_cli ./libs/rfm_cli
RUN if [ "$SERVICE" = gateway ]; \
    then printf '#!/bin/sh\nexec python -m rfm_cli "$@"\n' > /opt/packages/bin/rfm \
      && chmod +x /opt/packages/bin/rfm; \
    else rm -r libs/rfm_cli; fi
# The engine of a Spark cluster goes where Spark's client is, and nowhere else.
COPY libs/rfm_spark rfm_spark
RUN [ -z "$SPARK" ] || cp -r rfm_spark /opt/packages/lib/python*/site-packages/

FROM ${PYTHON}
ARG SERVICE
ENV SERVICE=${SERVICE} \
    PATH=/opt/packages/bin:$PATH \
    PYTHONPATH=/app/services:/app/libs \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    DATA_DIR=/data/input \
    RFM_STATE_DIR=/state
# Any user id may run it (compose passes the owner of the data folder): /state belongs to all.
RUN useradd --uid 1000 --no-create-home rfm \
 && install -d -o rfm -m 0777 /data /data/input /state
WORKDIR /app
COPY --from=packages /opt/packages /opt/packages
COPY pyproject.toml ./
COPY migrations ./migrations
COPY --from=packages /app/libs ./libs
COPY services/${SERVICE} ./services/${SERVICE}
USER 1000
CMD ["sh", "-c", "exec python -m \"$SERVICE\""]
