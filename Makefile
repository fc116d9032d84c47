# Commands for people and for the gate. `make help` lists them.
#
# One cargo profile (release) builds, tests and runs, so that the dependencies are compiled once.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export VERBATIM_TOOLS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/verbatim/tools
export PATH := $(VERBATIM_TOOLS)/bin:$(PATH)
# The binary turns ONNX Runtime's telemetry off by itself; tests and the bench's peers load the library
# without it.
export ORT_DISABLE_TELEMETRY := 1

CARGO_TARGET_DIR ?= target
VERBATIM := $(CARGO_TARGET_DIR)/release/verbatim
PYTHON ?= python3
# Options of `python3 -m bench`, for example BENCH="--runs 2 --peers moonshine,verbatim".
BENCH ?=
# Options of scripts/image/build.sh, for example IMAGE="--accelerator cuda worker".
IMAGE ?=
# Options of scripts/cluster/up.sh, for example CLUSTER=--from-source.
CLUSTER ?=
# Acceptance checks to run, for example ACCEPT="exact kill".
ACCEPT ?=
# Options of `verbatim soak`, for example SOAK="--hours 24 --concurrency 4".
SOAK ?=
# Options of scripts/check-queries.sh, for example QUERIES="--minutes 5".
QUERIES ?=
# Names of the tests on a node to run, for example NODE=queries; empty for all.
NODE ?=
# Seconds of fuzzing, shared by all targets.
FUZZ_SECONDS ?= 60
TRANSCRIPT_SCHEMA := docs/transcript.schema.json

.PHONY: help setup build verbatim model demo test test-rust test-node test-python bench lint fmt fmt-check deny generate check-generated
.PHONY: test-alerts check-queries image cluster cluster-demo cluster-down soak chaos chaos-workers operator-load accept golden fuzz fuzz-mutations clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  %-16s %s\n", $$1, $$2 }'

setup: ## Install the build tools that this machine lacks (root or not)
	@scripts/setup.sh build

build: setup ## Build the programs: target/release/verbatim, verbatim-operator
	cargo build --release --workspace --locked

# With the features of the whole workspace, so that `make build` compiles no dependency again.
verbatim: setup
	cargo build --release --workspace --locked --bin verbatim

model: verbatim
	$(VERBATIM) model pull

demo: model ## Transcribe the two recordings that come with the model, by the sample manifest
	@scripts/demo.sh $(VERBATIM)

test: ## Run every test, in stages: a failed one stops no other
	@scripts/stages.sh test

test-rust: build model
	@scripts/setup.sh promtool versitygw faketime kubernetes helm otelcol
	cargo test --release --workspace --locked --no-fail-fast

# A cluster of its own, beside one of `make cluster`; it goes away however the tests end.
test-node: export VERBATIM_CLUSTER := verbatim-test
test-node: export VERBATIM_CLUSTER_NUMBER := 1
test-node: build model ## Run the tests on a real Kubernetes node, every query of dashboards and alerts included (root)
	@if [ "$$(id -u)" -ne 0 ]; then \
	  echo "NOT CHECKED: jobs in real pods, since a node needs root: sudo make test-node" >&2; \
	else \
	  trap 'scripts/cluster/down.sh' EXIT; \
	  scripts/cluster/down.sh && scripts/cluster/up.sh && \
	  cargo test --release --workspace --locked --test node $(NODE); \
	fi

test-python:
	@scripts/setup.sh promtool
	$(PYTHON) -m unittest discover --start-directory bench/tests --top-level-directory .
	$(PYTHON) -m unittest discover --start-directory scripts/tests --top-level-directory .
	$(PYTHON) -m unittest discover --start-directory deploy/tests --top-level-directory deploy/tests

test-alerts: ## Check the alerts, and test that each fires, stays silent and resolves when it should
	@scripts/dashboards.sh alerts

check-queries: build model ## Run real jobs for a quarter of an hour, and every query of dashboards and alerts over them
	@scripts/setup.sh kubernetes versitygw prometheus
	scripts/check-queries.sh $(QUERIES)

bench: model ## Measure speed and memory beside peers, and write docs/benchmarks.md (20 minutes on 2 cores)
	$(PYTHON) -m bench --binary $(VERBATIM) $(BENCH)

soak: model ## Measure the engine's memory over ten minutes of recordings: target/soak/report/report.html
	scripts/soak.sh $(VERBATIM) $(SOAK)

chaos: build model ## Inject 300 random engine faults in one run, and compare each result with an undisturbed run
	VERBATIM_CHAOS_FAULTS=300 cargo test --release --locked --package verbatim --test engine_processes faults::random_faults -- --nocapture

chaos-workers: build model ## Kill and stop three workers over one bucket and shift their clocks, in 50 runs; nothing may be lost or done twice
	@scripts/setup.sh versitygw faketime
	VERBATIM_CHAOS_RUNS=50 cargo test --release --locked --package verbatim --test ledger_jobs chaos:: -- --nocapture

operator-load: build ## Measure the operator with 2,000 jobs, 500 of them running (five minutes)
	@scripts/setup.sh kubernetes
	cargo test --release --locked --package verbatim-operator --test cluster two_thousand -- --ignored --nocapture

image: ## Build the images of operator and worker with docker, podman or buildah (IMAGE=--prebuilt: from target/release)
	scripts/image/build.sh $(IMAGE)

cluster: build model ## Start a Kubernetes node, an S3 server and Prometheus, and install Verbatim by Helm (root)
	@scripts/cluster/up.sh $(CLUSTER)

cluster-demo: model ## Apply a job to that cluster, or to that of KUBECONFIG, and follow it until it is complete
	@scripts/cluster/demo.sh

cluster-down: ## Stop that cluster and remove everything it wrote
	@scripts/cluster/down.sh

accept: model ## Check exactness, flat memory and recovery from kills over real recordings (some minutes)
	$(PYTHON) -m bench.accept --binary $(VERBATIM) $(ACCEPT)

lint: setup ## Lint with clippy, helm lint and dashboard-linter; warnings are errors
	cargo clippy --release --workspace --all-targets --locked -- --deny warnings
	cargo clippy --release --workspace --test node --locked -- --deny warnings
	@scripts/features.sh
	@$(PYTHON) scripts/structure.py
	@scripts/setup.sh helm
	@for values in charts/verbatim/ci/*.yaml; do helm lint charts/verbatim --strict --quiet --values $$values; done
	@scripts/dashboards.sh lint

fmt: ## Format the code
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml

fmt-check:
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check

deny: ## Check licences, sources and bans of dependencies, and advisories if their database can be reached
	@scripts/setup.sh deny
	@scripts/deny.sh

generate: build ## Write the generated files: the CRD, the JSON schema of transcripts, the table of formats, dashboards, and parts of the chart
	@scripts/setup.sh helm
	$(CARGO_TARGET_DIR)/release/crdgen
	UPDATE_DOCS=1 cargo test --release --workspace --locked --quiet --test engine formats_table
	$(VERBATIM) schema > $(TRANSCRIPT_SCHEMA)
	scripts/dashboards.sh generate
	scripts/chart.sh

check-generated: build ## Fail if a generated file differs from what `make generate` writes
	@scripts/setup.sh helm
	$(CARGO_TARGET_DIR)/release/crdgen --check
	$(VERBATIM) schema | diff -u $(TRANSCRIPT_SCHEMA) - || { echo "run: make generate" >&2; exit 1; }
	scripts/dashboards.sh check
	scripts/chart.sh --check

golden: ## Write the golden transcripts again, with the vendor's graphs
	PYTHONPATH="$$($(PYTHON) bench/environment.py)" $(PYTHON) scripts/golden/make_golden.py \
	  inference/fixtures/golden/segments.json -o inference/fixtures/golden/moonshine.json

fuzz-mutations: ## Fuzz the decoders with seeded mutations of the fixtures for FUZZ_SECONDS (60), in the tests' build
	VERBATIM_FUZZ_SECONDS=$(FUZZ_SECONDS) cargo test --release --locked --workspace --test fuzz_decode -- --nocapture

fuzz: setup ## Fuzz the decoders with libFuzzer for FUZZ_SECONDS (60)
	@scripts/setup.sh fuzz
	@scripts/fuzz.sh $(FUZZ_SECONDS)

clean: ## Remove build outputs; the caches of models and tools stay
	cargo clean
	rm -rf bench-out
