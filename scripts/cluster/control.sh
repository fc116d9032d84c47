#!/usr/bin/env bash
# Stops or starts one server of the cluster; or creates a bucket; or prints the address of Prometheus.
#
# usage: scripts/cluster/control.sh stop|start api-server|store
#        scripts/cluster/control.sh bucket NAME
#        scripts/cluster/control.sh prometheus
#
# A stop is a kill. Controllers and scheduler stop with the API server, as they do when they fail to renew
# their leases.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
for part in control_plane store; do
  # shellcheck source=/dev/null
  source "$root/scripts/cluster/$part.sh"
done

case "${1:-} ${2:-}" in
  "stop api-server") for program in api-server controller-manager scheduler; do end "$program" KILL; done ;;
  "start api-server") control_plane_up ;;
  "stop store") end store KILL ;;
  "start store") store_up ;;
  "bucket "?*) store_request PUT "/$2" >/dev/null 2>&1 || store_request HEAD "/$2" --head >/dev/null ;;
  "prometheus ") echo "$prometheus" ;;
  *)
    sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
