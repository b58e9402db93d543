#!/bin/sh
# `serve` (the default) brings the database up to date first; any other argument is a gleaner command:
#   docker run gleaner                      migrate, then serve
#   docker exec CONTAINER gleaner wallet list
set -eu
if [ "${1:-serve}" = serve ]; then
    gleaner db upgrade
fi
# exec: the server is process 1 and gets the signals itself, so that stopping is clean and quick.
exec gleaner "$@"
