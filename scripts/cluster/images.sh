# Images on the node. Sourced by up.sh.

images_up() {
  local archives=$state/archives
  "$root/scripts/image/build.sh" ${prebuilt:+--prebuilt} --archive "$archives" >"$logs/images.log" 2>&1 || {
    tail -n 15 "$logs/images.log" >&2
    die "failed to build the images: the whole log is $logs/images.log"
  }
}

# A second import of an image takes a second.
images_import() {
  pause_program
  static_image "$state/pause/pause" docker.io/library/verbatim-pause:1
  local archive
  for archive in "$state"/archives/*.tar; do
    containers images import "$archive" >/dev/null
  done
}

# Writes an image of one program unless it exists: program, name.
static_image() {
  local archive
  archive=$state/archives/$(basename "$1").tar
  [ -e "$archive" ] || python3 "$root/scripts/cluster/static_image.py" "$1" "$2" "$archive"
}

# The process that holds a pod's namespaces: Kubernetes' pause, from its source.
pause_program() {
  local source
  [ ! -e "$state/pause/pause" ] || return 0
  source=$(go list -C "$root/testing/tools/kubernetes" -m -f '{{.Dir}}' k8s.io/kubernetes)/build/pause/linux/pause.c
  mkdir -p "$state/pause"
  cc -Os -static -DVERSION=verbatim -o "$state/pause/pause" "$source"
}
