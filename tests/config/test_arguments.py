"""The options of a script: both spellings, and what is said about one that does not exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from naga.config.arguments import Arguments, parse_arguments
from naga.errors import UsageError


def parse(*argv: str) -> Arguments:
    return parse_arguments(argv, program="process.py", description=None, list_keys=lambda: ("", "KEY"))


@pytest.mark.parametrize("word", ["--print_config", "--print-config"])
def test_long_option_is_known_in_both_spellings(word: str) -> None:
    assert parse(word) == Arguments(print_config=True)


def test_words_of_all_options_arrive() -> None:
    words = ["--config", "a.yml", "--experiment=x_y-z", "-o", "a=1", "b", "2", "--debug", "-o", "c-d_e=--f-g"]
    assert parse(*words) == Arguments(
        config=Path("a.yml"), experiment="x_y-z", overrides=("a=1", "b", "2", "c-d_e=--f-g"), debug=True
    )


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--print-confg"], ["--print_confg", "--print_config"]),
        (["--confg=x"], ["unknown option --confg", "--config?"]),
        (["--conf", "x"], ["unknown option --conf", "--config?"]),
        (["-x"], ["unknown option -x"]),
        (["--"], ["unknown option --"]),
        (["word"], ["unexpected word 'word'", "-o word=VALUE"]),
        (["--config"], ["--config", "expected one argument"]),
        (["--print_config=yes"], ["--print_config"]),
    ],
)
def test_option_that_does_not_exist_names_the_nearest(argv: list[str], says: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse(*argv)
    for words in says:
        assert words.replace("--print_confg", argv[0]) in caught.value.one_line()
