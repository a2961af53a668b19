#!/usr/bin/env bash
# bash 5.2: what a completion function gives for a word after an @ takes the place of the @ as well.
#
# Guess: as after a colon or an equals sign, which end words for completion too: what stands before
# stays, so the function gives what comes after it. COMP_WORDS says so: the @ is a word of its own.
# Seen in bash 5.2.15: after a colon it is so. After an @, box@50 with 5000 as its only completion
# becomes box5000; with the option hostcomplete, on unless told otherwise, turned off, box@50 is one
# word and becomes 5000.
# So: a completion of names with an @, such as those of systemd's instances, gives the @ itself while
# hostcomplete is on.
set -euo pipefail

# Those that Debian 12's archive has had lately.
readonly versions=(5.2.15-2+b13 5.2.15-2+b8 5.2.15-2+b7)

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
for version in "${versions[@]}"; do
  if apt-get download -qq "bash=$version" 2>>apt.log; then break; fi
done
for package in ./*.deb; do
  [[ -e $package ]] || { cat apt.log >&2; exit 2; }
  dpkg -x "$package" root
done
root/bin/bash --version | head -1

cat >complete.bash <<'BASH'
show() { echo "line: $*."; }
_show() { local IFS=,; echo "${COMP_WORDS[*]:1}" >words; COMPREPLY=(5000); }
complete -F _show show
BASH

python3 - <<'PYTHON'
import os
import pty
import re


def completed(hosts: str, typed: str) -> tuple[str, str]:
    """What a line is after Tab, and the words that the function was told."""
    process, terminal = pty.fork()
    if process == 0:
        environment = {"PATH": os.environ["PATH"], "PS1": "> ", "TERM": "dumb"}
        shell = ["root/bin/bash", "--norc", "--noprofile", "-i"]
        os.execve(shell[0], shell, environment)

    def wait_for(pattern: str) -> str:
        seen = ""
        while not (found := re.search(pattern, seen)):
            seen += os.read(terminal, 4096).decode()
        return found[1]

    os.write(terminal, f"source ./complete.bash; {hosts} hostcomplete; echo re''ady\n".encode())
    wait_for(r"(ready)\s+> ")
    os.write(terminal, f"show {typed}\t\n".encode())
    line = wait_for(r"line: (\S*)\.")
    os.write(terminal, b"exit\n")
    os.waitpid(process, 0)
    with open("words") as words:
        return line, words.read().strip()


seen = [
    (hosts, typed, *completed(f"shopt {hosts}", typed))
    for hosts in ("-s", "-u")
    for typed in ("box:50", "box@50")
]
for hosts, typed, line, words in seen:
    print(f"shopt {hosts} hostcomplete: {typed} (words: {words}) becomes {line}")
assert [line for *_, line, _ in seen] == ["box:5000", "box5000", "box:5000", "5000"]
assert seen[1][3] == "box,@,50", "COMP_WORDS are others now"
PYTHON
