#!/usr/bin/env bash
# Runs clippy on a crate of the workspace instead of compiling it: the RUSTC_WORKSPACE_WRAPPER of `make lint`.
#
# `cargo clippy` checks all dependencies, although the build has compiled them. With this wrapper cargo uses
# the dependencies as compiled, and the crates of the workspace stop at their metadata, before code
# generation.
set -euo pipefail

# Build scripts have to run.
case " $* " in *" --crate-name build_script_"*) exec clippy-driver "$@" ;; esac

arguments=() name='' folder='' suffix='' kind='' previous=''
for argument in "$@"; do
  case $previous in
    --crate-name) name=$argument ;;
    --crate-type) kind=$argument ;;
    --out-dir) folder=$argument ;;
  esac
  case $argument in
    --emit=*) argument=--emit=dep-info,metadata ;;
    # Empty libraries come from below.
    *=*.rlib) [ -s "${argument#*=}" ] || argument=${argument%.rlib}.rmeta ;;
    extra-filename=*) suffix=${argument#*=} ;;
    --test) kind=test ;;
  esac
  arguments+=("$argument")
  previous=$argument
done
clippy-driver "${arguments[@]}"
# The files that cargo expects, so that it does not lint the crate again. Not for programs: cargo would
# replace target/release/NAME.
case $kind in
  lib) : >>"$folder/lib$name$suffix.rlib" ;;
  test) : >>"$folder/$name$suffix" ;;
esac
