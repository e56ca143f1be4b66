"""What a sentence does instead of asking for something: it forbids, declines, asks, reports, plans, or corrects itself.

Each is told by the sentence alone, and where it names a deed, by the verbs of the pattern that would do it: "don't
push it" forbids no commit.
"""

from __future__ import annotations

import re
from collections.abc import Set

_READ = 2_000  # characters of a sentence in which a plan or a correction is looked for
_HEARD = 500  # characters of a sentence in which a report is looked for
_OPENING = r"(?:(?:please|so|and|but|hey|ok|okay|well|now|also|oh|hm+)[,!]?\s+){0,3}"
_FORBIDS = re.compile(
    rf"{_OPENING}(?:don['’]?t|do not|never|no need to|nobody|no one|\w+ nothing"
    r"|you (?:should not|shouldn['’]?t|must not|mustn['’]?t))\b"
    r"(?!\s(?:you\s)?(?:forget|worry|mind|hesitate)\b)(?!.*[,;.:!]\s(?:just|only|but|instead|rather|simply)\b)",
    re.IGNORECASE,
)
_FORBIDS_LATER = re.compile(
    r"(?:[,.;:—–]\s?|\b(?:but|and|so)\s)(?:please\s)?(?:do not|don['’]?t|never)\s(?P<verb>\w+)", re.IGNORECASE
)
_DECLINES = re.compile(
    r"(?:(?:from (?:here|now) on|never ?mind|no thanks?|thanks|actually|forget it|hold on|wait|please)[,;.!]?\s+){0,2}"
    rf"{_OPENING}(?:(?:don['’]?t|do not|(?:there(?:['’]s| is) )?no (?:longer a )?need to"
    r"|(?:you|we) (?:needn['’]?t|don['’]?t (?:need|have) to))"
    r"\s(?P<verb>(?!(?:you|we|i|forget|worry|mind|hesitate)\b)\w+)"
    r"|never ?mind(?= (?:the|that|it|about|my)\b)|i (?:don['’]?t|do not) (?:need|want)(?! to\b))",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,;:!…?]\s|\.\s|\s[-—–]+\s")
_INSTEAD = re.compile(r"\b(?:more than|unless|except|other than|until|but|before)\b", re.IGNORECASE)
_EXPLAINS = re.compile(
    r"(?:i|it|he|she|they|we|that|this|because|since|as|for|thanks|thank|forget|already|not|there)(?:['’]\w+)?\b"
    r"(?! (?:want|need|just want|only want)\b)",
    re.IGNORECASE,
)
_ASKS = re.compile(
    rf"{_OPENING}(?:why|who|whom|whose|where|which|what(?! about| i (?:need|want))|how(?! about)|when (?:did|was|will)"
    r"|when is|did|does|do (?:i|we|they)|has|had|have (?:i|we|they|you) (?:\w+ )?(?:ever|already|yet)|was|were|should"
    r"|shall i|is (?!it (?:possible|okay|ok|fine)|there (?:a|any) (?:way|chance))|explain|find|show|list|describe"
    r"|tell me (?:whether|if|why|how|what|who|which)|(?:can|could) you (?:explain|tell|find|show)|i wonder)\b",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"\b(?:please|pls|kindly|(?:can|could|would|will|may|might) (?:you|we|i|it|u)|you (?:could|can|would)|mind|possible"
    r"|any chance|how about|what about|let['’]s|be so (?:kind|good)|there (?:a|any) way)\b",
    re.IGNORECASE,
)
_REPORTS = re.compile(  # and nothing else: "I made the changes, commit them" is an order
    r"(?!.*[,;.:!]\s(?!(?:it|its|which|who|but|because|since|he|she|they|we|i|that|and|so (?:that|it|this|we|i))\b))"
    r"(?:(?:(?:(?i:i|we|he|she|they|you|it|somebody|someone|nobody)|[A-Z][a-z]+)(?:['’](?:ve|s|d)| have| has| had)?\s"
    r"(?:just |already |once |never |only )?(?:(?!need|want|lik|wish|intend|hop)[a-z]{2,14}ed|ran|made|cut|tried|went"
    r"|put|did|got|took|wrote|brought))\b"
    r"|(?i:i|we|they|he|she|it) (?:(?:do|did|does|will|could|can|was|were) ?not|cannot|never"
    r"|(?:do|did|does|wo|could|ca|was|were)n['’]?t)\b"
    r"|(?:already |just )?(?i:ran|created|made|committed|opened|stored|started|saved)\b.*"
    r"\b(?:ago|yesterday|already|earlier|this morning|last (?:night|week))\b"
    r"|(?i:already|just) (?i:\w{2,14}ed)\b"
    r"|.*\b(?:was|were|got|has been|have been|had been) (?:created|committed|made|opened|started|cancelled)\b"
    r"|.*[\"'”’]\s(?:and it )?(?:fails?|failed|hangs?|hung|crash(?:es|ed)|breaks?|broke|gives?|gave|takes|took|said)\b)"
)
_HAPPENED = re.compile(  # "the health check went through an hour ago", and nothing is asked
    r"(?:yesterday|last (?:night|week|month)|this morning|earlier(?: today)?),? (?:i|we|he|she|they)\b[^,;:?]*$"
    r"|(?:i|we|he|she|they)(?:['’]ve| have| had)? (?:already|just) (?!(?:want|need|like)\b)\w+\b[^,;:?]*$"
    r"|(?:(?:the|our|my|this|that|yesterday['’]s|today['’]s)\s|[A-Z][a-z]+['’]s\s)"
    r"(?:(?!(?:that|which|who|what|i|we|you|he|she|they)\b)[\w./'’\-]+\s){1,8}"
    r"(?:went|passed|failed|finished|succeeded|worked|ran|came (?:back|through)|completed"
    r"|(?:was|were) (?:checked|looked at|run|fetched|read|fine|ok|okay|green|red|up|down))\s"
    r"[^,;:?]*\b(?:ago|yesterday|already|earlier|this morning|last (?:night|week))\W*$",
    re.IGNORECASE,
)
_NOT_NOW = re.compile(r"\bnot (?:now|yet|today)\W*$", re.IGNORECASE)
_PLANS = re.compile(  # "tomorrow I'll create the branch", and nothing is asked now
    rf"{_OPENING}(?=.*\b(?:myself|ourselves|tomorrow|tonight|later|next (?:week|month|time|sprint))\b)"
    r"(?!.*[,;.:!]\s(?:please|so|now|then|just|could|can|would|what|which|how|show|give|list|tell)\b)"
    r"(?:[^,;:.?!]{0,60}[,\s])?(?:i|we|he|she|they)"
    r"(?:['’]ll| will|(?:['’]m|['’]re| am| are) going to| plan to| intend to)\s(?!need\b|want\b)",
    re.IGNORECASE,
)
_CORRECTS = re.compile(  # "to release-4.2, er, release-4.3"
    r"(?:[,.;…—–(]|\s-)\s?(?:er|erm|oops|no,? wait|wait,? no|i mean|i meant|scratch that|sorry|actually|or rather)\b"
    r"|\s(?:oops|or rather)\s\S+\W*$|[,?]\sno,?(?:\s[\w./\-]+)?\W*$",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|`[^`]*`|(?<!\w)'[^']*'(?!\w)")


def forbids(sentence: str) -> bool:
    """True for "never do this"."""
    return _FORBIDS.match(sentence) is not None


def forbids_later(sentence: str, verbs: Set[str]) -> bool:
    """True for "it is good, but don't do it", where these are verbs of the deed."""
    said = _QUOTED.sub("", sentence[:_READ])
    return any(match["verb"].casefold() in verbs for match in _FORBIDS_LATER.finditer(said))


def declines(sentence: str, verbs: Set[str]) -> bool:
    """True for what says that it is not wanted, and wants nothing else instead: "no need to check it, I have read it".

    Not for "don't check all, just the first", nor for "don't wait, check it" where "wait" is none of the verbs.
    """
    said = sentence[:_READ]
    match = _DECLINES.match(said)
    if match is None:
        return _NOT_NOW.search(sentence, max(0, len(sentence) - _HEARD)) is not None
    if (verb := match["verb"]) is not None and verb.casefold() not in verbs:
        return False
    first, *others = _CLAUSE.split(said[match.end() :])
    return not _INSTEAD.search(first) and all(_EXPLAINS.match(clause) for clause in others if clause.strip())


def asks(sentence: str) -> bool:
    """True for a question that is no request in the form of one."""
    return sentence.rstrip().endswith("?") and not requests(sentence)


def requests(sentence: str) -> bool:
    """True for a question or another sentence that asks somebody to do something."""
    return _REQUEST.search(sentence) is not None


def wants_to_know(sentence: str) -> bool:
    """True for what begins as a question, or as a request to tell something."""
    return _ASKS.match(sentence) is not None


def reports(sentence: str) -> bool:
    """True for what tells that something was done."""
    return _REPORTS.match(sentence, 0, _HEARD) is not None


def happened(sentence: str) -> bool:
    """True for what tells that something was looked at before, and asks nothing."""
    return _HAPPENED.match(sentence, 0, _HEARD) is not None


def plans(sentence: str) -> bool:
    """True for what somebody says to do later, or by himself."""
    return _PLANS.match(_QUOTED.sub("", sentence[:_READ]), 0, _HEARD) is not None


def corrects(sentence: str) -> bool:
    """True for what takes back a part of itself: which part, nobody knows for sure."""
    return _CORRECTS.search(_QUOTED.sub("", sentence[:_READ])) is not None
