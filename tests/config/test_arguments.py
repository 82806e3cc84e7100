"""The options of a script: both spellings, and what is said about one that does not exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from naga.config.arguments import Arguments, parse_arguments
from naga.config.sweep_options import SweepOptions
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


def test_options_of_a_sweep_arrive_together() -> None:
    words = ["--tasks", "list.txt", "--task-to=param", "--n_jobs", "4", "--force", "--fail-fast", "--dry-run"]
    assert parse(*words, "--overrides-path", "o.yml") == Arguments(
        overrides_path=Path("o.yml"),
        dry_run=True,
        sweep=SweepOptions(tasks="list.txt", task_to="param", n_jobs=4, force=True, fail_fast=True),
    )


def test_every_source_of_tasks_is_known() -> None:
    assert parse("--tasks", "-").sweep == SweepOptions(tasks="-")
    assert parse("--tasks-key", "a.b", "--only_failed").sweep == SweepOptions(tasks_key="a.b", only_failed=True)
    assert parse("--grid", "lr=0.1,1", "seed=0..4", "--grid", "x=-1", "--slurm_config", "s.yml").sweep == SweepOptions(
        grid=("lr=0.1,1", "seed=0..4", "x=-1"), slurm_config=Path("s.yml")
    )


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--n_jobs", "2"], ["--n_jobs is about tasks", "--tasks FILE"]),
        (["--task_to", "x"], ["--task_to is about tasks", "--grid"]),
        (["--force"], ["--force is about tasks"]),
        (["--slurm_config", "s.yml"], ["--slurm_config is about tasks"]),
        (["--tasks", "a", "--grid", "b=1"], ["--tasks and --grid both", "one of them"]),
        (["--tasks", "a", "--tasks_key", "b"], ["--tasks and --tasks_key both"]),
        (["--tasks", "a", "--force", "--only_failed"], ["--force and --only_failed", "leave one"]),
        (["--tasks", "a", "--n_jobs", "2", "--slurm_config", "s"], ["--n_jobs and --slurm_config", "array"]),
        (["--tasks", "a", "--n_jobs", "0"], ["--n_jobs", "'0'", "1 or more"]),
        (["--tasks", "a", "--n_jobs", "many"], ["--n_jobs", "'many'"]),
        (["--tasks", "a", "--n_jobs=-1"], ["'-1'", "1 or more"]),
        (["--grid"], ["--grid", "at least one"]),
        (["--print_config", "--dry_run"], ["--print_config and --dry_run", "leave one"]),
    ],
)
def test_options_that_contradict_each_other_say_what_to_do(argv: list[str], says: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse(*argv)
    for words in says:
        assert words in caught.value.one_line()
