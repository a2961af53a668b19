#!/bin/bash
# health_check.sh URL: the health check of an app, as a service of Type=notify beside it.
#
# systemd has it up when URL answers, and no more when URL has failed three times in a row: it ends
# with an error, and Restart= begins it anew. So is what Name= in [X-Fleet] says found as long as
# the app answers.
#
# Environment, optionally
#   HEALTH_CHECK_DRAIN  seconds between SIGTERM and the end (2): systemd stops what this is ordered
#                       After= only then, and whoever was told the name still comes
set -u

url=${1:-}
drain=${HEALTH_CHECK_DRAIN:-2}
allowed_misses=3

if [ -z "$url" ]; then
    echo "health_check.sh: no URL; say which: health_check.sh http://127.0.0.1:5000/health" >&2
    exit 2
fi

answers() {
    curl --silent --fail --output /dev/null --max-time 2 "$url"
}

pause() {
    sleep 1 &
    wait -n
}

leave() {
    trap '' TERM INT
    # Without an app, there is nothing to wait for.
    answers && sleep "$drain"
    exit 0
}

trap leave TERM INT
until answers; do pause; done
[ -z "${NOTIFY_SOCKET-}" ] || systemd-notify --ready --status="$url answers"
misses=0
while [ $misses -lt $allowed_misses ]; do
    pause
    if answers; then misses=0; else misses=$((misses + 1)); fi
done
echo "health_check.sh: $url has not answered $misses times in a row" >&2
exit 1
