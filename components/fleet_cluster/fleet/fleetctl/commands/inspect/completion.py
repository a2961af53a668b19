"""`fleetctl completion`."""

from argparse import ArgumentParser, Namespace

from ...cli.errors import Exit
from ...operations.context import Context
from ..command import Command, RunsOn

BASH = r"""
_fleetctl() {
    local line=${COMP_LINE:0:COMP_POINT} IFS=$' \t' before last
    local -a words
    read -ra words <<<"$line"
    [[ $line != *[[:space:]] ]] || words+=("")
    last=${words[-1]}
    # What is before the last of these is a word of its own to bash: it stays as it is.
    before=${last%"${last##*[$COMP_WORDBREAKS]}"}
    # But for an @: while bash completes hosts, what it puts there takes the place of the @ as well.
    ! shopt -q hostcomplete || before=${before%@}
    IFS=$'\n'
    COMPREPLY=($("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null))
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
    [[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != */ ]] || compopt -o nospace
}
complete -F _fleetctl fleetctl
"""
ZSH = r"""
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_fleetctl() {
    local -a found
    found=("${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    compadd -S '' -- ${(M)found:#*/}
    compadd -- ${found:#(*/|)}
}
compdef _fleetctl fleetctl
"""
FISH = r"""
function __fleetctl_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -a words (commandline --current-token --cut-at-cursor)
    $words[1] complete -- $words[2..] 2>/dev/null
end
complete --command fleetctl --no-files --arguments '(__fleetctl_complete)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=SCRIPTS, help="for this shell")


def _run(context: Context, arguments: Namespace) -> int:
    del context
    print(SCRIPTS[arguments.shell].strip("\n"))
    return Exit.DONE


COMMAND = Command(
    name="completion",
    summary="a script by which the shell completes commands, options, units and machines",
    help="""\
Print a script for the shell. With it, Tab completes commands, options, and the names of units and
machines, which the cluster is asked for; one that does not answer within two seconds has none.""",
    example="""
  $ source <(fleetctl completion bash)   # in ~/.bashrc
  $ source <(fleetctl completion zsh)    # in ~/.zshrc
  $ fleetctl completion fish | source    # in ~/.config/fish/config.fish
""",
    configure=_configure,
    run=_run,
    runs_on=RunsOn.HERE,
)
