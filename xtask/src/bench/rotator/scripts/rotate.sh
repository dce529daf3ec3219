#!/bin/sh
# One rotation as people write it: log in, take the token out of the answer, write it.
# rotate USER FOLDER VERSION
set -eu
answer=$(curl -fsS -d "username=$1" --data-urlencode "password=$ZETTELSTORE_PASSWORD" "${ZETTELSTORE_BASE_URL}a")
token=$(printf '%s' "$answer" | sed 's/^("Bearer" "\([^"]*\)".*/\1/')
printf '{"options":{"cas":%s},"data":{"token":"%s","subject":"%s"}}' "$3" "$token" "$1" |
  curl -fsS -o /dev/null -H "X-Vault-Token: $VAULT_TOKEN" -d @- "$VAULT_ADDR/v1/secret/data/$2/$1"
