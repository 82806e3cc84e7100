"""What a shell has to source, so that TAB completes the command lines of scripts and of the command ``naga``."""

from __future__ import annotations

import shlex
import sys

__all__ = ["SHELLS", "completion_script"]

SHELLS = ("bash", "zsh", "fish")
"""The shells that can be taught."""

# What bash does for commands that nothing is registered for is what bash-completion has set, or nothing; it stays so
# for all but scripts. Once bash-completion was asked about a script, it would answer for it from then on.
_BASH = """\
# Completes the command line of naga, and of scripts with a naga main, as in: python script.py -o <TAB>
_naga_words() {
    local line more
    local -x COMP_LINE=$COMP_LINE COMP_POINT=$COMP_POINT COMP_WORDBREAKS=$COMP_WORDBREAKS
    COMPREPLY=()
    while IFS= read -r line; do
        if [ "$line" = nospace ] && [ -z "$more" ]; then compopt -o nospace 2>/dev/null; else COMPREPLY+=("$line"); fi
        more=yes
    done < <("$@" bash 2>/dev/null)
}
_naga_script() { _naga_words @SCRIPT@; }
_naga_command() { _naga_words @COMMAND@; }
_naga_default() {
    if [[ $1 == *.py ]]; then _naga_script; elif [ -n "$_naga_otherwise" ]; then "$_naga_otherwise" "$@"; fi
}
if [[ $(complete -p -D 2>/dev/null) =~ -F\\ ([^ ]+) ]] && [ "${BASH_REMATCH[1]}" != _naga_default ]; then
    _naga_otherwise=${BASH_REMATCH[1]}
fi
complete -o bashdefault -o default -F _naga_script @PYTHONS@
complete -o bashdefault -o default -F _naga_command naga
complete -o bashdefault -o default -D -F _naga_default 2>/dev/null
"""

_ZSH = """\
# Completes the command line of naga, and of scripts with a naga main, as in: python script.py -o <TAB>
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
_naga_words() {
    local -a found whole open
    found=("${(@f)$("$@" words "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    found=("${(@)found:#}")
    if (( ! $#found )); then
        if [[ $words[1] == *python* ]] && (( $+functions[_python] )); then _python; else _default; fi
        return
    fi
    open=("${(@M)found:#*[=/,]}")
    whole=("${(@)found:#*[=/,]}")
    (( $#open )) && compadd -S '' -- "${open[@]}"
    (( $#whole )) && compadd -- "${whole[@]}"
}
_naga_script() { _naga_words @SCRIPT@ }
_naga_command() { _naga_words @COMMAND@ }
compdef _naga_script @PYTHONS@ -P '*.py'
compdef _naga_command naga
"""

_FISH = """\
# Completes the command line of naga, and of scripts with a naga main, as in: python script.py -o <TAB>
function __naga_script; @SCRIPT@ $argv; end
function __naga_command; @COMMAND@ $argv; end
function __naga_finds
    set -l typed (commandline -opc)
    set -l token (commandline -ct)
    set -g __naga_found ($argv[1] words $typed "$token" 2>/dev/null)
    test (count $__naga_found) -gt 0
end
for program in @PYTHONS@
    complete -c $program -f -k -n '__naga_finds __naga_script' -a '$__naga_found'
end
complete -p '*.py' -f -k -n '__naga_finds __naga_script' -a '$__naga_found'
complete -c naga -f -k -n '__naga_finds __naga_command' -a '$__naga_found'
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
_PYTHONS = "python python3 python3.11 python3.12 python3.13 python3.14"


def completion_script(shell: str) -> str:
    """Return what a shell has to source.

    Parameters
    ----------
    shell : str
        One of `SHELLS`.

    Returns
    -------
    str
        It calls the interpreter that runs now, in whatever environment a script is run.
    """
    # -P: a folder that somebody is in must not lend its modules to this.
    program = f"{shlex.quote(sys.executable)} -P -m"
    text = _SCRIPTS[shell].replace("@PYTHONS@", _PYTHONS)
    text = text.replace("@SCRIPT@", f"{program} naga.config.shell_completion")
    return text.replace("@COMMAND@", f"{program} naga.cli.candidates")
