"""Scripts that complete commands, options and their choices in a shell, made from the parsers themselves."""

from argparse import Action, ArgumentParser
from collections.abc import Iterator, Mapping

# What completes by asking the program: rule names.
RULE_OPTIONS = ("--select", "--ignore")

BASH = """\
_patchscan()
{{
	local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} name=${{COMP_WORDS[1]}}
	local commands="{commands}"
	COMPREPLY=()
	case " $commands " in *" $name "*) ;; *) name=scan ;; esac
	if [ "$name" = explain ] && [ "$COMP_CWORD" -eq 2 ]; then
		before=--select
	fi
	case "$before" in
{choices}
	esac
	if [ "${{word#-}}" != "$word" ]; then
		case "$name" in
{options}
		esac
	elif [ "$COMP_CWORD" -eq 1 ]; then
		COMPREPLY=($(compgen -W "$commands" -- "$word") $(compgen -f -- "$word"))
	else
		COMPREPLY=($(compgen -f -- "$word"))
	fi
}}
complete -o filenames -F _patchscan patchscan
"""
RULES = "$(patchscan rules 2>/dev/null | cut -d' ' -f1)"


def script(shell: str, parsers: Mapping[str, ArgumentParser]) -> str:
    """The script for "bash", "zsh" or "fish"."""
    if shell == "fish":
        return "".join(f"{line}\n" for line in fish_lines(parsers))
    # zsh runs bash's way of completion.
    head = "autoload -U +X bashcompinit && bashcompinit\n" if shell == "zsh" else ""
    return head + BASH.format(
        commands=" ".join(parsers),
        choices="\n".join(bash_choices(parsers)),
        options="\n".join(bash_options(parsers)),
    )


def options_of(parser: ArgumentParser) -> list[Action]:
    """The options of a command, without its arguments."""
    return [action for action in parser._actions if action.option_strings]


def bash_choices(parsers: Mapping[str, ArgumentParser]) -> Iterator[str]:
    """A case for each option that takes one of several words."""
    yield f'\t{"|".join(RULE_OPTIONS)}) COMPREPLY=($(compgen -W "{RULES}" -- "$word")); return ;;'
    words = {
        "|".join(action.option_strings): " ".join(action.choices)
        for parser in parsers.values()
        for action in options_of(parser)
        if action.choices
    }
    for names, choices in sorted(words.items()):
        yield f'\t{names}) COMPREPLY=($(compgen -W "{choices}" -- "$word")); return ;;'


def bash_options(parsers: Mapping[str, ArgumentParser]) -> Iterator[str]:
    """A case for each command with its options."""
    for name, parser in parsers.items():
        words = " ".join(word for action in options_of(parser) for word in action.option_strings)
        yield f'\t\t{name}) COMPREPLY=($(compgen -W "{words}" -- "$word")) ;;'


def fish_lines(parsers: Mapping[str, ArgumentParser]) -> Iterator[str]:
    """A line a command and option."""
    for name, parser in parsers.items():
        yield f"complete -c patchscan -n __fish_use_subcommand -a {name} -d {quoted(parser.description or '')}"
        condition = quoted(f"__fish_seen_subcommand_from {name}")
        for action in options_of(parser):
            words = ["complete", "-c", "patchscan", "-n", condition]
            for option in action.option_strings:
                words += ["-l", option[2:]] if option.startswith("--") else ["-s", option[1:]]
            if action.option_strings[-1] in RULE_OPTIONS:
                words += ["-x", "-a", quoted("(patchscan rules | string split -f1 ' ')")]
            elif action.choices:
                words += ["-x", "-a", quoted(" ".join(action.choices))]
            elif action.nargs != 0:
                words.append("-r")
            yield " ".join([*words, "-d", quoted(action.help or "")])


def quoted(text: str) -> str:
    """Text in single quotes, as fish reads them."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
