"""Words of a sentence: how they are cut, which carry meaning, and what their stem is."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_REACH = 400  # characters of a sentence's end in which a reason is looked for
_FEWEST = 2  # words in front of a reason that say nothing yet
_CAMEL = re.compile(r"([a-z0-9])([A-Z])")
_WORD = re.compile(r"\w+(?:'\w+)?")

_VALUES = re.compile(r"https?://\S+|(?<![\w/])(?:~|\.{1,2})?/[\w.\-*]+(?:/[\w.\-*]*)*|\"[^\"]{1,2000}\"|`[^`]{1,2000}`")

ENDINGS = (  # of names of files: in "it is bad.This" a space is missing
    "py|pyi|ipynb|js|jsx|ts|tsx|mjs|vue|md|rst|txt|json|jsonl|ya?ml|toml|ini|cfg|conf|env|lock|xml|html?|css|scss|svg|csv"
    "|tsv|diff|patch|sql|sh|go|rs|c|h|cc|cpp|hpp|cs|java|kt|rb|php|swift|proto|tf|log|pdf|png|jpe?g|gif|docx?|xlsx?|pptx?|zip|gz|tar"
)
_KINDS = re.compile(
    rf"(?P<address>https?://\S{{1,2000}}|(?<![\w.+\-])[\w.+\-]{{1,64}}@[\w\-]{{1,63}}(?:\.[\w\-]{{1,63}}){{1,5}})"
    rf"|(?<![\w/.,+±\-~])(?:(?P<file>(?:~|\.{{1,2}})?/?(?:[\w.\-]{{1,100}}/){{0,20}}[\w.\-]{{0,100}}\.(?:{ENDINGS})(?![\w/\-]|\.\w))"
    rf"|(?P<folder>(?:~|\.{{1,2}})?/[\w.\-*]{{1,100}}(?:/[\w.\-*]{{0,100}}){{0,20}})"
    rf"|(?P<hash>(?=[0-9a-f]{{0,39}}\d)(?=\d{{0,39}}[a-f])[0-9a-f]{{6,40}}\b)"
    r"|(?P<expression>\({0,3}\d[\d.,]{0,18}\){0,3}(?:\s?[+*^×÷%]{1,2}\s?\({0,3}\d[\d.,]{0,18}\){0,3}"
    r"|\s/\s\({0,3}\d[\d.,]{0,18}\){0,3}){1,40}))",
    re.IGNORECASE,
)
_MARKED = re.compile(r"[\d/@]|\.\w")  # what no such value is without

_REASON = re.compile(  # "before noon" and "since March" say what is wanted; within quotes it is a part of the value
    r"[,;]?\s+(?:(?:so|in order) that\b|in order to\b|because\b|(?:before|since|as)\s(?:i|we|they)\b"
    r"|so\s(?:i|we|they)\s(?:can|may|could|might|know|see|will|won't|do|don't|understand)\b)[^\"“”`,;:]*$",
    re.IGNORECASE,
)

_FILLER = re.compile(
    r"(?:(?:ok|okay|uh+|um+|erm|hey|hi|hello|alright|all right|so|well|yo|hm+|right|great|cool|thanks|thx|pls|plz"
    r"|please|go ahead and|(?:can|could|would|will) (?:you|u)|i (?:need|want) you to"
    r"|i['’]d like you to|let['’]s|just|now|then"
    r"|and|also|quickly|quick)[,.!:;…]*\s+)+",
    re.IGNORECASE,
)
_CLAUSE = r"[^,;:.!?\"“”`]{3,120}"
_BEFORE = re.compile(
    rf"(?:(?:as|since|because|while)\s(?:i|we|they|he|she|it|the|my|our)\s{_CLAUSE},|(?:before|to)\s{_CLAUSE},|before\s{_CLAUSE}:"
    rf"|{_CLAUSE},\sso)\s(?!that\b|much\b|many\b)",
    re.IGNORECASE,
)

STOP_WORDS = frozenset(
    """a an and any are as at be been but by can could did do does for from had has have how i i'd i'm if in into is it
    its just like let's lets make may me might my need of on or our out please shall she should so some than that the
    their them then there these they this those to us use want was we were what what's which who will with would you
    your s t hey hi thanks thank kindly okay ok""".split()
)


def normalise(query: str) -> str:
    """One spelling of a sentence: NFKC, single spaces, no closing mark or space at its ends; " ." is a folder."""
    one = " ".join(_nfkc(query).split()).rstrip("?! ")
    return one if one.endswith((" .", " ..", "/.", "/..")) else one.rstrip("?!. ")


def without_values(query: str) -> str:
    """A sentence without the addresses, absolute paths and quoted texts in it, which do not say which tool is meant.

    What is nothing but such values stays as it is.
    """
    if not ("/" in query or '"' in query or "`" in query):
        return query
    rest = " ".join(_VALUES.sub(" ", query).split())
    return rest if words(rest) else query


@lru_cache(maxsize=256)
def by_kind(text: str) -> str:
    """A text with what kind of value stands there in place of addresses, files, folders, hashes and sums.

    Which file it is does not say what is to be done with it, and that it is one does.
    """
    if _MARKED.search(text) is None:
        return text
    return _KINDS.sub(lambda match: match.lastgroup or "", text)


def filler(query: str) -> int:
    """How many characters at a sentence's beginning only lead up to what is asked: "ok so", "pls", "could you"."""
    match = _FILLER.match(query)
    return match.end() if match else 0


@lru_cache(maxsize=256)
def without_reason(query: str) -> str:
    """A sentence without the reason at its end, or before it, which says why and not what; asked for often."""
    asked = query[:-_REACH] + _REASON.sub("", query[-_REACH:])
    if ("," in asked or ":" in asked) and (before := _BEFORE.match(asked)) is not None:
        asked = asked[before.end() :]
    return asked if len(asked.split()) > _FEWEST else query


@lru_cache(maxsize=256)
def words(text: str) -> tuple[str, ...]:
    """Folded words of a text, underscores and camelCase taken apart. Several stages ask for those of one sentence."""
    parted = text.replace("_", " ")
    if not parted.islower():
        parted = _CAMEL.sub(r"\1 \2", parted)
    return tuple(_WORD.findall(_nfkc(parted).casefold()))


def _nfkc(text: str) -> str:
    """One spelling of each character; plain English has no other."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def stems(text: str) -> list[str]:
    """Stems of the words that carry meaning; of all words where none does."""
    found = words(text)
    return [stem(w) for w in found if w not in STOP_WORDS] or [stem(w) for w in found]


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A light English stem: plurals, -ing, -ed and a final e. Enough to join spellings, never to mix words."""
    if len(word) <= 3 or not word.isascii():  # noqa: PLR2004 - "was", "ing" and the like have no ending to lose
        return word
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", ""), ("s", "")):
        if word.endswith(ending) and not word.endswith(("ss", "us", "is")) and len(word) - len(ending) >= 3:  # noqa: PLR2004
            word = word[: -len(ending)] + instead
            if ending in ("ing", "ed") and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    return word.removesuffix("e") if len(word) > 3 else word  # noqa: PLR2004
