# docker build -t ntm .              CUDA, run with: docker run --gpus all -p 8000:8000 ntm
# docker build --build-arg EXTRA=cpu -t ntm .        no GPU needed
# docker build --build-arg EXTRA=cpu --build-arg PROCESSOR=x86-64-v3 -t ntm .    compiled already, for
#                                                    all processors of that kind and for no others
ARG BASE_IMAGE=python:3.12-slim
FROM ${BASE_IMAGE}
ARG EXTRA=gpu
ARG PROCESSOR=

ENV NUMBA_CPU_NAME=${PROCESSOR}
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1
RUN python3 -m venv /opt/ntm
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
COPY .ci/constraints.txt .ci/
COPY ntm ntm
COPY service service
RUN /opt/ntm/bin/pip install -q -c .ci/constraints.txt ".[${EXTRA},grpc]"
RUN [ -z "${PROCESSOR}" ] || /opt/ntm/bin/python -m ntm.architectures.kernels /opt/ntm/share/ntm/native
COPY models models

# OpenShift runs an image as any user of group 0, Kubernetes' runAsNonRoot wants a number.
RUN useradd --system --uid 10001 --gid 0 --create-home ntm && \
    install -d -o ntm -g 0 -m 2770 /data && chmod -R a+rX models
ENV PATH=/opt/ntm/bin:$PATH NTM_HOST=0.0.0.0 NTM_PORT=8000 NTM_MODELS=/app/models NTM_DATA=/data \
    ORT_DISABLE_TELEMETRY=1 RAY_USAGE_STATS_ENABLED=0 MPLCONFIGDIR=/tmp/matplotlib \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:0
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python3", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['NTM_PORT'] + '/v2/health/ready', timeout=2)"]
ENTRYPOINT ["/opt/ntm/bin/ntm"]
CMD ["serve"]
