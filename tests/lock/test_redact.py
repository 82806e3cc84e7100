"""Redaction: names, texts, values and command lines."""

from __future__ import annotations

import pickle
import re
import time
from collections import namedtuple
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naga.lock import redact
from naga.lock.redact import REDACTED, Redactor, is_secret_name

DOCS = Path(__file__).parents[2] / "docs" / "redaction.md"


def _split(names: str) -> list[str]:
    return names.split()


SECRET = _split("""
password Password PASSWORD db_password dbPassword db.password PGPASSWORD userpassword password2 passwords
passwd passphrase pass_phrase mysql_pwd pwd DB_PASS smtpPass ssh-pass
secret client_secret clientSecret AWS_SECRET_ACCESS_KEY secret_key_base secrets django.SECRET_KEY
token HF_TOKEN hfToken GITHUB_TOKEN api-token access_token accessToken refresh.token auth_token token_secret
api_tokens SLURM_JWT oauth2Token accesstoken
api_key apikey apiKey APIKey API-KEY OPENAI_API_KEY openaiApiKey api.key api_keys
access_key secret_key private_key private_key_passphrase session_key encryption_key account_key ssh_key
credential credentials GOOGLE_APPLICATION_CREDENTIALS aws.credentials.user creds
auth basic_auth _auth authorization Proxy-Authorization bearer cookie dsn SENTRY_DSN
connection_string connectionString conn_str shared_access_signature
""")

INNOCENT = _split("""
tokenizer tokenizers tokenizer_name num_tokens max_tokens n_token n_tokens token_count pad_token eos_token
bos_token unk_token mask_token cls_token sep_token special_tokens additional_special_tokens token_type_ids
token_dim token_ids pad_token_id tokens maxNewTokens model.token_dim image_token next_token tokenize tokenized
keypoints key keys primary_key sort_key public_key partition_key rng_key keyboard monkey keyword
author authority authors authenticate secretary secretion passthrough low_pass high_pass forward_pass n_pass
bypass compass passenger pass pass_through http_pass_through PWD OLDPWD
password_policy password_length password_file token_url auth_type secret_name SSH_AUTH_SOCK XAUTHORITY
no_auth has_password num_secrets learning_rate data.path credits accreditation signature model_signature
cookiecutter connection conn_timeout dsnp auth.py token.csv
""")


@pytest.mark.parametrize("name", SECRET)
def test_name_secret_is_recognized(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", INNOCENT)
def test_name_innocent_is_let_through(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("token", ["token"]),
        ("model.token", ["token"]),
        ("config.model.token", ["model.token"]),
        ("auth.user", ["auth.user"]),
        ("auth.user", ["auth"]),
    ],
)
def test_name_allowed_is_not_secret(name: str, allowed: list[str]) -> None:
    assert is_secret_name(name)
    assert not is_secret_name(name, allowed)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("hf_token", ["token"]), ("db.token", ["model.token"]), ("auth.password", ["auth"]), ("xtoken.token", ["xtoken"])],
)
def test_name_allowed_elsewhere_stays_secret(name: str, allowed: list[str]) -> None:
    assert is_secret_name(name, allowed)


PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("git clone https://me:pw@example.org/x", "git clone https://***@example.org/x"),
        ("https://oauthtoken@example.org/x", "https://***@example.org/x"),
        ("redis://:pw@host:1/0", "redis://***@host:1/0"),
        ("postgresql://me:p@ss@host/db", "postgresql://***@host/db"),
        ("postgresql://me:p/ss@host/db", "postgresql://***@host/db"),
        ("git+https://me:pw@host/x@v1", "git+https://***@host/x@v1"),
        ("GET /x?a=1&token=abc&b=2", "GET /x?a=1&token=***&b=2"),
        ("https://h/c/b?sv=2022&sig=aB%2F1%3D&se=9", "https://h/c/b?sv=2022&sig=***&se=9"),
        ("https://h/k?X-Amz-Date=1&X-Amz-Signature=0af", "https://h/k?X-Amz-Date=1&X-Amz-Signature=***"),
        ("https://h/k?X-Amz-Security-Token=a%2Fb", "https://h/k?X-Amz-Security-Token=***"),
        ("a?x=1&amp;sig=0af", "a?x=1&amp;sig=***"),
        ("password=hunter2", "password=***"),
        ("password: hunter2, user: me", "password: ***, user: me"),
        ("Config(password='a b', user='me')", "Config(password='***', user='me')"),
        ("{'api_key': b'a\\'b', 'n': 1}", "{'api_key': b'***', 'n': 1}"),
        ('{"password": "a\\"b", "n": 1}', '{"password": "***", "n": 1}'),
        ('"{\\"token\\": \\"a b\\", \\"n\\": 1}"', '"{\\"token\\": \\"***\\", \\"n\\": 1}"'),
        ("Server=x;Uid=me;Pwd=y;Database=z", "Server=x;Uid=me;Pwd=***;Database=z"),
        ("AccountName=a;AccountKey=bb==;EndpointSuffix=c", "AccountName=a;AccountKey=***;EndpointSuffix=c"),
        ("run --password hunter2 -v", "run --password *** -v"),
        ("run -o db.password hunter2 -v", "run -o db.password *** -v"),
        ("Authorization: Bearer abc def", "Authorization: ***"),
        ("curl -H 'Authorization: Basic YTpi' http://x", "curl -H 'Authorization: ***' http://x"),
        ("Cookie: a=1; b=2\nHost: x", "Cookie: ***\nHost: x"),
        ("token: Bearer abc", "token: ***"),
        (f"key:\n{PEM}\nrest", "key:\n***\nrest"),
        (PEM.replace("\n", "\\n") + " rest", "*** rest"),
        ("https://hooks.slack.com/services/T00/B00/abcdefghij", "https://hooks.slack.com/services/***"),
    ],
)
def test_text_with_credentials_is_redacted(text: str, redacted: str) -> None:
    assert Redactor().text(text) == redacted


# Put together here, so that scanners do not take this file for a leak.
@pytest.mark.parametrize(
    "token",
    [
        "ghp_" + "a1B2" * 9,
        "github_" + "pat_" + "a1B2" * 9,
        "glpat" + "-" + "a1B2" * 5,
        "sk-" + "proj-" + "a1B2" * 9,
        "sk_" + "live_" + "a1B2" * 6,
        "xox" + "b-" + "1234-" * 3,
        "AKIA" + "A1B2" * 4,
        "AIza" + "a1B-_" * 7,
        "hf_" + "aBcD" * 8,
        "npm_" + "a1B2" * 9,
        "pypi" + "-" + "a1B2" * 15,
        "dapi" + "0a1b" * 8,
        "eyJhbGciOiJI" + ".eyJzdWIiOiIx" + ".c2lnbmF0dXJl",
        "AGE-SECRET-" + "KEY-1" + "A1B2" * 8,
        "SG." + "a1B2" * 5 + "." + "a1B2" * 8,
    ],
)
def test_text_with_known_token_shape_is_redacted(token: str) -> None:
    assert Redactor().text(f"got ({token}), ok") == "got (***), ok"
    assert Redactor().text(token) == REDACTED


@pytest.mark.parametrize(
    "text",
    [
        "epoch=3 loss=0.25 max_tokens=5 tokenizer=bert author: me",
        "xxh3_128:0123456789abcdef0123456789abcdef and a94a8fe5ccb19ba61c4c0873d391e987982fbbd3",
        "ssh://git@example.org/x and git@example.org:x/y.git",
        "docker://ubuntu:22.04@sha256:0123",
        "http://localhost:4873/@scope/package",
        "https://${USER}:${PASSWORD}@example.org",
        "sk-learn-a-package-with-a-long-name task-12345678901234567890123",
        "auth.py:12: in login, PWD=/home/me",
        "password=${oc.env:DB_PASSWORD} token=None secret=??? api_key: null password=",
        "def signature(x=1): key=x",
        "the password is not set; pass --max-tokens 5",
        "2024-01-01T12:00:00 INFO started",
        "https://example.org/a?key=name&page=2&sign=1",
    ],
)
def test_text_innocent_stays_as_it_is(text: str) -> None:
    assert Redactor().text(text) == text


def test_text_reference_with_default_is_redacted() -> None:
    assert "hunter2" not in Redactor().text("password=${oc.env:DB_PASSWORD,hunter2}")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("is p@ss word/1.", "is ***."),
        (quote("p@ss word/1", safe=""), REDACTED),
        ("xp%40ss+word%2F1y", "x***y"),
        ("pin 4711 and 47110", "pin *** and 47110"),
        ("abc", "abc"),
    ],
)
def test_text_known_secret_is_found_in_every_form(text: str, redacted: str) -> None:
    assert Redactor(["p@ss word/1", "p@ss", "4711", "abc"]).text(text) == redacted


def test_text_known_secrets_longest_goes_first() -> None:
    assert Redactor(["longsecret", "longsecret-and-more"]).text("longsecret-and-more") == REDACTED


def test_text_known_secret_with_quotes_is_found_escaped() -> None:
    assert Redactor(['quo"te\\d secret']).text(r'say "quo\"te\\d secret"') == 'say "***"'


def test_text_short_secret_leaves_digests_whole() -> None:
    digest = "xxh3_128:" + "123456" * 5 + "ab"
    assert Redactor(["123456"]).text(f"{digest} 123456") == f"{digest} ***"


Point = namedtuple("Point", "name password")


def test_value_nested_keeps_its_shape() -> None:
    value = {
        "db": {"user": "me", "password": "x", "port": 5432},
        "urls": ["https://me:pw@h", ("a", 1, None)],
        "api": {"key": 5, "name": "n"},
        "seen": {1.5: {"token=abc"}},
        "cache": Path("/x/token=abc"),
        "point": Point("n", "password=x"),
    }
    assert Redactor().value(value) == {
        "db": {"user": "me", "password": REDACTED, "port": 5432},
        "urls": ["https://***@h", ("a", 1, None)],
        "api": {"key": REDACTED, "name": "n"},
        "seen": {1.5: {"token=***"}},
        "cache": Path("/x/token=***"),
        "point": Point("n", "password=***"),
    }


@pytest.mark.parametrize("secret", ["x", 1, 0, 2.5, [], {"a": None}, ["x"], b"x", "none", "${oc.env:X,y}", "${f:y}"])
def test_value_below_secret_name_is_replaced_whole(secret: object) -> None:
    assert Redactor().value({"password": secret}) == {"password": REDACTED}


@pytest.mark.parametrize("open_", [None, True, False, "", "???", "${oc.env:X}", "${oc.env:X,null}", "${a.b}", "***"])
def test_value_below_secret_name_without_a_secret_stays_readable(open_: object) -> None:
    assert Redactor().value({"password": open_}) == {"password": open_}


def test_value_below_allowed_name_is_shown() -> None:
    redactor = Redactor(allowed=["db.token", "auth.user"])
    value = {"db": {"token": "x"}, "web": {"token": "x"}, "auth": {"user": "me", "key": "x"}}
    assert redactor.value({"config": value})["config"] == {
        "db": {"token": "x"},
        "web": {"token": REDACTED},
        "auth": {"user": "me", "key": REDACTED},
    }


def test_value_keys_that_become_equal_are_all_kept() -> None:
    value = {"https://me:a@h": 1, "https://me:b@h": 2}
    assert Redactor().value(value) == {"https://***@h": 1, "https://***@h*": 2}


def test_value_input_is_not_changed() -> None:
    value = {"password": "x", "nested": [{"token": "y"}]}
    Redactor().value(value)
    assert value == {"password": "x", "nested": [{"token": "y"}]}


@pytest.mark.parametrize(
    ("argv", "redacted"),
    [
        (["--token", "x", "y"], ["--token", "***", "y"]),
        (["--token=a b", "y"], ["--token=***", "y"]),
        (["-o", "password=x"], ["-o", "password=***"]),
        (["-o", "db.password", "x y"], ["-o", "db.password", "***"]),
        (["db.password=x,y;z", "a=1"], ["db.password=***", "a=1"]),
        (["--token", "-starts-with-dash"], ["--token", "***"]),
        (["--use-auth", "-v", "x"], ["--use-auth", "-v", "x"]),
        (["--token", "--password", "x"], ["--token", "--password", "***"]),
        (["--max-tokens", "5", "--no-auth", "x"], ["--max-tokens", "5", "--no-auth", "x"]),
        (["--token", "token", "file"], ["--token", "***", "file"]),
        (["https://me:pw@h/x?token=a&b=c"], ["https://***@h/x?token=***&b=c"]),
        (["--password=${oc.env:X}", "--token", ""], ["--password=${oc.env:X}", "--token", ""]),
    ],
)
def test_argv_values_of_secret_options_are_hidden(argv: list[str], redacted: list[str]) -> None:
    assert Redactor().argv(argv) == redacted


def test_learn_secret_values_are_found_elsewhere() -> None:
    plain = Redactor()
    learnt = plain.learn({"db": {"password": "hunter22"}, "keys": [{"api_key": 12345678}], "n": "visible"})
    text = "hunter22 12345678 visible"
    assert learnt.text(text) == "*** *** visible"
    assert plain.text(text) == text


def test_learn_keeps_what_was_known() -> None:
    assert (
        Redactor(["first-secret"], ["token"]).learn({"token": "allowed-one"}).text("first-secret allowed-one token=x")
        == "*** allowed-one token=x"
    )


@pytest.mark.parametrize("innocent", ["true", "test", "password", "short", "${oc.env:TOKEN}", "/usr/bin"])
def test_learn_common_values_are_not_blanked_out(innocent: str) -> None:
    assert Redactor().learn({"password": innocent}).text(f"say {innocent} twice") == f"say {innocent} twice"


def test_from_environment_secrets_are_known() -> None:
    environ = {
        "HF_TOKEN": "abcdef-secret\n",
        "http_proxy": "http://me:proxypw@h",
        "HOME": "/home/somebody",
        "PWD": "/home/somebody/work",
        "MAX_TOKENS": "100000",
    }
    redactor = Redactor.from_environment(environ)
    text = "abcdef-secret proxypw /home/somebody/work 100000"
    assert redactor.text(text) == "*** *** /home/somebody/work 100000"
    assert Redactor.from_environment(environ, allowed=["HF_TOKEN"]).text("abcdef-secret") == "abcdef-secret"


def test_from_environment_with_bytes_that_are_no_text_works() -> None:
    secret = b"\xff\xfe-secret".decode(errors="surrogateescape")
    assert Redactor.from_environment({"TOKEN": secret}).text(f"x{secret}") == f"x{REDACTED}"


def test_redactor_repr_shows_no_secret() -> None:
    assert "hunter22" not in repr(Redactor(["hunter22"]))


def test_redactor_sent_to_another_process_still_knows() -> None:
    assert pickle.loads(pickle.dumps(Redactor(["hunter22", "4711"], ["token"]))).text("hunter22 4711") == "*** ***"


def test_text_that_uncovers_secrets_endlessly_is_hidden_whole() -> None:
    redactor = Redactor(["zabcdefg", "*abcdefg"])
    assert redactor.text("zabcdefg" + "abcdefg" * 3) == "*********"
    assert redactor.text("zabcdefg" + "abcdefg" * 30) == REDACTED


FRAGMENTS = st.sampled_from(
    [
        *"abc*:=@/?&;.,-_'\"\\ \n${}()",
        *["***", "password", "token", "--", "-o ", "://", "http", "Bearer ", "sig", "hunter22", "4711", "*xyz", "xyz"],
        *["ghp_" + "a" * 24, "AKIA" + "A1B2" * 4, "eyJabcde.", "sk-", "-----BEGIN PRIVATE KEY-----", "None", "???"],
    ]
)
TEXTS = st.lists(FRAGMENTS, max_size=30).map("".join) | st.text(max_size=40)
KNOWING = Redactor(["hunter22", "4711", "*xyz", "xyz:abc="], allowed=["a.token"])


@given(TEXTS)
def test_text_twice_is_the_same_as_once(text: str) -> None:
    redacted = KNOWING.text(text)
    assert KNOWING.text(redacted) == redacted
    assert "hunter22" not in redacted


NAMES = st.sampled_from(["a", "token", "password", "key", "api", "a.token", "auth"]) | TEXTS
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


@given(VALUES)
def test_value_twice_is_the_same_as_once(value: object) -> None:
    redacted = KNOWING.value(value)
    assert KNOWING.value(redacted) == redacted


@given(st.lists(TEXTS | st.sampled_from(["--token", "-o", "db.password", "--token=x", "-v"]), max_size=6))
def test_argv_twice_is_the_same_as_once(argv: list[str]) -> None:
    redacted = KNOWING.argv(argv)
    assert len(redacted) == len(argv)
    assert KNOWING.argv(redacted) == redacted


HOSTILE = {
    "letters": "a",
    "slashes": "://",
    "userinfo": "://a:b/",
    "users": "://u@",
    "colons": "a:",
    "dashes": "-",
    "options": "-- ",
    "secret options": "-o token x ",
    "short keys": "sk-",
    "jwt": "eyJ-",
    "jwt parts": "eyJaaaaaaaaa.",
    "sendgrid": "SG.-",
    "pem": "-----BEGIN PRIVATE KEY-----",
    "quotes": 'password="',
    "brackets": "password=)",
    "backslashes": '\\"',
    "levels": "token.",
    "camel": "aB",
    "dollars": "password=${",
    "bearer": "bearer ",
    "spaces": " ",
    "hex": "0123456789abcdef",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("redactor", [Redactor(), Redactor(["4711", "hunter22"], ["token"])], ids=["plain", "knowing"])
def test_text_hostile_megabyte_takes_linear_time(redactor: Redactor, unit: str) -> None:
    text = "token" + unit * (1_000_000 // len(unit)) + "@=x"
    started = time.process_time()
    redactor.text(text)
    assert time.process_time() - started < 1.5


def test_name_hostile_megabyte_takes_linear_time() -> None:
    started = time.process_time()
    for unit in ["a.", "token.", "tokenPad", "TOKEN", "pad_token_"]:
        is_secret_name(unit * (1_000_000 // len(unit)), ["token", "x.y"])
    assert time.process_time() - started < 1.5


CONSTANTS = [
    "SECRET_WORDS",
    "SECRET_LAST_WORDS",
    "SECRET_ENDINGS",
    "PASS_OWNERS",
    "TOKENS_OWNERS",
    "INNOCENT_TOKENS_BEFORE",
    "INNOCENT_TOKENS_AFTER",
    "INNOCENT_LAST_WORDS",
    "INNOCENT_FIRST_WORDS",
    "FILE_SUFFIXES",
    "NOT_LEARNT",
]


@pytest.mark.parametrize("constant", CONSTANTS)
def test_docs_list_exactly_the_words_of_the_code(constant: str) -> None:
    section = DOCS.read_text(encoding="utf-8").partition(f"<!-- {constant} -->")[2].partition("<!--")[0]
    assert set(re.findall(r"`([\w.]+)`", section)) == set(getattr(redact, constant))
