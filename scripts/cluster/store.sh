# A real S3 server for the cluster. Sourced by up.sh.

store_up() {
  local keys=$state/store.env
  mkdir -p "$state/store/data" "$state/store/meta"
  echo "$store" >"$state/endpoint"
  if [ ! -e "$keys" ]; then
    (umask 077 && printf 'ROOT_ACCESS_KEY=%s\nROOT_SECRET_KEY=%s\n' "verbatim$(openssl rand -hex 4)" "$(openssl rand -hex 20)" >"$keys")
  fi
  # In a subshell, so that no other program gets the keys in its environment.
  alive store || (
    set -a
    # shellcheck source=/dev/null
    . "$keys"
    set +a
    spawn store versitygw --port "$node_address:7070" posix --sidecar "$state/store/meta" "$state/store/data"
  )
  await "the S3 server" store_answers
}

# Any answer counts: requests without a key are refused.
store_answers() { curl --silent --output /dev/null --max-time 2 "$store/"; }

# Sends a request to the store: method, path, further options of curl. Keys go through standard input, so that
# no list of processes shows them.
store_request() {
  local method=$1 path=$2
  shift 2
  # shellcheck source=/dev/null
  . "$state/store.env"
  curl --silent --show-error --fail --config - --request "$method" --aws-sigv4 aws:amz:us-east-1:s3 \
    --header "x-amz-content-sha256: UNSIGNED-PAYLOAD" "$@" "$store$path" \
    <<<"user = \"$ROOT_ACCESS_KEY:$ROOT_SECRET_KEY\""
}

# Writes the store's keys to a Secret: namespace, name.
store_secret() {
  # shellcheck source=/dev/null
  . "$state/store.env"
  admin apply -f - >/dev/null <<END
apiVersion: v1
kind: Secret
metadata: {name: $2, namespace: $1}
stringData: {AWS_ACCESS_KEY_ID: "$ROOT_ACCESS_KEY", AWS_SECRET_ACCESS_KEY: "$ROOT_SECRET_KEY"}
END
}
