#!/bin/sh
# Calls a URL with the rotator's token, by curl and jq: call.sh secret tokens/notes https://notes.example/z
# VAULT_ADDR and VAULT_TOKEN say where Vault is and who asks. No secret stands in the arguments of a program, where
# everybody on the machine could read it.
set -eu

mount=$1 path=$2 url=$3

entry() {
  printf 'header = "X-Vault-Token: %s"\n' "$VAULT_TOKEN" |
    curl --silent --show-error --fail --config - "$VAULT_ADDR/v1/$mount/data/$path" |
    jq --exit-status '.data.data
      | if .expires_at != null and (.expires_at | fromdate) <= now
        then error("the token of rotation \(.rotation) ended at \(.expires_at)") else . end'
}

# Prints the status. The answer goes into the file.
call() {
  printf '%s' "$1" | jq --raw-output '"header = " + ("\(.header_name): \(.header_value)" | tojson)' |
    curl --silent --show-error --config - --output "$answer" --write-out '%{http_code}' "$url"
}

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

found=$(entry)
status=$(call "$found")
if [ "$status" = 401 ]; then
  # The token may have been replaced in this very moment.
  found=$(entry)
  status=$(call "$found")
fi
cat "$answer"
case $status in 2??) ;; *)
  echo "HTTP $status" >&2
  exit 1
  ;;
esac
