"""Scripts that complete commands, options and their choices in a shell, made from the parsers themselves."""

from argparse import Action, ArgumentParser
from collections.abc import Iterator, Mapping

# What completes by asking the program: rule names, several of them after commas.
RULE_OPTIONS = ("--select", "--ignore")

# "=" and ":" may be words of their own in COMP_WORDS: the word is cut at the last blank instead.
BASH = """\
_patchscan_rules()
{{
	local done="" last=$1 name
	case "$1" in *,*) done=${{1%,*}},; last=${{1##*,}} ;; esac
	for name in $(compgen -W "{rules}" -- "$last"); do
		case ",$done" in *",$name,"*) ;; *) printf '%s\\n' "$done$name" ;; esac
	done
}}

_patchscan_values()
{{
	case "$1" in
{choices}
	*) return 1 ;;
	esac
}}

_patchscan()
{{
	local line=${{COMP_LINE:0:COMP_POINT}} name=scan word before option prefix="" words
	local commands="{commands}"
	words=($line)
	case "$line" in *[[:space:]]) words+=("") ;; esac
	local last=$((${{#words[@]}} - 1))
	word=${{words[last]}} before=${{words[last - 1]}}
	COMPREPLY=()
	case " $commands " in *" ${{words[1]}} "*) [ "$last" -gt 1 ] && name=${{words[1]}} ;; esac
	case "$word" in
	--*=*)
		before=${{word%%=*}} word=${{word#*=}}
		# Where "=" breaks words, readline puts what is given behind it.
		case "$COMP_WORDBREAKS" in *=*) ;; *) prefix=$before= ;; esac
		;;
	esac
	if [ "$name" = explain ] && [ "$last" -eq 2 ]; then
		case "$word" in -*) ;; *) before=--select ;; esac
	fi
	if option=$(_patchscan_values "$before" "$word"); then
		COMPREPLY=($option)
		compopt -o nosort 2>/dev/null
	elif [ "${{word#-}}" != "$word" ]; then
		case "$name" in
{options}
		esac
	elif [ "$last" -eq 1 ]; then
		COMPREPLY=($(compgen -W "$commands" -- "$word") $(compgen -f -- "$word"))
	else
		COMPREPLY=($(compgen -f -- "$word"))
	fi
	[ -z "$prefix" ] || COMPREPLY=("${{COMPREPLY[@]/#/$prefix}}")
}}
complete -o filenames -F _patchscan patchscan
"""
RULES = "$(patchscan rules 2>/dev/null | cut -d' ' -f1)"

ZSH = """\
#compdef patchscan
_patchscan_rules()
{{
	local -a names
	names=(${{(f)"$(patchscan rules 2>/dev/null | cut -d' ' -f1)"}})
	_values -s , rule $names
}}

_patchscan()
{{
	local name=scan
	local -a commands
	commands=(
{commands}
	)
	if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
		_describe -t commands command commands
		_files
		return
	fi
	(( $+commands[(r)$words[2]:*] )) && name=$words[2]
	case $name in
{options}
	esac
}}
compdef _patchscan patchscan
"""


def script(shell: str, parsers: Mapping[str, ArgumentParser]) -> str:
    """The script for "bash", "zsh" or "fish"."""
    if shell == "fish":
        return "".join(f"{line}\n" for line in fish_lines(parsers))
    if shell == "zsh":
        described = (
            f"\t\t{quoted(f'{name}:{parser.description or name}')}" for name, parser in parsers.items()
        )
        return ZSH.format(commands="\n".join(described), options="\n".join(zsh_options(parsers)))
    return BASH.format(
        rules=RULES,
        commands=" ".join(parsers),
        choices="\n".join(bash_choices(parsers)),
        options="\n".join(bash_options(parsers)),
    )


def options_of(parser: ArgumentParser) -> list[Action]:
    """The options of a command, without its arguments."""
    return [action for action in parser._actions if action.option_strings]


def bash_choices(parsers: Mapping[str, ArgumentParser]) -> Iterator[str]:
    """A case for each option that takes one of several words."""
    yield f'\t{"|".join(RULE_OPTIONS)}) _patchscan_rules "$2" ;;'
    # Commands that share an option may differ in its words.
    words: dict[str, dict[str, None]] = {}
    for parser in parsers.values():
        for action in options_of(parser):
            if action.choices:
                known = words.setdefault("|".join(action.option_strings), {})
                known.update(dict.fromkeys(map(str, action.choices)))
    for names, choices in sorted(words.items()):
        shown = " ".join(choices)
        yield f'\t{names}) compgen -W "{shown}" -- "$2"; return 0 ;;'


def bash_options(parsers: Mapping[str, ArgumentParser]) -> Iterator[str]:
    """A case for each command with its options."""
    for name, parser in parsers.items():
        words = " ".join(word for action in options_of(parser) for word in action.option_strings)
        yield f'\t\t{name}) COMPREPLY=($(compgen -W "{words}" -- "$word")) ;;'


def zsh_options(parsers: Mapping[str, ArgumentParser]) -> Iterator[str]:
    """A case for each command with what _arguments takes; a command of its own is the first argument."""
    for name, parser in parsers.items():
        given = [quoted(each) for action in options_of(parser) for each in zsh_option(action)]
        rest = "'1:rule:_patchscan_rules'" if name == "explain" else "'*:file:_files'"
        shift = "" if name == "scan" else "shift words; (( CURRENT-- )); "
        yield f"\t{name}) {shift}_arguments -S {' '.join(given)} {rest} ;;"


def zsh_option(action: Action) -> Iterator[str]:
    """An option as _arguments takes it, once for each of its names; some may be given again."""
    text = (action.help or "").replace("[", "(").replace("]", ")").replace(":", " ")
    for option in action.option_strings:
        name = f"{option}=" if option.startswith("--") and action.nargs != 0 else option
        value = ""
        if option in RULE_OPTIONS:
            value = ":rule:_patchscan_rules"
        elif action.choices:
            value = f":value:({' '.join(map(str, action.choices))})"
        elif action.nargs != 0:
            value = ":value:_files"
        yield f"*{name}[{text}]{value}"


def fish_lines(parsers: Mapping[str, ArgumentParser]) -> Iterator[str]:
    """A function that names the command at hand, and a line a command and option."""
    yield from (
        "function __patchscan_command",
        "    set -l words (commandline -opc)",
        "    if test (count $words) -gt 1; and contains -- $words[2] " + " ".join(parsers),
        "        echo $words[2]",
        "    else",
        "        echo scan",
        "    end",
        "end",
        "function __patchscan_rules",
        "    set -l done (string match -r '^.*,' -- (commandline -ct | string replace -r '^--\\w+=' ''))",
        "    patchscan rules 2>/dev/null | string split -f1 ' ' | string replace -r '^' -- \"$done\"",
        "end",
    )
    for name, parser in parsers.items():
        first = quoted("test (count (commandline -opc)) -eq 1")
        yield f"complete -c patchscan -n {first} -a {name} -d {quoted(parser.description or '')}"
        condition = quoted(f"test (__patchscan_command) = {name}")
        for action in options_of(parser):
            yield " ".join(["complete", "-c", "patchscan", "-n", condition, *fish_option(action)])
    condition = quoted("test (__patchscan_command) = explain")
    yield f"complete -c patchscan -n {condition} -f -a '(__patchscan_rules)'"


def fish_option(action: Action) -> Iterator[str]:
    """What complete takes of an option."""
    for option in action.option_strings:
        yield from ("-l", option[2:]) if option.startswith("--") else ("-s", option[1:])
    if action.option_strings[-1] in RULE_OPTIONS:
        yield from ("-x", "-a", quoted("(__patchscan_rules)"))
    elif action.choices:
        yield from ("-x", "-a", quoted(" ".join(map(str, action.choices))))
    elif action.nargs != 0:
        yield "-r"
    yield from ("-d", quoted(action.help or ""))


def quoted(text: str) -> str:
    """Text in single quotes, as the shells read them."""
    return "'" + text.replace("\\", "\\\\").replace("'", "'\\''") + "'"
