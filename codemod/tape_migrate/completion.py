"""Scripts that let shells complete commands and options, made from the commands themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from tape_migrate import cli
from tape_migrate.model import Shape
from tape_migrate.refusals import all_refusals

_NAME = "tape-migrate"
_NAMES = ("", *cli.COMMANDS)
Words = Mapping[str, Sequence[tuple[str, str]]]
"""By command (empty: the main one): options and their help."""
Choices = Mapping[str, Sequence[str]]
"""By option, or by command that takes one word: the words."""


def script(shell: str) -> str:
    """Return the script for ``bash``, ``zsh`` or ``fish``."""
    commands = {name: typer.main.get_command(cli.app_of(name or cli.MAIN)) for name in _NAMES}
    options = {name: _options(command) for name, command in commands.items()}
    choices = {k: v for command in commands.values() for k, v in _choices(command).items()}
    first = {
        "explain": [reason.code for reason in all_refusals()] + [shape.value for shape in Shape],
        "completion": list(_SCRIPTS),
    }
    return _SCRIPTS[shell](options, choices, first)


def _options(command: Any) -> list[tuple[str, str]]:
    return [
        (option, getattr(parameter, "help", None) or "")
        for parameter in command.params
        if parameter.param_type_name == "option"
        for option in (*parameter.opts, *parameter.secondary_opts)
    ] + [("--help", "Show this message and exit.")]


def _choices(command: Any) -> dict[str, list[str]]:
    """By option: the words that it takes."""
    return {
        option: [str(choice) for choice in parameter.type.choices]
        for parameter in command.params
        if hasattr(parameter.type, "choices")
        for option in parameter.opts
    }


def _bash(options: Words, choices: Choices, first: Choices) -> str:
    commands = [name for name in options if name]
    by_command = "\n".join(
        f'        {name or "*"}) words="{" ".join(word for word, _ in words)}" ;;'
        for name, words in sorted(options.items(), key=lambda item: item[0] == "")
    )
    by_option = "\n".join(
        f'        {name}) COMPREPLY=($(compgen -W "{" ".join(words)}" -- "$current")); return ;;'
        for name, words in choices.items()
    )
    by_word = "\n".join(
        f'        {name}) COMPREPLY=($(compgen -W "{" ".join(words)}" -- "$current")); return ;;'
        for name, words in first.items()
    )
    return f"""# bash completion for {_NAME}
_{_NAME.replace("-", "_")}() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" words
    case "$previous" in
{by_option}
    esac
    if [ "$COMP_CWORD" -eq 2 ] && [[ "$current" != -* ]]; then
        case "${{COMP_WORDS[1]}}" in
{by_word}
        esac
    fi
    case "${{COMP_WORDS[1]}}" in
{by_command}
    esac
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="$words {" ".join(commands)}"
    fi
    if [[ "$current" == -* ]]; then
        COMPREPLY=($(compgen -W "$words" -- "$current"))
    elif [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{" ".join(commands)}" -- "$current") $(compgen -f -- "$current"))
    else
        COMPREPLY=($(compgen -f -- "$current"))
    fi
}}
complete -o filenames -F _{_NAME.replace("-", "_")} {_NAME}
"""


def _zsh(options: Words, choices: Choices, first: Choices) -> str:
    def arguments(name: str, words: Sequence[tuple[str, str]]) -> str:
        lines = []
        for word, text in words:
            shown = text.replace("[", "(").replace("]", ")").replace("'", "’").replace(":", "\\:")
            values = f":value:({' '.join(choices[word])})" if word in choices else ""
            lines.append(f"'{word}[{shown}]{values}'")
        rest = f"'2:word:({' '.join(first[name])})'" if name in first else "'*:file:_files'"
        return " \\\n            ".join([*lines, rest])

    cases = "\n".join(
        f"        {name or '*'})\n            _arguments {arguments(name, words)} ;;"
        for name, words in sorted(options.items(), key=lambda item: item[0] == "")
    )
    commands = " ".join(name for name in options if name)
    return f"""#compdef {_NAME}
_{_NAME.replace("-", "_")}() {{
    if (( CURRENT == 2 )) && [[ "$words[2]" != -* ]]; then
        compadd -- {commands}
        _files
        return
    fi
    case "$words[2]" in
{cases}
    esac
}}
_{_NAME.replace("-", "_")} "$@"
"""


def _fish(options: Words, choices: Choices, first: Choices) -> str:
    commands = " ".join(name for name in options if name)
    lines = [
        f"# fish completion for {_NAME}",
        f"complete -c {_NAME} -n 'test (count (commandline -opc)) -eq 1' -a '{commands}'",
    ]
    for name, words in options.items():
        if name:
            condition = f"__fish_seen_subcommand_from {name}"
        else:
            condition = f"not __fish_seen_subcommand_from {commands}"
        for word, text in words:
            shown = text.replace("'", "’")
            values = f" -x -a '{' '.join(choices[word])}'" if word in choices else ""
            option = word.removeprefix("--")
            lines.append(f"complete -c {_NAME} -n '{condition}' -l {option}{values} -d '{shown}'")
    for name, found in first.items():
        condition = f"__fish_seen_subcommand_from {name}"
        lines.append(f"complete -c {_NAME} -f -n '{condition}' -a '{' '.join(found)}'")
    return "\n".join(lines) + "\n"


_SCRIPTS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
