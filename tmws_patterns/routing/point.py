"""Why a candidate does not answer a sentence that its words resemble.

Words alone do not tell "commit this" from "never commit this", "should I commit this?" and "he committed this", nor an
order from a question about what is here. What writes is held to more than what reads: a wrong answer is read and
forgotten, a wrong write stays.
"""

from __future__ import annotations

import re

from tmws_patterns.call import Candidate
from tmws_patterns.pattern import PatternDefinition
from tmws_patterns.routing.deeds import follows, ordered, wondered, wonders
from tmws_patterns.routing.index import TRIGGER
from tmws_patterns.routing.text import without_reason
from tmws_patterns.targets import Effect, MemoryOperation

_OPENING = r"(?:(?:please|so|and|but|hey|ok|okay|well|now|also|oh|hm+)[,!]?\s+){0,3}"
_FORBIDS = re.compile(
    rf"{_OPENING}(?:don['’]?t|do not|never|no need to|nobody|no one"
    r"|you (?:should not|shouldn['’]?t|must not|mustn['’]?t))\b"
    r"(?!\s(?:you\s)?(?:forget|worry|mind|hesitate)\b)(?!.*[,;.:!]\s(?:just|only|but|instead|rather|simply)\b)",
    re.IGNORECASE,
)
_DECLINES = re.compile(  # and wants nothing else instead: "don't show me all, just the first"
    r"(?:(?:from (?:here|now) on|never ?mind|no thanks?|thanks|actually|forget it|hold on|wait)[,;.!]?\s+){0,2}"
    rf"{_OPENING}(?:don['’]?t|do not|(?:there(?:['’]s| is) )?no (?:longer a )?need to"
    r"|(?:you|we) (?:needn['’]?t|don['’]?t (?:need|have) to)|never ?mind(?= (?:the|that|it|about|my)\b))\s"
    r"(?!you\b|we\b|i\b|(?:forget|worry|mind|hesitate)\b)"
    r"(?!.*[,;.:!]\s(?:just|only|but|instead|rather|simply|show|list|give|tell|what|which|how|please"
    r"|(?:i|we) (?:want|need|only))\b)[^?]*$",
    re.IGNORECASE,
)
_ASKS = re.compile(
    rf"{_OPENING}(?:why|who|whom|whose|where|which|what(?! about| i (?:need|want))|how(?! about)|when (?:did|was|will)"
    r"|when is|did|does|do (?:i|we|they)|has|had|have (?:i|we|they|you) (?:\w+ )?(?:ever|already|yet)|was|were|should"
    r"|shall i|is (?!it (?:possible|okay|ok|fine)|there (?:a|any) (?:way|chance))|explain|find|show|list|describe"
    r"|tell me (?:whether|if|why|how|what|who|which)|(?:can|could) you (?:explain|tell|find|show)|i wonder)\b",
    re.IGNORECASE,
)
_REPORTS = re.compile(  # and nothing else: "I made the changes, commit them" is an order
    r"(?!.*[,;.:!]\s(?!(?:it|its|which|who|but|because|since|he|she|they|we|i|that|and)\b))"
    r"(?:(?:(?:(?i:i|we|he|she|they|you|it|somebody|someone|nobody)|[A-Z][a-z]+)(?:['’](?:ve|s|d)| have| has| had)?\s"
    r"(?:just |already |once |never |only )?(?:ran|created|made|committed|opened|stored|started|cut|tried))\b"
    r"|(?i:i|we|they|he|she|it) (?:(?:do|did|does|will|could|can|was|were) ?not|cannot|never"
    r"|(?:do|did|does|wo|could|ca|was|were)n['’]?t)\b"
    r"|(?:already |just )?(?i:ran|created|made|committed|opened|stored|started|saved)\b.*"
    r"\b(?:ago|yesterday|already|earlier|this morning|last (?:night|week))\b"
    r"|.*\b(?:was|were|got|has been|have been|had been) (?:created|committed|made|opened|started|cancelled)\b"
    r"|.*[\"'”’]\s(?:and it )?(?:fails?|failed|hangs?|hung|crash(?:es|ed)|breaks?|broke|gives?|gave|takes|took|said)\b)"
)
_HAPPENED = re.compile(  # "the health check went through an hour ago", and nothing is asked
    r"(?:yesterday|last (?:night|week|month)|this morning|earlier(?: today)?),? (?:i|we|he|she|they)\b[^,;:?]*$"
    r"|(?:i|we|he|she|they)(?:['’]ve| have| had)? (?:already|just) (?!(?:want|need|like)\b)\w+\b[^,;:?]*$"
    r"|.*\bnot (?:now|yet|today)\W*$"
    r"|(?:(?:the|our|my|this|that|yesterday['’]s|today['’]s)\s|[A-Z][a-z]+['’]s\s)"
    r"(?:(?!(?:that|which|who|what)\b)[\w./'’\-]+\s){1,8}"
    r"(?:went|passed|failed|finished|succeeded|worked|ran|came (?:back|through)|completed|was|were|ha(?:s|ve) been)\s"
    r"[^,;:?]*\b(?:ago|yesterday|already|earlier|this morning|last (?:night|week))\W*$",
    re.IGNORECASE,
)
_PLANS = re.compile(  # "tomorrow I'll create the branch", and nothing is asked now
    rf"(?:{_OPENING})(?:(?!.*[,;.:!]\s(?:please|so|now|then|just|could|can|would)\b)(?:[^,;:.?!]{{0,60}}[,\s])?"
    r"(?:i|we|he|she|they)(?:['’]ll| will|(?:['’]m|['’]re| am| are) going to| plan to| intend to)\s(?!need\b|want\b)"
    r"(?=.*\b(?:myself|ourselves|tomorrow|tonight|later|next (?:week|month|time|sprint))\b)"
    r"|.*\bnot (?:now|yet|today)\W*$)",
    re.IGNORECASE,
)
_CORRECTS = re.compile(  # "to release-4.2, er, release-4.3"
    r"(?:[,.;…]|\s-)\s?(?:er|erm|no,? wait|wait,? no|i mean|i meant|scratch that|make that|correction)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|`[^`]*`|(?<!\w)'[^']*'(?!\w)")
_REQUEST = re.compile(
    r"\b(?:please|pls|kindly|(?:can|could|would|will|may|might) (?:you|we|i|it|u)|you (?:could|can|would)|mind|possible"
    r"|any chance|how about|what about|let['’]s|be so (?:kind|good)|there (?:a|any) way)\b",
    re.IGNORECASE,
)
_READ = 2_000  # characters of a sentence in which a plan or a correction is looked for
_HEARD = 500  # characters of a sentence in which a report is looked for


def beside_the_point(query: str, candidate: Candidate, effect: Effect | None) -> str:
    """Why a pattern with this effect does not answer the sentence, or what is left without a reason; "" where it may.

    A trigger that catches the words in question was written for such a sentence, as far as it only reads.
    """
    why, asked = _beside(query, candidate, effect), without_reason(query)
    if why or asked == query:
        return why
    return _beside(asked, candidate._replace(start=max(0, candidate.start - query.find(asked))), effect)


def _beside(query: str, candidate: Candidate, effect: Effect | None) -> str:
    pattern, name = candidate.pattern, candidate.name
    if effect not in (Effect.READ, Effect.WRITE):
        return ""  # it runs by an explicit call alone, whatever the sentence says
    reads, caught = effect is Effect.READ, candidate.stage == TRIGGER
    if deed := ordered(query):
        said = caught and candidate.start <= max(0, query.casefold().find(deed))
        if not said and not follows(name, pattern.examples, deed):
            return f"this orders a change ({deed}), and {name} {'only tells something' if reads else 'makes another'}"
    if not reads:
        return _not_ordered(query, pattern)
    if _DECLINES.match(query) or _HAPPENED.match(query, 0, _HEARD):
        return f"this says what is not wanted or what has happened, and {name} would look"
    kind = "" if pattern.is_tool else wondered(query)
    if kind and not (caught and candidate.start == 0) and kind not in wonders(pattern.examples):
        return f"this is a general question, and {name} tells of what is here"
    return ""


def _not_ordered(query: str, pattern: PatternDefinition) -> str:
    """Why a sentence does not order what a pattern changes: it forbids it, asks about it, or tells of it."""
    if _FORBIDS.match(query):
        return f"this says what not to do, and {pattern.name} does it"
    said = "" if _stores(pattern) else _QUOTED.sub("", query[:_READ])
    if _PLANS.match(said, 0, _HEARD):
        return f"this says what is planned, and {pattern.name} does it now"
    if _CORRECTS.search(said):
        return f"this corrects itself, and {pattern.name} changes something: say it once more as it is meant"
    asks = query.rstrip().endswith("?") and not _REQUEST.search(query)
    if asks or (not _stores(pattern) and _ASKS.match(query)):
        return f"this is a question, and {pattern.name} changes something"
    if not _stores(pattern) and _REPORTS.match(query, 0, _HEARD):
        return f"this tells what happened, and {pattern.name} would do it"
    return ""


def _stores(pattern: PatternDefinition) -> bool:
    """True where the sentence holds what is to be kept, whatever that says."""
    return pattern.memory is not None and pattern.memory.operation is MemoryOperation.STORE
