#!/usr/bin/env bash
# Asks a live server everything that its own description allows, and much that it does not, with schemathesis
# (PyPI): every answer must be one that the description names, in the shape it names, and nothing may fail with 500.
#
#   tests/contract/run.sh [schemathesis options]      DERING=target/debug/dering, EXAMPLES=25
#
# Says so and passes where Python or PyPI cannot be reached.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD
dering=$(realpath "${DERING:-target/debug/dering}")
venv=$(realpath -m "${CONTRACT_VENV:-target/contract}")
version=4.32.5

if ! "$venv/bin/schemathesis" --version >/dev/null 2>&1; then
  if ! { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet "schemathesis==$version"; } 2>/dev/null; then
    echo "skipped: schemathesis is not installed and PyPI cannot be reached (python3-venv is needed, too)"
    exit 0
  fi
fi

work=$(mktemp -d)
server=
cleanup() {
  [[ -z $server ]] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
  rm -rf "$work"
}
trap cleanup EXIT

mkdir "$work/flows"
cat >"$work/flows/contract.yaml" <<'FLOW'
flow: contract
start: talk
scenes: { talk: [ { wait: 1s }, { hangup: done } ] }
FLOW
port=${PORT:-$((20000 + RANDOM % 20000))}
# Nobody answers at the trunk: calls are accepted, placed and fail.
cat >"$work/dering.yaml" <<CONFIG
listen: 127.0.0.1:$port
database: $work/dering.db
recordings: $work/recordings
speech_cache: $work/speech
flows: $work/flows
log: { filter: warn }
# Schemathesis also asks without a key and with wrong ones, and it asks fast.
auth: { app_rate: null, key_rate: null, failed_logins_per_minute: 0 }
trunks: [ { name: nowhere, url: "http://127.0.0.1:9", token: none } ]
CONFIG
# Apps that may do everything: one to ask with, and spare ones, because some operations take apps away or change them.
tokens=
for n in $(seq "${SPARE:-12}"); do
  "$dering" app --database "$work/dering.db" add "spare-$n" --scope "SmartAssist Dialout" --scope read --scope flows \
    --scope campaigns --scope admin >/dev/null
  tokens+="spare-$n $("$dering" token --app "spare-$n" --database "$work/dering.db" --ttl 12h)"$'\n'
done
export CONTRACT_TOKENS=$tokens CONTRACT_URL="http://127.0.0.1:$port"
export SCHEMATHESIS_HOOKS="$here/tests/contract/hooks.py"
"$dering" serve --config "$work/dering.yaml" >"$work/log" 2>&1 &
server=$!
for _ in $(seq 100); do
  curl -sf "http://127.0.0.1:$port/health" >/dev/null && break
  sleep 0.1
done

status=0
# Schemathesis keeps notes where it runs.
cd "$work"
"$venv/bin/schemathesis" --config-file "$here/tests/contract/schemathesis.toml" run "http://127.0.0.1:$port/openapi.json" \
  --phases examples,coverage,fuzzing,stateful --max-examples "${EXAMPLES:-25}" "$@" || status=$?
if ! kill -0 "$server" 2>/dev/null || grep -q 'panicked' "$work/log"; then
  echo "the server did not survive:"
  status=1
fi
((status == 0)) || tail -40 "$work/log"
exit "$status"
