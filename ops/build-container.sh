#!/bin/sh
# Build the image where no container engine runs: buildah with chroot isolation, no daemon, no network of its own.
#   ops/build-container.sh [NAME]          NAME defaults to gleaner:local
# Needs root and `apt-get install buildah`. Environment:
#   BASE         base image; default docker.io/library/debian:bookworm-slim, fetched from its registry
#   BASE_ROOTFS  folder with a Debian bookworm instead (debootstrap --variant=minbase bookworm FOLDER), for machines
#                that reach a Debian mirror but no image registry
#   CA_BUNDLE    certificates to trust while building, for machines behind a proxy that re-signs TLS
#   STORAGE      folder for images; default is buildah's own
set -eu
cd "$(dirname "$0")/.."
name=${1:-gleaner:local}
base=${BASE:-docker.io/library/debian:bookworm-slim}

run() {
    buildah --storage-driver vfs ${STORAGE:+--root "$STORAGE" --runroot "$STORAGE.run"} "$@"
}

if [ -n "${BASE_ROOTFS:-}" ]; then
    base=localhost/gleaner-base:bookworm
    container=$(run from scratch)
    run add --quiet "$container" "$BASE_ROOTFS" /
    run commit --quiet "$container" "$base"
    run rm "$container" >/dev/null
fi

# The format that keeps HEALTHCHECK.
set -- build --isolation chroot --format docker --build-arg "BASE=$base" --tag "$name"
if [ -n "${BASE_ROOTFS:-}" ]; then
    set -- "$@" --pull-never
fi
if [ -n "${CA_BUNDLE:-}" ]; then
    conf=$(mktemp)
    trap 'rm -f "$conf"' EXIT
    printf '[global]\ncert = /etc/gleaner-build-ca.crt\n' >"$conf"
    chmod 0644 "$conf"
    set -- "$@" --volume "$CA_BUNDLE:/etc/gleaner-build-ca.crt:ro" --volume "$conf:/etc/pip.conf:ro"
fi
run "$@" .
