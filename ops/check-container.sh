#!/bin/sh
# Run a built image without a container engine and check what it promises: it migrates, serves, answers its own health
# check, refuses callers without a key, cannot write outside /data and /tmp, stops cleanly, keeps its data.
#   ops/check-container.sh [NAME]          NAME defaults to gleaner:local
# Needs root, buildah, unshare. Environment: STORAGE as in build-container.sh, PORT (default 18421), DATABASE_URL (an
# empty PostgreSQL database; default: SQLite in /data).
set -eu
cd "$(dirname "$0")/.."
name=${1:-gleaner:local}
port=${PORT:-18421}
server=

run() {
    buildah --storage-driver vfs ${STORAGE:+--root "$STORAGE" --runroot "$STORAGE.run"} "$@"
}

say() { printf '%s\n' "check-container: $*" >&2; }
fail() {
    say "FAILED: $*"
    test -s "$work/log" && sed 's/^/    /' "$work/log" >&2
    exit 1
}

work=$(mktemp -d)
container=$(run from --pull-never "$name")
cleanup() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
    run umount "$container" >/dev/null 2>&1 || true
    run rm "$container" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT
root=$(run mount "$container")
user=$(run inspect --format '{{.OCIv1.Config.User}}' "$container")
run inspect --format '{{range .OCIv1.Config.Env}}{{println .}}{{end}}' "$container" | sed '/^$/d' >"$work/env"
printf 'GLEANER_PORT=%s\n' "$port" >>"$work/env"
if [ -n "${DATABASE_URL:-}" ]; then printf 'GLEANER_DATABASE_URL=%s\n' "$DATABASE_URL" >>"$work/env"; fi
uid=${user%%:*}
gid=${user##*:}
test "$uid" -ne 0 || fail "the image runs as root"
install --directory --owner "$uid" --group "$gid" --mode 0700 "$work/data"

# What a container engine would do: own mounts, read-only root, tmpfs on /tmp, no capability, no way to gain one.
cat >"$work/inside" <<'INSIDE'
set -eu
root=$1 work=$2 uid=$3 gid=$4
shift 4
mount --make-rprivate /
mount --bind "$root" "$root"
mount --options remount,bind,ro "$root"
mount --bind "$work/data" "$root/data"
mount --types tmpfs tmpfs "$root/tmp"
mount --bind /dev "$root/dev"
mount --bind /proc "$root/proc"
cd "$root"
set -f
IFS='
'
exec chroot "$root" /usr/bin/setpriv --reuid="$uid" --regid="$gid" --clear-groups --no-new-privs --inh-caps=-all \
    --bounding-set=-all /usr/bin/env --ignore-environment --chdir=/app $(cat "$work/env") "$@"
INSIDE

inside() { unshare --mount sh "$work/inside" "$root" "$work" "$uid" "$gid" "$@"; }

start() {
    unshare --mount sh "$work/inside" "$root" "$work" "$uid" "$gid" /app/ops/entrypoint.sh >>"$work/log" 2>&1 &
    server=$!
    waited=0
    until GLEANER_PORT=$port python3 ops/healthcheck.py 2>/dev/null; do
        kill -0 "$server" 2>/dev/null || fail "the server ended before it answered"
        waited=$((waited + 1))
        test "$waited" -lt 120 || fail "no answer after a minute"
        sleep 0.5
    done
}

stop() {
    kill -TERM "$server"
    code=0
    wait "$server" || code=$?
    server=
    test "$code" -eq 0 || fail "SIGTERM ended it with code $code"
}

# ask METHOD PATH KEY [BODY]: prints the status and, on the next line, the body
ask() {
    python3 - "$port" "$@" <<'PYTHON'
import http.client, sys
port, method, path, key, *body = sys.argv[1:]
connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
connection.request(method, path, body[0] if body else None, headers)
answer = connection.getresponse()
print(answer.status)
print(answer.read().decode())
PYTHON
}

start
say "it migrated and answers /health as user $user"
for path in /app/x /opt/gleaner/x /etc/x /x; do
    if inside sh -c "touch $path" 2>/dev/null; then fail "$path can be written"; fi
done
say "the root is read-only"
test "$(ask GET /ready '' | sed -n 1p)" = 200 || fail "/ready: $(ask GET /ready '')"
test "$(ask GET /v1/wallets '' | sed -n 1p)" = 401 || fail "it answers without a key"
key=$(inside gleaner key create check --scope admin 2>>"$work/log" | grep --only-matching 'glk_[A-Za-z0-9_-]*' | head -n 1)
test -n "$key" || fail "no key was made"
wallet='{"address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "chains": ["eip155:1"]}'
test "$(ask POST /v1/wallets "$key" "$wallet" | sed -n 1p)" = 201 || fail "no wallet: $(ask POST /v1/wallets "$key" "$wallet")"
say "it refuses callers without a key and works for one with a key"
stop
say "it stops cleanly"
start
ask GET /v1/wallets "$key" | grep --quiet 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed || fail "the wallet is gone after a restart"
stop
say "it keeps its data over a restart: all good"
