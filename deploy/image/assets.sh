#!/bin/sh
# Fetches and verifies what the worker loads: model, ONNX Runtime, and for a GPU CUDA's libraries.
#
# usage: assets.sh cpu|cuda   (with VERBATIM_CACHE, pip and verbatim)
set -eu

case $1 in
  cpu) verbatim model pull ;;
  cuda)
    verbatim model pull --gpu
    work=$(mktemp -d)
    python3 -m pip install --quiet --no-deps --require-hashes --only-binary :all: --target "$work" -r /build/cuda.txt
    mkdir -p "$VERBATIM_CACHE/cuda"
    find "$work" -name 'lib*.so.*' ! -name 'libnvblas*' ! -name 'libcufftw*' -exec mv {} "$VERBATIM_CACHE/cuda/" \;
    rm -rf "$work"
    # Everything that the provider names must be there but the driver, which the node hands in.
    missing=$(LD_LIBRARY_PATH="$VERBATIM_CACHE/cuda" ldd "$VERBATIM_CACHE"/runtime/onnxruntime-gpu-*/libonnxruntime_providers_cuda.so |
      grep 'not found' | grep -v -e libcuda.so -e libonnxruntime || true)
    [ -z "$missing" ] || { echo "CUDA's libraries are not complete: $missing" >&2 && exit 1; }
    ;;
  *) echo "ACCELERATOR is cpu or cuda, not $1" >&2 && exit 2 ;;
esac
verbatim model verify
