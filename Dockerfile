# A container that runs recipes on the CPU, as an ordinary user.
#
#   docker build -t sracl .
#   docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" sracl run quickstart
#
# For NVIDIA GPUs (the wheels bring their own CUDA; the host needs a driver and the container toolkit):
#
#   docker build --build-arg TORCH=cu130 -t sracl:cuda .
#   docker run --rm --gpus all -v "$PWD:/work" --user "$(id -u):$(id -g)" sracl:cuda run quickstart
#
# Not tested: this file has not been built by an image builder. Its pip step is the one of the README, run from a wheel; the
# base image, the torch index, user, entry point and layers, and the CUDA build, are as written and untried.
FROM python:3.11-slim-bookworm

# cpu, or a CUDA release that torch is published for, such as cu130
ARG TORCH=cpu

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1

WORKDIR /src
# torch first: its layer is the large one, and changes only when the constraints do
COPY constraints.txt ./
RUN pip install -c constraints.txt --extra-index-url "https://download.pytorch.org/whl/${TORCH}" torch
COPY pyproject.toml README.md LICENSE ./
COPY registry registry
COPY recipes recipes
COPY sracl sracl
RUN pip install -c constraints.txt --extra-index-url "https://download.pytorch.org/whl/${TORCH}" . \
    && useradd --create-home --uid 1000 sracl \
    && install -d -o sracl -g sracl /work /data

USER 1000
WORKDIR /work
# the store, the runs and the cache of texts and vectors stay in the mounted project; data sets are looked for in /data
ENV SRACL_DATA=/data \
    SRACL_CACHE_DIR=/work/.sracl/cache
ENTRYPOINT ["sracl"]
CMD ["--help"]
