# Images on the node. Sourced by up.sh.

images_up() {
  local archives=$state/archives
  "$root/scripts/image/build.sh" ${prebuilt:+--prebuilt} --archive "$archives" >"$logs/images.log" 2>&1 || {
    tail -n 15 "$logs/images.log" >&2
    die "the images cannot be built: the whole log is $logs/images.log"
  }
}

# What is on the node already is imported again in a second.
images_import() {
  pause_image
  local archive
  for archive in "$state"/archives/*.tar "$state/pause.tar"; do
    containers images import "$archive" >/dev/null
  done
}

# Each pod has a process that holds its namespaces: Kubernetes' own, from its source.
pause_image() {
  local source container
  [ ! -e "$state/pause.tar" ] || return 0
  source=$(go list -C "$root/tests/tools/kubernetes" -m -f '{{.Dir}}' k8s.io/kubernetes)/build/pause/linux/pause.c
  mkdir -p "$state/pause"
  cc -Os -static -DVERSION=verbatim -o "$state/pause/pause" "$source"
  tar -C "$state/pause" -cf "$state/pause/layer.tar" pause
  # An image is a list of layers and a configuration: no engine is needed to write one this small.
  python3 "$root/scripts/cluster/pause_image.py" "$state/pause/layer.tar" docker.io/library/verbatim-pause:1 "$state/pause.tar"
}
