# shellcheck shell=bash
# Programs for tests, which modules in testing/tools pin with all their dependencies.
# Sourced by scripts/setup.sh, which defines `here`, `tools`, `say` and `has`.

# The linter of the dashboards.
get_dashboard_linter() {
  local module="$here/../testing/tools/dashboard-linter" version folder
  version=$(awk '/github.com\/grafana\/dashboard-linter v/ { print $2 }' "$module/go.mod")
  folder="$tools/dashboard-linter-$version"
  if [ ! -x "$folder/dashboard-linter" ]; then
    has go || return 1
    say "building dashboard-linter into $folder, which takes two or three minutes"
    mkdir -p "$folder"
    GOTOOLCHAIN=local go build -C "$module" -trimpath -buildvcs=false -ldflags "-s -w" \
      -o "$folder/dashboard-linter" github.com/grafana/dashboard-linter >&2 || return 1
  fi
  mkdir -p "$tools/bin"
  ln -sfn "$folder/dashboard-linter" "$tools/bin/dashboard-linter"
}

# The collector of traces for tests; built again when its source changes.
get_otelcol() {
  local module="$here/../testing/tools/otelcol" version folder
  version=$(awk '$1 == "go.opentelemetry.io/collector/otelcol" { print $2 }' "$module/go.mod")
  folder="$tools/otelcol-$version-$(cat "$module"/{go.mod,go.sum,main.go,lines/lines.go} | sha256sum | cut -c -12)"
  if [ ! -x "$folder/otelcol" ]; then
    has go || return 1
    say "building the OpenTelemetry Collector $version into $folder, which takes a minute or two"
    mkdir -p "$folder"
    GOTOOLCHAIN=local go build -C "$module" -trimpath -buildvcs=false -ldflags "-s -w" \
      -o "$folder/otelcol" . >&2 || return 1
  fi
  mkdir -p "$tools/bin"
  ln -sfn "$folder/otelcol" "$tools/bin/otelcol"
}

# Kubernetes' own programs, and etcd.
kubernetes_module="$here/../testing/tools/kubernetes"

# Builds the programs that are missing, with one command, so that one is linked while another is compiled.
get_kubernetes() {
  local version folder name packages=() missing=()
  version=$(awk '$1 == "require" && $2 == "k8s.io/kubernetes" { print $3 }' "$kubernetes_module/go.mod")
  folder="$tools/kubernetes-$version"
  for name in "$@"; do
    [ ! -x "$folder/$name" ] || continue
    missing+=("$name")
    case $name in
      etcd) packages+=(go.etcd.io/etcd/server/v3) ;;
      *) packages+=("k8s.io/kubernetes/cmd/$name") ;;
    esac
  done
  if [ "${#missing[@]}" -gt 0 ]; then
    has go || return 1
    say "building ${missing[*]} of Kubernetes $version into $folder, which can take ten minutes"
    build_kubernetes "$version" "$folder.$1.partial/" "${packages[@]}" || return 1
    mkdir -p "$folder"
    # Go names a program after its package.
    [ ! -e "$folder.$1.partial/server" ] || mv "$folder.$1.partial/server" "$folder.$1.partial/etcd"
    mv "$folder.$1.partial"/* "$folder"
    rmdir "$folder.$1.partial"
  fi
  mkdir -p "$tools/bin"
  for name in "$@"; do
    ln -sfn "$folder/$name" "$tools/bin/$name"
  done
}

# Builds packages of Kubernetes: version, folder, packages.
build_kubernetes() {
  local version=$1 folder=$2 at=k8s.io/component-base/version numbers
  shift 2
  IFS=. read -ra numbers <<<"${version#v}"
  mkdir -p "$folder"
  GOTOOLCHAIN=local go build -C "$kubernetes_module" -trimpath -buildvcs=false -o "$folder" \
    -ldflags "-s -w -X $at.gitVersion=$version -X $at.gitMajor=${numbers[0]} -X $at.gitMinor=${numbers[1]}" "$@" >&2
}
