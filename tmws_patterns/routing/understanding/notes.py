"""What a request to remember something says: the note itself, and what is said about it.

"Make a note, tagged infra: the cluster moves in March" holds the note "the cluster moves in March" with a tag.
What is said about a note stands before it or after it; nothing is taken out of its middle.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_ITEM = r"[\"']?#?(?!(?:not|no|nobody|none)\b|(?:an?|the|with)\s|(?:importance|tagged|labell?ed|shared)\b)[\w\-]+[\"']?"
_LIST = rf"{_ITEM}(?:(?:,\s?(?:and\s)?|\sand\s|\s(?=#)){_ITEM}){{0,9}}"
_LEVEL = r"(?:of|is|at|level|:|=|\s){0,6}"
_TEAM = (
    r"(?:for|to|with)\s(?:the\s|my\s|our\s)?(?:whole\s|entire\s)?"
    r"(?:team\s(?P<value>[\"']?[\w\-]+[\"']?)(?:\sonly)?|(?P<value_2>(?!(?:the|my|our|your|this|whole|entire)\s)[\w\-]+)\steam)"
)
_MARK = r"(?:(?:mark|rate|give|set|weigh)\s(?:it|this|that)\s(?:as\s|at\s|an?\s){0,2})?"
_ABOUT = {
    "tags": (
        rf"(?:with|under|using|has|add)\s(?:the\s)?(?:tags?|labels?)(?:\sit)?:?\s(?P<value>{_LIST})",
        rf"(?:tag(?:ged|s)?|label(?:led|ed|s)?)(?:\s(?:it|this|as|with|by)){{0,2}}:?\s(?P<value>{_LIST})",
        r"(?P<value>#[A-Za-z][\w\-]*(?:,?\s(?:and\s)?#[A-Za-z][\w\-]*){0,9})",
    ),
    "importance": (
        rf"{_MARK}(?:with\s)?(?:an?\s|of\s)?(?:high\s|low\s)?(?:importance|weight){_LEVEL}(?P<value>0?\.\d+|[01](?:\.0)?|\d{{1,3}}\s?(?:%|percent))",
        rf"{_MARK}(?P<value>0?\.\d+|\d{{1,3}}\s?(?:%|percent))\s(?:important|importance)",
    ),
    "team": (
        r"(?:the\s)?team\s(?P<value>(?!(?:leads?|members?|managers?)\b)[\w\-]+)\s(?:can|may|should)\s(?:read|see)(?:\sit)?",
        _TEAM,
        rf"shar(?:e|ed|ing)(?:\s(?:it|this))?\s{_TEAM}",
    ),
    "shared_with": (
        rf"shar(?:e|ed|ing)(?:\s(?:it|this))?\swith\s(?:the\s)?(?:agents?\s)?(?!(?:team|everyone|everybody|all)\b)"
        rf"(?P<value>{_LIST})(?![\w\-]|\steam)",
        rf"for\sagents?\s(?P<value>{_LIST})",
    ),
    "access_level": (
        r"(?:(?:as\s)?an?\s(?P<value>public|private)\s(?:note|memory|fact|decision|lesson|insight|record)"
        r"|(?:as\s)?(?P<value_2>public|private)(?:ly)?(?=[,:\s]*$))",
        r"(?:for|with)\s(?P<everyone>everyone|everybody|all\sagents)",
        r"(?:(?:make|keep)\s(?:it|this)|visible|access(?:\slevel)?:?)\s(?P<value>public|private)(?:ly)?",
        r"visible\sto\s(?P<everyone>everyone|everybody|all\sagents|all)\s\(public\)",
        r"shar(?:e|ed|ing)(?:\s(?:it|this))?\swith\s(?P<everyone>everyone|everybody|all\sagents)",
    ),
}
_BEFORE = {
    name: [re.compile(rf"(?<![\w#]){form}(?![\w%])", re.IGNORECASE) for form in forms] for name, forms in _ABOUT.items()
}
_IN_FRONT = [
    (name, form) for name in ("team", "shared_with", "access_level", "tags", "importance") for form in _BEFORE[name]
]
_JOINT = re.compile(r"(?::|,?\sthat|,|,?\sand)\s+")
# Behind a note only what says outright who may read it: nobody's note is shown to more readers by a guess.
_LOOSE = {"team": 2, "access_level": 2}
_AFTER = {
    name: [
        re.compile(
            rf"(?P<joint>[\s,;.()\[\-–]{{1,8}})(?:and\s|with\s)?{form}[)\]]?[.!\s]*(?:please[.!\s]*)?$", re.IGNORECASE
        )
        for form in forms[_LOOSE.get(name, 0) :]
    ]
    for name, forms in _ABOUT.items()
}
_READERS = frozenset(("team", "shared_with", "access_level"))
_NEGATED = re.compile(r"\b(?:not|never|without|no|nobody)\b|n['’]t\b", re.IGNORECASE)
_TOLD = re.compile(
    r"(?::|\b(?:to|not|never|don['’]?t|says?|said|told|is|are|that|we|you|they|must|should|please))$", re.IGNORECASE
)
_FEWEST = 3  # words of a note, of which it is believed that what follows is about it
_BE = re.compile(
    r"\b(?:is|are|was|were|be|been|being|get|gets|got|not|must|should|the|a|an|of|by|and|or|has|have|need|needs|use|uses"
    r"|channel|issue|pr|ticket|see|in|on|to|at|for|join|add|with)$",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"^(?:[^,.;:\"“”«»]{3,80},\sso\s|(?:for|with)\s(?:the\s|my\s|our\s)?team\s[^,.;:]{2,40}[,:]\s)?"
    r"(?:(?:please|pls|plz|kindly|hey|can you|could you|would you|i want you to|i'd like you to|let's)[,\s]+){0,2}"
    r"(?:remember|memori[sz]e|retain|note|save|store|keep|log|record|write|jot|put|file|add"
    r"|make|take|commit|stash|leave|share|bear\sin\smind|new\smemory)\b"
    r"|^(?:for future reference|for the record|note to self|note for later|fyi)\b"
    r"|^(?:a |one )?(?:new )?(?:fact|note|decision|lesson|finding|insight) (?:to|for you to)"
    r" (?:memori[sz]e|remember|keep|store|record|save|note)(?=:)|^(?:please )?(?:hold|hang) on to\b",
    re.IGNORECASE,
)
_OPENINGS = (
    re.compile(r"(?:(?<=[^\s\d])|(?<=\.\d)|(?<=\.\d\d)):\s+(?=\S)"),
    re.compile(r"\s+(?=[\"“«]|'\w)"),
    re.compile(r"\s(?:(?:the|this)\s(?:fact|decision|insight|lesson)\s)?that\s(?=\S)", re.IGNORECASE),
)
_FACT = re.compile(r"^(?:for future reference|for the record|note to self|note for later|fyi)[,:]\s+", re.IGNORECASE)
_WRITTEN = re.compile(r"^(?:(?:please|pls|plz)\s)?(?:jot|note|write)\sdown\s", re.IGNORECASE)
_AFTERWARDS = re.compile(
    r"[,.;–-]+\s(?:please\s)?(?:remember|note|keep|save|store|write|jot|log|record|file)"
    r"\s(?:that(?!\s(?!(?:down|in|for|please|as|and|with|under|tag|tagged)\b)\w)|this|it)"
    r"(?:\s(?:down|in memory|in mind|for later|for me|please"
    r"|as an? (?:(?P<level>public|private) )?(?:note|memory|fact))){0,3}"
    r"(?=[,.;\s]|$)",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|«([^»]+)»|(?<!\w)'([^']+)'(?!\w)")
_GOING_ON = re.compile(
    r"([\"“«][^\"“”«»]+[\"”»])[,;.]?\s(?:and\s|so\s|then\s|but\s)?(?:please\s)?"
    r"(?:as an? (?:note|memory|fact)|let\s(?:everyone|everybody|all|the|team|agents?)"
    r"|(?:make|mark|give|set|share|tag|label|keep|put|file|rate)\s(?:it|this|that)|(?:tag|label)(?:ged|led)?"
    r"|(?:it|that)(?:\sis|['’]s)\s(?:important|public|private|for|shared|\d))\b",
    re.IGNORECASE,
)
_MARKS = "\"“«'"
_POINTING = re.compile(r"(?:this|the following)(?: and|,| \()\s?", re.IGNORECASE)  # to a note that comes later
_POLITELY = re.compile(r"(?:can|could|would|will) you\b", re.IGNORECASE)
_PERCENT = re.compile(r"(\d{1,3})\s?(?:%|percent)", re.IGNORECASE)
_FARTHEST = 160  # characters of a request before the note begins
_MOST_SAID = 6  # things said about one note
_REACH = 400  # characters at either end of a note in which they are looked for


def note_of(sentence: str, caught: str) -> dict[str, str]:
    """The note as `content` with what is said about it, as texts by the argument's name.

    `caught` is what the trigger took for the note, "" for nothing. Without a note nothing is found.
    """
    parts = None if caught and not _POINTING.match(caught) else _parted(sentence)
    if parts is not None:
        before, note = parts
    elif caught:
        at = sentence.rfind(caught)  # a note stands at the end
        at -= at > 0 and sentence[at - 1] in _MARKS  # with its quotation mark, as that at its end is there
        before, note = (sentence[:at], sentence[at:]) if at >= 0 else ("", caught)
    else:
        return {}
    if _POLITELY.match(sentence):
        note = note.rstrip().removesuffix("?")
    found = dict(_said_before(before))
    note = _opening(note, found)
    note = _unquoted(_first_quoted(_ending(note, found)))
    if set(found) & {"team", "shared_with"}:
        found["access_level"] = "team" if "team" in found else "shared"
    return {**found, "content": note} if note.strip() else {}


def _parted(sentence: str) -> tuple[str, str] | None:
    """A request and the note that follows it; None where it is not plain where the note begins."""
    asked = _ASKED.match(sentence)
    if asked is None:
        after = _AFTERWARDS.search(sentence, max(0, len(sentence) - _REACH))
        if after is None:
            return None
        return after["level"] or "", sentence[: after.start()] + sentence[after.end() :]
    if fact := _FACT.match(sentence):
        return "", sentence[fact.end() :]
    found = (opening.search(sentence, asked.end(), asked.end() + _FARTHEST) for opening in _OPENINGS)
    first = min(filter(None, found), key=lambda match: match.start(), default=None) or _WRITTEN.match(sentence)
    return (sentence[: first.start()], sentence[first.end() :]) if first else None


def _said_before(text: str) -> Iterator[tuple[str, str]]:
    for name, forms in _BEFORE.items():
        match = next(filter(None, (form.search(text, 0, _REACH) for form in forms)), None)
        if match is not None and not _NEGATED.search(text, 0, match.start()):
            yield name, _value(match)


def _opening(note: str, found: dict[str, str]) -> str:
    """The note without what is said of it in front: "for the whole team platform that deploys freeze"."""
    for _ in range(_MOST_SAID):
        start = len(note) - len(note.lstrip(" ,").removeprefix("and "))
        for name, form in _IN_FRONT:
            match = form.match(note, start, _REACH) if name not in found else None
            joint = _JOINT.match(note, match.end()) if match else None
            if match is not None and joint is not None:
                found[name] = _value(match)
                note = note[joint.end() :]
                break
        else:
            break
    return note


def _ending(note: str, found: dict[str, str]) -> str:
    """The note without what is said of it behind: "invoices in euros, importance 0.9"."""
    for _ in range(_MOST_SAID):
        for name, forms in _AFTER.items():
            match = next(filter(None, (form.search(note, max(0, len(note) - _REACH)) for form in forms)), None)
            if match is None or name in found or not _stands_apart(name, note[: match.start()], match):
                continue
            found[name] = _value(match)
            note = note[: match.start()].rstrip(" ,;")
            break
        else:
            break
    return note


def _stands_apart(name: str, rest: str, match: re.Match[str]) -> bool:
    """True for what is said about the note, and is not a part of what it says.

    What lets others read it needs more to be believed, since nobody can take that back.
    """
    joint, said = match["joint"].strip(), match.group()[len(match["joint"]) :].casefold()
    quoted, rest = rest.endswith(('"', "”", "»", "'")), rest.rstrip()
    if quoted or not rest or rest.lstrip().startswith(('"', "“", "«")):
        return bool(rest)
    if name in _READERS and not said.startswith(("keep", "and keep", "private")):
        of_the_note = joint or said.startswith("and ")
        hearsay = _TOLD.search(rest) or len(rest.split()) < _FEWEST or ("make it" in said and "," in joint)
        return bool(of_the_note and not hearsay)
    return bool(joint) or not ("weight" in said or _BE.search(rest))


def _value(match: re.Match[str]) -> str:
    """What was said, without marks around it."""
    groups = match.groupdict()
    if groups.get("everyone"):
        return "public"
    said = str(groups.get("value") or groups.get("value_2")).replace("#", "").strip(" \"'")
    if share := _PERCENT.fullmatch(said):
        return str(round(int(share[1]) / 100, 4))
    return ", ".join(w for w in re.split(r"[\s,\"']+", said) if w and w.casefold() != "and")


def _first_quoted(note: str) -> str:
    """A note in quotation marks without the request that goes on behind it: '"X" and let everyone see it'."""
    match = _GOING_ON.match(note.strip())
    return match.group(1) if match else note


def _unquoted(note: str) -> str:
    """A note that is one text in quotes, as it stands between them."""
    match = _QUOTED.fullmatch(note.strip()) or _QUOTED.fullmatch(note.strip().rstrip(".!"))
    return next(filter(None, match.groups())) if match else note
