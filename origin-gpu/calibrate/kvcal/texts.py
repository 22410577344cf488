"""Which documents calibrate and which tune, and how they become token sequences.

`calibrate` documents fit the profile; `tune` documents (other documents, mostly other packages) choose its hyper-parameters
and give the printed held-out figures.
"""

from __future__ import annotations

import gzip
import html
import json
import random
import re
from dataclasses import dataclass
from typing import Callable

from tokenizers import Tokenizer

from .sources import SourceStore

Reader = Callable[[bytes], str]


@dataclass(frozen=True)
class Document:
    """Texts of one package joined (`pattern` is matched against member paths), giving `count` sequences."""

    split: str
    domain: str
    source: str
    pattern: str
    count: int
    read: str = "plain"


@dataclass(frozen=True)
class Sequence:
    """Token ids of one calibration or tuning sequence and where they come from."""

    name: str
    domain: str
    tokens: tuple[int, ...]


def _plain(data: bytes) -> str:
    return data.decode("utf-8", "ignore").replace("\r\n", "\n")


def _gzip(data: bytes) -> str:
    return _plain(gzip.decompress(data))


def _page(data: bytes) -> str:
    """Text of an HTML page."""
    body = re.sub(r"(?is)<(script|style|head).*?</\1>", " ", _plain(data))
    body = re.sub(r"(?i)</(p|h\d|li|div|tr)>|<br\s*/?>", "\n", body)
    return re.sub(r"\n\s*\n+", "\n\n", html.unescape(re.sub(r"<[^>]+>", "", body)))


def _fortune(data: bytes) -> str:
    """Quotations, a blank line apart, without colour codes."""
    return re.sub(r"\n%\n", "\n\n", re.sub(r"\x1b?\[\d*m", "", _plain(data)))


def _translations(data: bytes) -> str:
    """The translated messages of a gettext file, one a line."""
    return "\n".join(re.findall(r'^msgstr "(.+)"$', _plain(data), re.M))


def _records(data: bytes) -> list[dict]:
    return next(iter(json.loads(data).values()))


def _csv(data: bytes) -> str:
    rows = _records(data)
    keys = sorted({k for row in rows[:50] for k in row})
    return "\n".join([",".join(keys)] + [",".join(str(row.get(k, "")) for k in keys) for row in rows])


def _json_lines(data: bytes) -> str:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in _records(data))


def _chat(data: bytes) -> str:
    """A conversation in the model's own template: each definition of a dictionary asked for and given."""
    turns = ["<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>"]
    for entry in _fortune(data).split("\n\n"):
        head, _, body = entry.strip().partition(":")
        if body and len(head) < 60:
            turns.append(f"<|im_start|>user\nWhat do you mean by {head.strip()}?<|im_end|>")
            turns.append(f"<|im_start|>assistant\n{' '.join(body.split())}<|im_end|>")
    return "\n".join(turns)


def _questions(data: bytes) -> str:
    """A conversation about a handbook: the first words of a paragraph asked for, the paragraph given."""
    turns = []
    for paragraph in _page(data).split("\n\n"):
        words = paragraph.split()
        if 30 < len(words) < 220:
            turns.append(f"<|im_start|>user\nPlease explain: {' '.join(words[:9])}...<|im_end|>")
            turns.append(f"<|im_start|>assistant\n{' '.join(words)}<|im_end|>")
    return "\n".join(turns)


READERS: dict[str, Reader] = {
    "plain": _plain, "gzip": _gzip, "page": _page, "fortune": _fortune, "translations": _translations,
    "csv": _csv, "json-lines": _json_lines, "chat": _chat, "questions": _questions,
}

_HANDBOOK = r"doc/debian-handbook/html/{}/(network-services|packaging-system|short-history|unix-services|basic-configuration)\.html"
_FORTUNES = "games/fortunes/"


def _c(domain: str, source: str, pattern: str, count: int, read: str = "plain") -> Document:
    return Document("calibrate", domain, source, pattern, count, read)


def _t(domain: str, source: str, pattern: str, count: int, read: str = "plain") -> Document:
    return Document("tune", domain, source, pattern, count, read)


DOCUMENTS = [
    _c("prose", "brotli", r"testdata/alice29\.txt$", 7),
    _c("prose", "brotli", r"testdata/plrabn12\.txt$", 3),
    _c("prose", "brotli", r"testdata/lcet10\.txt$", 8),
    _c("prose", "anarchism", r"html/sec[A-J]\d\.html$", 14, "page"),
    _c("prose", "dict-devil", r"devil\.dict\.dz$", 3, "gzip"),
    _c("prose", "fortunes", _FORTUNES + r"(people|politics|wisdom|science)$", 4, "fortune"),
    _c("manual", "debian-handbook", _HANDBOOK.format("en-US"), 4, "page"),
    _c("manual", "debian-reference-en", r"debian-reference\.en\.txt\.gz$", 3, "gzip"),
    _c("manual", "axios", r"package/README\.md$", 3),
    _c("manual", "express", r"package/Readme\.md$", 1),
    _c("manual", "debian-handbook", r"html/en-US/(network-infrastructure|security)\.html$", 1),
    _c("code", "networkx", r"networkx/(classes/graph|utils/backends|drawing/layout|algorithms/similarity)\.py$", 5),
    _c("code", "requests", r"requests/(sessions|models|utils)\.py$", 2),
    _c("code", "zod", r"package/src/v4/core/(schemas|compile)\.ts$", 4),
    _c("code", "axios", r"package/dist/node/axios\.cjs$", 4),
    _c("code", "express", r"package/lib/(response|request|application)\.js$", 2),
    _c("code", "brotli", r"c/enc/(encode|metablock)\.c$", 3),
    _c("records", "iso-codes", r"json/iso_3166-2\.json$", 2),
    _c("records", "iso-codes", r"json/iso_639-3\.json$", 1),
    _c("records", "iso-codes", r"json/iso_639-3\.json$", 1, "json-lines"),
    _c("records", "iso-codes", r"json/iso_3166-1\.json$", 1, "csv"),
    _c("records", "iso-codes", r"xml/iso-codes/iso_3166-2\.xml$", 1),
    _c("records", "node-releases", r"processed/envs\.json$", 2),
    _c("records", "spdx-license-list", r"package/spdx\.json$", 1),
    _c("chat", "fortunes", _FORTUNES + "definitions$", 4, "chat"),
    _c("chat", "debian-handbook", _HANDBOOK.format("en-US"), 4, "questions"),
    _c("german", "debian-reference-de", r"debian-reference\.de\.txt\.gz$", 2, "gzip"),
    _c("german", "debian-handbook", _HANDBOOK.format("de-DE"), 3, "page"),
    _c("german", "fortunes-de", _FORTUNES + "de/(zitate|witze)$", 3, "fortune"),
    _c("german", "manpages-de", r"man/de/man5/(proc|systemd\.exec)\.5\.gz$", 1, "gzip"),
    _c("german", "django", r"locale/de/LC_MESSAGES/django\.po$", 1, "translations"),
    _c("chinese", "debian-reference-zh-cn", r"debian-reference\.zh-cn\.txt\.gz$", 3, "gzip"),
    _c("chinese", "debian-handbook", _HANDBOOK.format("zh-CN"), 3, "page"),
    _c("chinese", "fortunes-zh", _FORTUNES + "tang300$", 1, "fortune"),
    _c("chinese", "django", r"locale/zh_Hans/LC_MESSAGES/django\.po$", 1, "translations"),
    _c("languages", "debian-reference-fr", r"debian-reference\.fr\.txt\.gz$", 1, "gzip"),
    _c("languages", "debian-handbook", _HANDBOOK.format("fr-FR"), 1, "page"),
    _c("languages", "django", r"locale/fr/LC_MESSAGES/django\.po$", 1, "translations"),
    _c("languages", "debian-reference-ja", r"debian-reference\.ja\.txt\.gz$", 1, "gzip"),
    _c("languages", "debian-handbook", _HANDBOOK.format("ja-JP"), 1, "page"),
    _c("languages", "fortunes-es", _FORTUNES + r"es/[a-z]+\.fortunes$", 1, "fortune"),
    _c("languages", "debian-handbook", _HANDBOOK.format("es-ES"), 1, "page"),
    _c("languages", "fortunes-ru", _FORTUNES + "ru/(knowledge|life)$", 1, "fortune"),
    _t("prose", "brotli", r"testdata/asyoulik\.txt$", 1),
    _t("prose", "anarchism", r"html/append(31|42)\.html$", 2, "page"),
    _t("manual", "debian-policy", r"policy\.txt\.gz$", 1, "gzip"),
    _t("code", "django", r"django/db/models/(query|base)\.py$", 1),
    _t("code", "lodash", r"package/lodash\.js$", 1),
    _t("records", "iso-codes", r"json/(iso_4217|iso_15924)\.json$", 1),
    _t("german", "developers-reference-de", r"developers-reference\.txt\.gz$", 1, "gzip"),
    _t("german", "django", r"(admin|auth)/locale/de/LC_MESSAGES/django\.po$", 1, "translations"),
    _t("chinese", "fortunes-zh", _FORTUNES + "chinese$", 1, "fortune"),
    _t("languages", "manpages-fr", r"man/fr/man1/(find|tar|xz)\.1\.gz$", 1, "gzip"),
]


def document_text(store: SourceStore, document: Document) -> str:
    """All matching members of the package, in path order, read and joined."""
    members = store.members(document.source)
    paths = sorted(p for p in members if re.search(document.pattern, p))
    if not paths:
        raise LookupError(f"{document.source}: no member matches {document.pattern}")
    return "\n".join(READERS[document.read](members[p]) for p in paths)


def sequences(store: SourceStore, tokenizer: Tokenizer, split: str, length: int, bos: int | None) -> list[Sequence]:
    """`count` sequences of `length` tokens per document, spread over it, every other one headed by `bos`.

    The order is a fixed shuffle, so any leading part of the list mixes the domains.
    """
    found: list[Sequence] = []
    for document in DOCUMENTS:
        if document.split != split:
            continue
        ids = tokenizer.encode(document_text(store, document)).ids
        slots = max(1, len(ids) // length)
        for n in range(min(document.count, slots)):
            start = length * (n * slots // document.count)
            part = ids[start : start + length]
            if len(part) < length:
                print(f"texts: {document.source} {document.pattern}: only {len(part)} of {length} tokens, left out")
                continue
            if bos is not None and len(found) % 2 == 0:
                part = [bos, *part[:-1]]
            found.append(Sequence(f"{document.source}:{document.domain}:{start}", document.domain, tuple(part)))
    random.Random(7).shuffle(found)
    return found
