"""What a sentence does instead of asking for something: it forbids, declines, asks, reports, plans, or corrects itself.

Each is told by the sentence alone, and where it names a deed, by the verbs of the pattern that would do it: "don't
push it" forbids no commit.
"""

from __future__ import annotations

import re
from collections.abc import Set

from tmws_patterns.routing.deeds import is_deed
from tmws_patterns.routing.text import filler

ORDERED, NEGATED, TOLD, WAITS = "ordered", "negated", "told", "waits"
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
    r"|no (?:[\w\-]+ ){1,4}(?:needed|required|necessary)\b"
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
    r"|.*\b(?:was|were|got|has been|have been|had been) (?:created|committed|made|opened|started|cancelled"
    r"|staged|added|switched|merged|deleted|checked out)\b"
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
    r"(?:[,.;…—–(]|\s-)\s?(?:er|erm|oops|no,? wait|wait,? no|wait|hmm?|i mean|i meant|scratch that|cancel that|stop|nah"
    r"|on second thought|just kidding|or rather)\b"
    r"|(?:[,.;…—–(]|\s-)\s?(?:sorry,?|actually,?)(?:\s\S+){1,2}\W*$|\s(?:oops|or rather)\s\S+\W*$"
    r"|(?:[,?]|\s-)\sno,?(?:\s[\w./\-]+)?\W*$",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"\b(?:(?:if|when)(?! (?:possible|needed|necessary|you|that['’]s|it['’]s (?:ok|okay|fine)))|as soon as|once|after"
    r"|unless|until|before (?:you|we|i)|tomorrow|tonight|later)\b",
    re.IGNORECASE,
)
_ON_CONDITION = re.compile(
    r"(?:if|when|once|after|unless|until|as soon as)\b(?! (?:possible|you|that['’]s|it['’]s))", re.IGNORECASE
)
_PARTS = re.compile(r"[,;:.!?…]+\s|\s[-—–]+\s|\s(?:but|and|so|then|because|since|to see|in order)\s")
_NEGATION = re.compile(
    r"\b(?:not|never|cannot|nobody|no one|avoid|refrain|without|forbidden|bad idea|no circumstances|rather you|failed"
    r"|forgot)\b|n['’]t\b",
    re.IGNORECASE,
)
_NOTHING = re.compile(r"\bnothing\b", re.IGNORECASE)
_TELLS = re.compile(  # whose deed it is: nobody's who is asked
    r"(?:(?:he|she|they|someone|somebody|nobody|(?:the|our|this) \w+(?: \w+)?|[A-Z][a-z]+|tests?)"
    r" (?:\w+ )?(?:will|would|could|always|has|have|had|said|says?|wants?|did|does|do|is|was|were)\b"
    r"|I (?:was|would|could|might|hope|think|thought|fear|guess|wonder|just wonder)\b)"
)
_CHANGES = frozenset("commit stage checkout switch".split())  # besides what deeds.py has
_NOUN = re.compile(r"(?:^|\s)(?:the|a|an|my|our|this|that|your|last|each|every)(?:\s[\w\-]+)?$", re.IGNORECASE)
_WORD = re.compile(r"[\w'’]+")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|`[^`]*`|(?<!\w)'[^']*'(?!\w)")


def forbids(sentence: str) -> bool:
    """True for "never do this"."""
    return _FORBIDS.match(sentence) is not None


def forbids_later(sentence: str, verbs: Set[str]) -> bool:
    """True for "it is good, but don't do it", where these are verbs of the deed."""
    said = _QUOTED.sub("", sentence[:_READ])
    return any(match["verb"].casefold() in verbs for match in _FORBIDS_LATER.finditer(said))


def stands(sentence: str, verbs: Set[str]) -> str:
    """How a sentence names a deed by one of the verbs; "" where it does not.

    NEGATED, TOLD (of somebody else), WAITS (for something), or ORDERED, where one clause of several does so plainly.
    """
    found, clauses = "", _PARTS.split(sentence[:_READ])
    waits = any(_ON_CONDITION.match(clause) for clause in clauses)
    for clause in clauses:
        at = next((m.start() for m in _WORD.finditer(clause) if m.group().casefold() in verbs), None)
        before = clause[:at].rstrip() if at is not None else None
        if before is None or _NOUN.search(before):
            continue
        if _NEGATION.search(before) or _NOTHING.search(clause):
            found = found or NEGATED
        elif _TELLS.match(before):
            found = found or TOLD
        elif waits or _CONDITION.search(clause):
            found = found or WAITS
        else:
            return ORDERED
    return found


def orders_more(sentence: str, verbs: Set[str]) -> bool:
    """True for a second change that is ordered behind the first one, by a verb that is none of these."""
    begun = [_WORD.search(clause[filler(clause) :]) for clause in _PARTS.split(sentence[:_READ])[1:]]
    said = {word.group().casefold() for word in begun if word is not None}
    return any((word in _CHANGES or is_deed(word)) and word not in verbs for word in said)


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


def unquoted(sentence: str) -> str:
    """A sentence without what it quotes; its beginning, where it is long."""
    return _QUOTED.sub('""', sentence[:_READ])
