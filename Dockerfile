# A container that runs recipes as an ordinary user.
#
#   docker build -t sracl .
#   docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" sracl run quickstart
#
# torch comes from the package index: a build with CUDA, which runs on the CPU as well and is large. For an image that is
# for the CPU alone, name the index of PyTorch's CPU wheels (its installation page does); for another CUDA release, that one's:
#
#   docker build --build-arg TORCH_INDEX=<index> -t sracl .
#   docker run --rm --gpus all -v "$PWD:/work" --user "$(id -u):$(id -g)" sracl run quickstart
#
# Not tested: this file has not been built by an image builder. Its pip step is the one of the README, run from a wheel; the
# base image, the index argument, user, entry point and layers are as written and untried.
FROM python:3.11-slim-bookworm

ARG TORCH_INDEX=""

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1

WORKDIR /src
# torch first: its layer is the large one, and changes only when the constraints do
COPY constraints.txt ./
RUN pip install -c constraints.txt ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} torch
COPY pyproject.toml README.md LICENSE ./
COPY registry registry
COPY recipes recipes
COPY sracl sracl
RUN pip install -c constraints.txt ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} . \
    && useradd --create-home --uid 1000 sracl \
    && install -d -o sracl -g sracl /work /data

USER 1000
WORKDIR /work
# the store, the runs and the cache of texts and vectors stay in the mounted project; data sets are looked for in /data
ENV SRACL_DATA=/data \
    SRACL_CACHE_DIR=/work/.sracl/cache
ENTRYPOINT ["sracl"]
CMD ["--help"]
