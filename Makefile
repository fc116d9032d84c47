# Everything that people and the gate do with this repository. `make help` lists the targets.
#
# One cargo profile (release) builds, tests and runs, so that the dependencies are compiled once.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export VERBATIM_TOOLS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/verbatim/tools
export PATH := $(VERBATIM_TOOLS)/bin:$(PATH)
# The binary turns ONNX Runtime's telemetry off by itself; tests and the bench's peers load the library without it.
export ORT_DISABLE_TELEMETRY := 1

CARGO_TARGET_DIR ?= target
VERBATIM := $(CARGO_TARGET_DIR)/release/verbatim
PYTHON ?= python3
# Options of `python3 -m bench`, as BENCH="--runs 2 --peers moonshine,verbatim".
BENCH ?=
# Options of scripts/image/build.sh, as IMAGE="--accelerator cuda worker".
IMAGE ?=
# Options of scripts/cluster/up.sh, as CLUSTER=--from-source.
CLUSTER ?=
# Which acceptance checks, as ACCEPT="exact kill".
ACCEPT ?=
# Options of `verbatim soak`, as SOAK="--hours 24 --concurrency 4".
SOAK ?=
# Options of `scripts/watched.sh`, as WATCHED="--minutes 5".
WATCHED ?=
# Seconds of fuzzing, shared by all targets.
FUZZ_SECONDS ?= 60
TRANSCRIPT_SCHEMA := docs/transcript.schema.json

.PHONY: help setup build model demo test test-rust test-python bench lint fmt fmt-check deny generate check-generated
.PHONY: test-alerts watched image cluster cluster-demo cluster-down soak chaos chaos-workers operator-load accept golden fuzz fuzz-mutations clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  %-16s %s\n", $$1, $$2 }'

setup: ## Install what this machine lacks to build (root or not)
	@scripts/setup.sh build

build: setup ## Build the binary: target/release/verbatim
	cargo build --release --workspace --locked

model: build
	$(VERBATIM) model pull

demo: model ## Transcribe the two recordings that come with the model, from the sample manifest
	@scripts/demo.sh $(VERBATIM)

test: test-rust test-node test-python test-alerts ## Run every test

test-rust: model
	@scripts/setup.sh promtool versitygw faketime kubernetes helm otelcol
	cargo test --release --workspace --locked --no-fail-fast

# A cluster of its own, so that it takes nobody's; it goes away whatever the tests say.
test-node: export VERBATIM_CLUSTER := verbatim-test
test-node: export VERBATIM_CLUSTER_NUMBER := 1
test-node: model ## Run the tests on a real node, then every query of dashboards and alerts over what it saw (root)
	@if [ "$$(id -u)" -ne 0 ]; then \
	  echo "NOT CHECKED: jobs in real pods, since a node takes root: sudo make test-node" >&2; \
	else \
	  trap 'scripts/cluster/down.sh' EXIT; \
	  scripts/cluster/down.sh && scripts/cluster/up.sh && begun=$$SECONDS && \
	  cargo test --release --workspace --locked --test node && \
	  $(PYTHON) deploy/tests/queries.py "$$(scripts/cluster/control.sh prometheus)" --minutes $$(((SECONDS - begun) / 60 + 1)) \
	    --excuse "needs a GPU" --excuse "needs an alert that fires"; \
	fi

test-python:
	@scripts/setup.sh promtool
	$(PYTHON) -m unittest discover --start-directory bench/tests --top-level-directory .
	$(PYTHON) -m unittest discover --start-directory scripts/tests --top-level-directory .
	$(PYTHON) -m unittest discover --start-directory deploy/tests --top-level-directory deploy/tests

test-alerts: ## Check the alerts, and test when each fires, stays silent and resolves
	@scripts/dashboards.sh alerts

watched: model ## Run real jobs for a quarter of an hour, look at them by every query of dashboards and alerts, and draw them
	@scripts/setup.sh kubernetes versitygw prometheus
	scripts/watched.sh $(WATCHED)

bench: model ## Measure beside the peers and write docs/benchmarks.md (about 20 minutes on 2 cores)
	$(PYTHON) -m bench --binary $(VERBATIM) $(BENCH)

soak: model ## Watch the engine's memory over ten minutes of recordings: target/soak/report/report.html
	scripts/soak.sh $(VERBATIM) $(SOAK)

chaos: model ## Suffer 300 random faults in one run, and compare each result with an undisturbed run's
	VERBATIM_CHAOS_FAULTS=300 cargo test --release --locked --package verbatim --test engine_processes faults::faults_at_random -- --nocapture

chaos-workers: model ## Kill, stop and mislead three workers over one bucket, in 50 runs; nothing may be lost or twice
	@scripts/setup.sh versitygw faketime
	VERBATIM_CHAOS_RUNS=50 cargo test --release --locked --package verbatim --test ledger_jobs chaos:: -- --nocapture

operator-load: build ## Watch the operator with 2,000 jobs, 500 of them running (five minutes)
	@scripts/setup.sh kubernetes
	cargo test --release --locked --package verbatim-operator --test cluster two_thousand -- --ignored --nocapture

image: ## Build the images of the operator and the worker with docker, podman or buildah (IMAGE="--prebuilt": of target/release)
	scripts/image/build.sh $(IMAGE)

cluster: model ## Bring up a Kubernetes node, an S3 server, Prometheus, and Verbatim in it by Helm (root)
	@scripts/cluster/up.sh $(CLUSTER)

cluster-demo: model ## Apply a job to that cluster, or to KUBECONFIG's, and follow it until it is complete
	@scripts/cluster/demo.sh

cluster-down: ## End that cluster; nothing stays
	@scripts/cluster/down.sh

accept: model ## Check exactness, flat memory and kills over real recordings (some minutes)
	$(PYTHON) -m bench.accept --binary $(VERBATIM) $(ACCEPT)

lint: setup ## Lint with clippy, helm and dashboard-linter; warnings are errors
	cargo clippy --release --workspace --all-targets --locked -- --deny warnings
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

deny: ## Check licences, sources, bans, and advisories where their database can be reached
	@scripts/setup.sh deny
	@scripts/deny.sh

generate: build ## Write the generated files: the CRD, the JSON schema of transcripts, dashboards, and parts of the chart
	@scripts/setup.sh helm
	cargo run --release --locked --quiet --package verbatim-crds --bin crdgen
	$(VERBATIM) schema > $(TRANSCRIPT_SCHEMA)
	scripts/dashboards.sh generate
	scripts/chart.sh

check-generated: build ## Fail when a generated file differs from what `make generate` writes
	@scripts/setup.sh helm
	cargo run --release --locked --quiet --package verbatim-crds --bin crdgen -- --check
	$(VERBATIM) schema | diff -u $(TRANSCRIPT_SCHEMA) - || { echo "run: make generate" >&2; exit 1; }
	scripts/dashboards.sh check
	scripts/chart.sh --check

golden: ## Make the golden transcripts again with the vendor's graphs
	PYTHONPATH="$$($(PYTHON) bench/environment.py)" $(PYTHON) scripts/golden/make_golden.py \
	  inference/fixtures/golden/segments.json -o inference/fixtures/golden/moonshine.json

fuzz-mutations: ## Fuzz decoding with seeded mutations of the fixtures, in the build that the tests made
	VERBATIM_FUZZ_SECONDS=$(FUZZ_SECONDS) cargo test --release --locked --workspace --test fuzz_decode -- --nocapture

fuzz: setup ## Fuzz the decoders for FUZZ_SECONDS (60)
	@scripts/setup.sh fuzz
	@scripts/fuzz.sh $(FUZZ_SECONDS)

clean: ## Remove what was built; the caches of models and tools stay
	cargo clean
	rm -rf bench-out
