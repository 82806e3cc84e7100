"""Forty secrets that reach a run by every way there is, and no byte of them in anything that naga writes or says."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest

import naga as public
from tests.programs import naga, run_python

SCRIPT = """\
import os, sys
from pathlib import Path
from naga import clicfg, runlock

class Config:
    settings: dict
    fails = False
    save_dir = 'results/process'

@clicfg(config_class=Config)
def main(cfg):
    runlock(config=cfg, data=['data'])
    Path(cfg.save_dir, 'out.txt').write_text('1')
    if cfg.fails:
        raise RuntimeError(Path(os.environ['MESSAGE']).read_text())

if __name__ == '__main__':
    main()
"""


def _split(names: str) -> list[str]:
    return names.split()


KEYS = _split("""password db_password smtpPass passphrase secret client_secret secret_key_base api_key apiKey
    access_token refresh_token private_key session_key connection_string""")
NAMES = _split(
    "AWS_SECRET_ACCESS_KEY HF_TOKEN OPENAI_API_KEY PGPASSWORD GITHUB_TOKEN SENTRY_DSN MYSQL_PWD WANDB_API_KEY"
)
URLS = ["https://me:{}@example.org/x", "postgresql://me:{}@db/x", "redis://:{}@h:1/0", "s3://b/k?X-Amz-Signature={}"]
OPTIONS = ["settings.login.password={}", "settings.url=https://me:{}@h/x", "settings.hub.token={}"]
SAID = [
    "Authorization: Bearer {}",
    "api_key='{}'",
    "GET /x?a=1&token={}&b=2",
    '{{"password": "{}"}}',
    "ghp_{}",
    "sk-proj1-{}",
    "--db-password {} -v",
]
QUESTIONS = [
    "status --why",
    "ls",
    "ls --json",
    "show results/failed --json",
    "verify",
    "diff results/process results/failed",
    "lineage results/process",
    "rerun results/process --check",
    "rerun results/process --check --json",
]
INNOCENT = _split("""tokenizer num_tokens max_tokens n_tokens pad_token eos_token mask_token special_tokens token_ids
    token_type_ids keypoints key primary_key sort_key public_key partition_key rng_key keyboard monkey author authority
    secretary passthrough low_pass n_pass bypass compass passenger password_length credits""")


class Planted(NamedTuple):
    """A project in which runs and questions were let loose on secrets; all that was said, and the secrets."""

    folder: Path
    said: str
    secrets: list[str]


def secrets_of(count: int) -> list[str]:
    """Return texts that look like passwords, and that no pattern alone would tell from a name."""
    chance = random.Random(40)
    letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    return ["".join(chance.choices(letters, k=24)) for _ in range(count)]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    place = tmp_path_factory.mktemp("planted")
    folder = place / "project"
    secrets = secrets_of(40)
    rest = iter(secrets)
    settings: dict[str, object] = {key: next(rest) for key in KEYS}
    settings |= {f"place_{number}": url.format(next(rest)) for number, url in enumerate(URLS)}
    settings["nested"] = {"list": [{"password": next(rest)}, f"https://x:{next(rest)}@h/y"]}
    settings |= {"login": {}, "url": "", "hub": {}} | {name: f"plain-{name}" for name in INNOCENT}
    options = [each.format(next(rest)) for each in OPTIONS]
    environ = {name: next(rest) for name in NAMES}
    remote = f"https://me:{next(rest)}@example.org/project.git"
    dotenv = f"DB_PASSWORD={next(rest)}\n"
    message = "\n".join([*(each.format(next(rest)) for each in SAID), *environ.values()])
    assert next(rest, None) is None
    lay_out(folder, remote, dotenv)
    (place / "base.yml").write_text(json.dumps({"settings": settings}))
    (place / "message.txt").write_text(message)
    environ |= {"MESSAGE": str(place / "message.txt"), "NAGA_CACHE_DIR": str(place / "cache"), **git_of_nobody()}
    said = []
    arguments = ["process.py", "--config", "../base.yml", *(word for each in options for word in ("-o", each))]
    for more in ([], ["-o", "fails=true", "-o", "save_dir=results/failed"]):
        done = run_python(folder, *arguments, *more, **environ)
        assert (done.returncode == 0) == (not more), done.stderr
        # The traceback of Python itself is the person's own; the line of naga is not.
        said += [line for line in done.stderr.splitlines() if line.startswith("naga:")]
    cells = "import naga, os, pathlib; naga.record_cells('results', [pathlib.Path(os.environ['MESSAGE']).read_text()])"
    done = run_python(folder, "-c", cells, **environ)
    assert done.returncode == 0, done.stderr
    for question in QUESTIONS:
        done = naga(folder, *question.split(), **environ)
        said += [done.stdout, done.stderr]
    return Planted(folder, "\n".join(said), secrets)


def git_of_nobody() -> dict[str, str]:
    return {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def lay_out(folder: Path, remote: str, dotenv: str) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data/raw.csv").write_text("1,2\n")
    (folder / "process.py").write_text(SCRIPT)
    (folder / ".gitignore").write_text("results/\n")
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"], ["remote", "add", "origin", remote]):
        subprocess.run(["git", *identity, *command], cwd=folder, check=True, env={**os.environ, **git_of_nobody()})
    # Not ignored and not tracked, so a snapshot has to be taken, and has to leave the secrets out.
    (folder / ".env").write_text(dotenv)
    (folder / "new.py").write_text("value = 1\n")


def written(planted: Planted) -> dict[str, bytes]:
    """Return the bytes of all that naga wrote: files of the project and the cache, and unpacked objects of git."""
    place = planted.folder.parent
    paths = [path for root in (planted.folder, place / "cache") for path in root.rglob("*") if path.is_file()]
    own = {planted.folder / ".env", planted.folder / ".git/config"}
    contents = {str(path.relative_to(place)): path.read_bytes() for path in paths if path not in own}
    command = ["git", "cat-file", "--batch-all-objects", "--batch", "--unordered"]
    contents["objects"] = subprocess.run(command, cwd=planted.folder, check=True, capture_output=True).stdout
    return contents


def test_run_with_forty_planted_secrets_leaves_no_byte_of_them(planted: Planted) -> None:
    contents = written(planted) | {"what the commands printed": planted.said.encode()}

    assert len(set(planted.secrets)) == 40
    found = {
        (name, number)
        for name, content in contents.items()
        for number, secret in enumerate(planted.secrets)
        if any(form in content for form in (secret.encode(), quote(secret).encode(), secret[:12].encode()))
    }
    assert found == set()


def test_run_with_planted_secrets_was_searched_where_it_wrote(planted: Planted) -> None:
    contents = written(planted)

    assert b"value = 1" in contents["objects"]
    assert any(name.startswith("cache/manifests/") for name in contents)
    assert {
        "cache/stat-index.sqlite",
        "project/results/process/run.lock",
        "project/results/failed/run.lock",
        "project/results/.naga/cells.py",
    } <= set(contents)
    assert sum("/process/.naga/attestations/" in name for name in contents) == 2
    assert any(name.startswith("cache/") and "stat-index" not in name and b"plain-" in content
               for name, content in contents.items())  # fmt: skip
    failed = public.read_receipt(planted.folder / "results/failed/run.lock")
    assert failed.error is not None
    assert failed.error.message.count("***") >= len(SAID)


def test_run_with_planted_secrets_leaves_thirty_innocent_keys_readable(planted: Planted) -> None:
    receipt = public.read_receipt(planted.folder / "results/process/run.lock")

    assert len(set(INNOCENT)) == 30
    assert {name: receipt.config["settings"][name] for name in INNOCENT} == {name: f"plain-{name}" for name in INNOCENT}
