#!/bin/sh
# `serve` (the default) brings the database up to date first; any other argument is a gleaner command:
#   docker run gleaner                      migrate, then serve
#   docker run gleaner wallet list          that command alone
set -eu
test $# -gt 0 || set -- serve
if [ "$1" = serve ]; then
    gleaner db upgrade
fi
# exec: the server is process 1 and gets the signals itself, so that stopping is clean and quick.
exec gleaner "$@"
