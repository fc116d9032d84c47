#!/usr/bin/env bash
# Lints a crate of the workspace in place of compiling it: cargo's RUSTC_WORKSPACE_WRAPPER under `make lint`.
#
# `cargo clippy` checks every dependency anew, which the build has compiled already. Under this wrapper cargo takes the build's
# dependencies, and clippy stops before code is generated for the workspace's own crates: they give metadata alone.
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
    # An empty one is from below.
    *=*.rlib) [ -s "${argument#*=}" ] || argument=${argument%.rlib}.rmeta ;;
    extra-filename=*) suffix=${argument#*=} ;;
    --test) kind=test ;;
  esac
  arguments+=("$argument")
  previous=$argument
done
clippy-driver "${arguments[@]}"
# What cargo expects of a crate, so that it does not lint it again. Programs are left out: cargo would link to them.
case $kind in
  lib) : >>"$folder/lib$name$suffix.rlib" ;;
  test) : >>"$folder/$name$suffix" ;;
esac
