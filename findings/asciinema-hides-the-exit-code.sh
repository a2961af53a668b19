#!/usr/bin/env bash
# asciinema 2.4.0: a recording of a command that failed ends well, and says nothing of it.
#
# Guess: `asciinema rec --command PROGRAM` ends with the program's exit code, as script -e and time do.
# Seen: it ends with 0 whatever the program ended with, also where there is no such program, and the
# file (asciicast v2) has the output only: a script that makes pictures publishes that of a failure.
# So: the demo's recording has the shell note the exit code beside it, and makes no picture of a failure.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check asciinema==2.4.0
venv/bin/pip freeze | grep asciinema

export LC_ALL=C.UTF-8 ASCIINEMA_CONFIG_HOME=$folder/home
for command in 'exit 3' 'no-such-program' 'true'; do
  code=0
  venv/bin/asciinema rec --quiet --cols 80 --rows 24 --command "$command" recording.cast </dev/null || code=$?
  echo "$command: exit code $code, $(grep -c '"exit"\|"x",' recording.cast || true) lines that tell it"
  rm recording.cast
done | tee seen
[[ $(grep -c 'exit code 0, 0 lines' seen) == 3 ]] || { echo "it has changed" >&2; exit 1; }
