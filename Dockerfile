# Images of the operator and the worker. `make image` builds both; docs/images.md describes their contents.
#
# Targets: operator, worker. Arguments: ACCELERATOR=cuda builds a worker for NVIDIA GPUs.
#
# Existing programs can replace the stage `binaries`: --build-context binaries=FOLDER, with the stripped
# programs in FOLDER (scripts/image/build.sh --prebuilt).
ARG RUST=docker.io/library/rust:1.95.0-slim-bookworm
ARG DEBIAN=docker.io/library/debian:bookworm-slim

# -- Programs -----------------------------------------------------------------------------------------------------
FROM ${RUST} AS toolchain
# FFmpeg's libraries are built from source.
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev make nasm python3 \
 && rm -rf /var/lib/apt/lists/*
# Certificates that the building machine trusts beside the usual ones, where a proxy of its network needs them: no layer has them.
RUN --mount=type=secret,id=ca,target=/run/ca.crt \
    if [ -s /run/ca.crt ]; then export CARGO_HTTP_CAINFO=/run/ca.crt; fi; \
    cargo install --locked --root /usr/local cargo-chef@0.1.77
COPY scripts/ffmpeg /ffmpeg
RUN --mount=type=secret,id=ca,target=/run/ca.crt \
    if [ -s /run/ca.crt ]; then export CARGO_HTTP_CAINFO=/run/ca.crt; fi; \
    /ffmpeg/build.sh /opt/ffmpeg
ENV VERBATIM_FFMPEG=/opt/ffmpeg
ENV CARGO_INCREMENTAL=0 CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_STRIP=symbols
WORKDIR /src

# Only what the build of the dependencies needs: their layer is rebuilt only when dependencies change.
FROM toolchain AS recipe
COPY . .
RUN cargo chef prepare --recipe-path /recipe.json

FROM toolchain AS build
COPY --from=recipe /recipe.json /recipe.json
RUN --mount=type=secret,id=ca,target=/run/ca.crt \
    if [ -s /run/ca.crt ]; then export CARGO_HTTP_CAINFO=/run/ca.crt; fi; \
    cargo chef cook --release --locked --recipe-path /recipe.json --package verbatim --package verbatim-operator
COPY . .
RUN --mount=type=secret,id=ca,target=/run/ca.crt \
    if [ -s /run/ca.crt ]; then export CARGO_HTTP_CAINFO=/run/ca.crt; fi; \
    cargo build --release --locked --package verbatim --package verbatim-operator

FROM scratch AS binaries
COPY --from=build /src/target/release/verbatim /src/target/release/verbatim-operator /
COPY --from=build /opt/ffmpeg/LICENSE.md /opt/ffmpeg/COPYING.LGPLv2.1 /src/NOTICE /ffmpeg/

# -- Root file systems without a shell ----------------------------------------------------------------------------
FROM ${DEBIAN} AS roots
COPY deploy/image/root.sh /root.sh
RUN apt-get update \
 && sh /root.sh /roots/operator libc6 libgcc-s1 ca-certificates base-files \
 && sh /root.sh /roots/worker libc6 libgcc-s1 libstdc++6 ca-certificates base-files \
 && rm -rf /var/lib/apt/lists/*

# -- Model and ONNX Runtime ---------------------------------------------------------------------------------------
FROM ${DEBIAN} AS assets
ARG ACCELERATOR=cpu
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-pip ca-certificates \
 && rm -rf /var/lib/apt/lists/*
COPY --from=binaries /verbatim /usr/local/bin/verbatim
# Each file is pinned by its digest in inference/models/assets.lock.toml, which is compiled into the program.
# Timestamps are zero, so that this layer is identical in different versions.
COPY deploy/image/assets.sh deploy/image/cuda.txt /build/
RUN --mount=type=secret,id=ca,target=/run/ca.crt \
    if [ -s /run/ca.crt ]; then export PIP_CERT=/run/ca.crt; fi; \
    VERBATIM_CACHE=/opt/verbatim sh /build/assets.sh "$ACCELERATOR" \
 && chmod -R a+rX /opt/verbatim \
 && find /opt/verbatim -exec touch --no-dereference --date=@0 {} +

# -- Images -------------------------------------------------------------------------------------------------------
FROM scratch AS operator
ARG VERSION=0.1.0
ARG REVISION=unknown
COPY --from=roots /roots/operator /
COPY --from=binaries /verbatim-operator /usr/local/bin/verbatim-operator
LABEL org.opencontainers.image.title="verbatim-operator" \
      org.opencontainers.image.description="Schedules the workers of TranscriptionJobs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/verbatim-operator"]

FROM scratch AS worker
ARG VERSION=0.1.0
ARG REVISION=unknown
COPY --from=roots /roots/worker /
COPY --from=assets /opt/verbatim /opt/verbatim
COPY --from=binaries /verbatim /usr/local/bin/verbatim
# FFmpeg's libraries are in the program: their licence, and where their source is.
COPY --from=binaries /ffmpeg /usr/share/doc/ffmpeg
ENV VERBATIM_CACHE=/opt/verbatim
# For a worker with a GPU: the folder of the CUDA libraries, and the parts of the driver that the container
# needs. The device plugin sets the visible GPUs: a worker that requests none must not see all of them.
ENV LD_LIBRARY_PATH=/opt/verbatim/cuda NVIDIA_DRIVER_CAPABILITIES=compute,utility
LABEL org.opencontainers.image.title="verbatim-worker" \
      org.opencontainers.image.description="Transcribes recordings of a TranscriptionJob, with the model inside" \
      org.opencontainers.image.licenses="Apache-2.0 AND MIT AND LGPL-2.1-or-later" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 65532:65532
EXPOSE 9090
ENTRYPOINT ["/usr/local/bin/verbatim"]
