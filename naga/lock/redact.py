"""Redaction: what is secret (`docs/redaction.md`) reaches no receipt, log or export and never MLflow."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

__all__ = ["REDACTED", "Redactor", "is_secret_name"]

REDACTED = "***"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SECRET_WORDS = _words("""password passwords passwd passphrase passkey pwd sshpass secret secrets credential
    credentials creds bearer jwt accesstoken apitoken authtoken bearertoken refreshtoken sessiontoken
    accesskey accesskeys accountkey aeskey apikey apikeys authkey clientkey consumerkey deploykey
    encryptionkey hmackey licensekey masterkey privatekey privatekeys secretkey secretkeys sessionkey
    sharedkey signingkey sshkey subscriptionkey accesssignature authheader connectionstring connstr""")
SECRET_LAST_WORDS = _words("auth authorization cookie cookies dsn")
SECRET_ENDINGS = tuple(_words("password passwd passphrase secret apikey accesskey secretkey privatekey"))
PASS_OWNERS = _words("""admin basic database db email ftp git http https imap key keystore ldap login mail
    mongo mysql pg postgres proxy redis registry root sftp smtp ssh sudo svn user vault""")
TOKENS_OWNERS = _words("access api auth bearer deploy oauth personal refresh secret service session")
INNOCENT_TOKENS_BEFORE = _words("""add added audio begin blank boi bos char class cls decoder end eoi eos eot
    first ignore image input last mask max min n new next num oov output pad padding page per prefix prev
    prompt query register sentinel sep sop sos special start stop sub suffix target text unk video word""")
INNOCENT_TOKENS_AFTER = _words("""accuracy batch budget classification count dim dims drop dropout emb embed
    embedding embeddings frequency id ids idx index indices label labels len level limit limits loss mask
    merging mixer mixing pooling pos position positions pruning rate shift type weight weights window""")
INNOCENT_LAST_WORDS = _words("""algorithm backend column count dir directory enabled endpoint env expires
    expiry field file files folder format length lifetime method mode name path paths pattern policy prompt
    provider required rotation scheme scope scopes size strength timeout ttl type types uri url version""")
INNOCENT_FIRST_WORDS = _words("has is n needs no num requires without")
FILE_SUFFIXES = tuple(_words(".py .ipynb .sh .csv .parquet .npy .pt .h5 .nc .png .pdf .md .log .lock"))
NOT_LEARNT = _words("""anonymous bearer changeme default disabled enabled example localhost optional passwd
    password postgres private production prompt public required secret string testing undefined unknown""")

_MAX_LEVELS = 64
_MAX_PASSES = 8
_MIN_SECRET = 4
_MIN_LEARNT = 6
_MIN_ANYWHERE = 8

_STEMS = re.compile("pass|pwd|secret|token|key|cred|auth|bearer|jwt|dsn|cookie|conn|sig", re.IGNORECASE)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_REFERENCE = re.compile(r"\$\{(?:(?:oc\.)?env:\w+|(?:oc\.select:)?[\w.\[\]-]+)(?:, ?(?:null)?)?\}|xxh3_128:\w{32}")

# All patterns are linear on hostile text: runs are possessive, bounded, or end at what they cannot contain.
_PEM = re.compile(
    r"-----BEGIN [^-\n]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[^-]++|-(?!----END))*+"
    r"(?:-----END [^-\n]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"
)
_USERINFO = re.compile(
    r"""://((?:[^\s/?#"'<>]+|[^\s/?#"'<>@:\[]*:(?!\d{0,5}[/?#])(?:(?!://)[^\s"'<>@]){1,64}+))@(?!sha\d{3}:)"""
)
_SHAPES = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      gh[pousr]_[A-Za-z0-9]{20,} | github_pat_\w{20,}
    | gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent)-[\w.-]{16,}
    | sk-(?=[A-Za-z_-]{0,60}\d)[\w-]{20,} | [rs]k_(?:live|test)_[A-Za-z0-9]{16,}
    | xox[abeoprs]-[\w-]{10,} | xapp-[\w-]{20,}
    | (?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])
    | AIza[\w-]{35}(?![\w-]) | ya29\.[\w-]{20,} | GOCSPX-[\w-]{20,}
    | hf_[A-Za-z0-9]{20,} | npm_[A-Za-z0-9]{36,} | pypi-[\w-]{50,} | dckr_pat_[\w-]{20,} | hvs\.[\w-]{20,}
    | dapi[0-9a-f]{32}(?![A-Za-z0-9]) | SG\.[\w-]{16,}+\.[\w-]{16,} | AGE-SECRET-KEY-1[A-Z0-9]{20,}
    | (?<![\w-])eyJ[\w-]{5,}+\.[\w-]{5,}+(?:\.[\w-]*+){1,3}
    | ((?:[Bb]earer|BEARER)[ \t]{1,3})[\w.~+/-]{16,}={0,2}
    | (hooks\.slack\.com/\w{1,20}/|discord(?:app)?\.com/api/webhooks/|api\.telegram\.org/bot)[\w/:-]{10,}
    )""",
    re.ASCII | re.X,
)
_ASSIGNMENT = re.compile(r"""((?:[?&;]|(?<![\w.-]))[\w.-]++)(?:\\?["'])?[ \t]{0,3}[:=]{1,2}>?[ \t]{0,3}""")
_SIGNATURE = re.compile("[?&;](?:x-amz-|x-goog-)?sig(?:nature)?", re.IGNORECASE)
_OPTION = re.compile(r"""(?<![\w.-])(?:--|-o[ \t]{1,3})([\w.-]++)[ \t]{1,3}(?!-)""")
_QUOTED = r"""
      \$\{[^{}\s]*\}(?![^\s"'&;,)\]}>])
    | \\"(?:[^"\\\r\n]|\\[^"\r\n])*+(?:\\")?
    | [bBfFrRuU]{0,2}"(?:[^"\\\r\n]|\\.)*+"?
    | [bBfFrRuU]{0,2}'(?:[^'\\\r\n]|\\.)*+'?
"""
_VALUE = re.compile(_QUOTED + r"""| (?:(?i:basic|bearer|token)[ \t]+)? [^\s"'&;]*[^\s"'&;,)\]}>]""", re.X)
_HEADER_VALUE = re.compile(_QUOTED + r"""|[^"'\s][^"'\r\n]*""", re.X)
_OPENING = re.compile(r"""\\"|[bBfFrRuU]{0,2}["']|""")


def is_secret_name(name: str, allowed: Collection[str] = ()) -> bool:
    """Tell whether the value of a name is secret.

    Parameters
    ----------
    name : str
        A key, variable or option in snake_case, kebab-case, camelCase or SCREAMING_CASE; dots separate the
        levels of a nested key, and what is below a secret level is secret.
    allowed : collection of str, optional
        Names and dotted keys that are never secret; ``db.token`` covers ``config.db.token`` too.

    Returns
    -------
    bool
        True when the value has to be redacted.

    Examples
    --------
    >>> is_secret_name("HF_TOKEN"), is_secret_name("db.apiKey"), is_secret_name("max_tokens")
    (True, True, False)
    """
    if not _STEMS.search(name) or _is_listed(name, allowed) or name.endswith(FILE_SUFFIXES):
        return False
    parts = name.split(".", _MAX_LEVELS)
    return any(
        _is_secret_part(part, parts[level - 1] if level else "")
        and not _is_listed(".".join(parts[: level + 1]), allowed)
        for level, part in enumerate(parts)
    )


def _is_listed(path: str, names: Collection[str]) -> bool:
    return any(path == name or path.endswith("." + name) for name in names)


def _is_secret_part(part: str, parent: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(part)]
    if part in {"PWD", "OLDPWD"} or not words:  # the shell's variables for the working folder
        return False
    if words[-1] in INNOCENT_LAST_WORDS or words[0] in INNOCENT_FIRST_WORDS:
        return False
    if words[-1] in SECRET_LAST_WORDS:
        return True
    if any(word in SECRET_WORDS or word.endswith(SECRET_ENDINGS) for word in words):
        return True
    # The last word of the parent is read along, so that `api: {key: …}` is an API key.
    befores = [*(_WORDS.findall(parent)[-1:] or [""]), *words]
    return any(map(_is_secret_between, befores, words, [*words[1:], ""]))


def _is_secret_between(before: str, word: str, after: str) -> bool:
    if word == "token":
        return before not in INNOCENT_TOKENS_BEFORE and after not in INNOCENT_TOKENS_AFTER
    if word == "tokens":
        return before in TOKENS_OWNERS
    if word == "pass" and not after:
        return before in PASS_OWNERS
    return before.lower() + word in SECRET_WORDS


class Redactor:
    """Replace secrets in text, values and command lines by ``***``.

    It never changes, and its ``repr`` shows no secret. All methods are idempotent and take linear time.

    Parameters
    ----------
    secrets : iterable of str, optional
        Values to hide wherever they occur, also percent-encoded or with escaped quotes; of less than
        4 characters never, of less than 8 only where no letter or digit adjoins: a digest stays whole.
    allowed : collection of str, optional
        Names and dotted keys that are never secret (see `is_secret_name`).

    Examples
    --------
    >>> redactor = Redactor(secrets=["correct horse"])
    >>> redactor.text("cloned https://me:pw@example.org/x with correct horse")
    'cloned https://***@example.org/x with ***'
    >>> redactor.value({"api_key": "x", "max_tokens": 5})
    {'api_key': '***', 'max_tokens': 5}
    """

    def __init__(self, secrets: Iterable[str] = (), allowed: Collection[str] = ()) -> None:
        self._allowed = frozenset(allowed)
        self._groups = frozenset(name.rpartition(".")[0] for name in allowed) - {""}
        self._secrets = frozenset(s for s in secrets if len(s) >= _MIN_SECRET and not _is_readable(s))
        forms = sorted({form for secret in self._secrets for form in _forms(secret)})
        forms.sort(key=len, reverse=True)
        self._anywhere = [form for form in forms if len(form) >= _MIN_ANYWHERE]
        short = "|".join(re.escape(form) for form in forms if len(form) < _MIN_ANYWHERE)
        self._standing_alone = re.compile(f"(?<![A-Za-z0-9])(?:{short})(?![A-Za-z0-9])") if short else None

    def __repr__(self) -> str:
        return f"<Redactor of {len(self._secrets)} known secrets>"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], allowed: Collection[str] = ()) -> Redactor:
        """Make a redactor that knows the secrets of an environment.

        Parameters
        ----------
        environ : mapping of str to str
            Usually `os.environ`.
        allowed : collection of str, optional
            Names that are never secret.

        Returns
        -------
        Redactor
            It knows what `learn` finds there.
        """
        return cls(allowed=allowed).learn(environ)

    def learn(self, mapping: Mapping[str, Any]) -> Redactor:
        """Make a redactor that also knows the secret values of a mapping.

        Parameters
        ----------
        mapping : mapping
            Learnt are texts and numbers below secret names, however nested, and passwords in URLs; not what
            would spoil innocent text: less than 6 characters, common words as ``testing``, existing paths.

        Returns
        -------
        Redactor
            A new one; this one stays as it is.
        """
        learnt = {value.strip() for value in self._find_secrets(mapping, "")}
        return Redactor(self._secrets.union(filter(_is_learnable, learnt)), self._allowed)

    def text(self, text: str) -> str:
        """Redact a text.

        Parameters
        ----------
        text : str
            Lines of a log, a command line, a URL.

        Returns
        -------
        str
            The same without known secrets, credentials in URLs, private keys, tokens of a known shape, and
            values assigned to a secret name (``password=…``, ``"token": "…"``, ``--api-key …``).
        """
        # A replacement can uncover the next one. Only a text that was made to do so goes on for many passes.
        for _ in range(_MAX_PASSES):
            if (redacted := self._redact_once(text)) == text:
                return text
            text = redacted
        return REDACTED

    def value(self, value: Any) -> Any:
        """Redact a value of a config or a receipt.

        Parameters
        ----------
        value : object
            Mappings, lists, tuples, sets and texts, nested in any way; other objects come back as they are.

        Returns
        -------
        object
            The same shape. What a secret name holds is ``***``, whatever its type, except None, True, False,
            ``""``, ``"???"`` and references such as ``"${oc.env:TOKEN}"``. Other texts went through `text`.
        """
        return self._redact(value, "")

    def argv(self, argv: Sequence[str]) -> list[str]:
        """Redact a command line.

        Parameters
        ----------
        argv : sequence of str
            The arguments, as in `sys.argv`.

        Returns
        -------
        list of str
            As many arguments; hidden are the values in ``--token x``, ``--token=x``, ``-o db.token x``,
            ``-o db.token=x`` and ``db.token=x``, and what `text` hides.
        """
        redacted: list[str] = []
        before, is_value = "", False
        for argument in argv:
            is_value = is_value and not re.match(r"--|-[A-Za-z]\Z", argument)
            redacted.append(_mask(argument) if is_value else self._redact_argument(argument))
            is_name = (argument.startswith("--") or before == "-o") and "=" not in argument
            is_value = is_name and is_secret_name(argument.lstrip("-"), self._allowed)
            before = argument
        return redacted

    def _redact_argument(self, argument: str) -> str:
        name, equals, value = argument.partition("=")
        if equals and re.fullmatch(r"[\w.+~-]+", name) and is_secret_name(name.lstrip("-+~"), self._allowed):
            return f"{name}={_mask(value)}"
        return self.text(argument)

    def _redact(self, value: Any, path: str) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return self._redact_mapping(value, path)
        if isinstance(value, PurePath):
            return type(value)(self.text(str(value)))
        if isinstance(value, list | tuple | set | frozenset):
            return getattr(value, "_make", type(value))(self._redact(item, path) for item in value)
        return value

    def _redact_mapping(self, mapping: Mapping[Any, Any], path: str) -> dict[Any, Any]:
        redacted: dict[Any, Any] = {}
        for key, item in mapping.items():
            shown = self._redact(key, path)
            while shown in redacted:  # two keys that differ in their secrets only
                shown += "*"
            # A key that has become a secret name by being redacted is one, so that a second time changes nothing.
            name = shown if is_secret_name(str(shown), self._allowed) else key
            redacted[shown] = self._redact_item(item, f"{path}.{name}" if path else str(name))
        return redacted

    def _redact_item(self, item: Any, path: str) -> Any:
        if not is_secret_name(path, self._allowed):
            return self._redact(item, path)
        if isinstance(item, Mapping) and _is_listed(path, self._groups):
            return self._redact_mapping(item, path)
        return item if _is_readable(item) else REDACTED

    def _find_secrets(self, value: Any, path: str) -> Iterator[str]:
        if isinstance(value, Mapping):
            for key, item in value.items():
                yield from self._find_secrets(item, f"{path}.{key}" if path else str(key))
        elif isinstance(value, list | tuple | set | frozenset):
            for item in value:
                yield from self._find_secrets(item, path)
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            if is_secret_name(path, self._allowed):
                yield str(value)
            elif isinstance(value, str) and "://" in value:
                yield from (match[1].partition(":")[2] for match in _USERINFO.finditer(value))

    def _redact_once(self, text: str) -> str:
        for form in self._anywhere:
            text = text.replace(form, REDACTED)
        if self._standing_alone:
            text = self._standing_alone.sub(REDACTED, text)
        text = _USERINFO.sub(_mask_userinfo, _PEM.sub(REDACTED, text))
        text = _SHAPES.sub(lambda match: (match[1] or match[2] or "") + REDACTED, text)
        if not (":" in text or "=" in text or "-" in text) or not _STEMS.search(text):
            return text
        return self._mask_assigned(_ASSIGNMENT, self._mask_assigned(_OPTION, text))

    def _mask_assigned(self, pattern: re.Pattern[str], text: str) -> str:
        pieces = []
        known: dict[str, re.Pattern[str] | None] = {}  # a log repeats few names many times
        done = position = 0
        while match := pattern.search(text, position):
            position, name = match.end(), match[1]
            if name not in known:
                known[name] = self._value_pattern(name)
            if (secret := known[name]) and (value := secret.match(text, position)):
                pieces += [text[done:position], _mask(value[0])]
                done = position = value.end()
        return "".join([*pieces, text[done:]])

    def _value_pattern(self, name: str) -> re.Pattern[str] | None:
        if _SIGNATURE.fullmatch(name):
            return _VALUE
        if not is_secret_name(name.lstrip("-?&;"), self._allowed):
            return None
        return _HEADER_VALUE if name.lower().endswith(("authorization", "cookie")) else _VALUE


def _mask_userinfo(match: re.Match[str]) -> str:
    # A bare user is a secret on the web only: tokens are put there, and `ssh://git@` is not one.
    is_web = match.string[max(match.start() - 5, 0) : match.start()].lower().endswith(("http", "https"))
    is_open = all(map(_is_readable, match[1].split(":"))) or not (is_web or ":" in match[1])
    return match[0] if is_open else f"://{REDACTED}@"


def _mask(value: str) -> str:
    opening = _OPENING.match(value)[0]  # type: ignore[index]
    closing = opening.lstrip("bBfFrRuU")
    content = value[len(opening) :].removesuffix(closing)
    if _is_readable(content) or content.lower() in {"none", "null", "true", "false"}:
        return value
    return f"{opening}{REDACTED}{closing}"


def _is_readable(value: object) -> bool:
    if not isinstance(value, str):
        return value is None or isinstance(value, bool)
    return value == "???" or not value.strip("*") or _REFERENCE.fullmatch(value) is not None


def _is_learnable(value: str) -> bool:
    is_common = len(value) < _MIN_LEARNT or value.lower() in NOT_LEARNT or _is_readable(value)
    # A secret may be too long for a path, which Path.exists refuses.
    return not is_common and not (value.startswith("/") and os.path.exists(value))  # noqa: PTH110


def _forms(secret: str) -> Iterator[str]:
    from urllib.parse import quote, quote_plus

    yield secret
    yield quote(secret, safe="", errors="surrogateescape")
    yield quote_plus(secret, errors="surrogateescape")
    yield secret.replace("\\", "\\\\").replace('"', '\\"')
