"""Which property gets which value of a sentence: from what is named outright down to what only one can mean.

The order: named, said with its part in a pair ("from A to B"), the only one of its form, in quotes,
the text after "search for". One value fills one property. Where two are equally good, neither is
filled: a question costs less than a wrong call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from tmws_patterns.routing.understanding.choices import chosen, tokens_of
from tmws_patterns.routing.understanding.composites import compose, files_of_revisions
from tmws_patterns.routing.understanding.fitting import (
    CONTESTED,
    STRICT,
    Named,
    Taken,
    fit,
    is_file,
    is_patterned,
    is_share,
)
from tmws_patterns.routing.understanding.naming import bounded, counted, marks, named, switched
from tmws_patterns.routing.understanding.roles import in_a_list, preposition, role_of, with_known_places, with_units
from tmws_patterns.routing.understanding.spans import Heard, Span
from tmws_patterns.routing.understanding.tails import tail
from tmws_patterns.routing.understanding.units import dimension_of
from tmws_patterns.routing.understanding.wanted import BOUNDS, Wanted

_MOST_ALIKE = 24  # values of one kind: a sentence with more of them is a list, and names none of them
_PLACES = frozenset(("in", "at", "near", "around", "for", "of", "city", "visit", "visiting"))
_NUMBERED = frozenset(
    "memory memories entry entries note notes id ids number item items record delete remove forget erase drop".split()
)
_INSIDE = frozenset(("in", "inside", "under", "within", "of"))
_BRANCH = re.compile(r"(?:feature|feat|fix|bugfix|hotfix|release|chore|origin|upstream|refs)/", re.IGNORECASE)
_FILE = r"(?=[A-Z]|[\w\-]{0,80}[./])[\w.\-/]{1,80}"
_LISTED = re.compile(rf"(?<![\w.\-/])(?P<names>{_FILE}(?:, {_FILE}){{0,20}})(?P<joint>,|,? and) $")
_LONGEST_LIST = 400  # characters
_LEFT_OUT = re.compile(
    r"\b(?:(?:not|no|except(?: for)?|excluding|skip(?:ping)?|ignor(?:e|ing)|without|unstage|omit(?:ting)?"
    r"|leav(?:e|ing) out|rather than|instead of|other than|(?:all|everything|anything) but)"
    r"\s(?:the )?(?:file |branch )?(?:called |named )?|(?:do not|don['’]?t|never)\s\w+\s(?:the )?(?:file )?)[\"'`]?$",
    re.IGNORECASE,
)
_OUT_TOO = re.compile(r",?\s(?:or|and|nor)\s")  # between what is left out and more of it
_IN_A_ROW = re.compile(r",\s?(?:and\s)?|\s(?:and|&)\s")  # between the numbers of a list
_JOINED = re.compile(r",\s")
_START = re.compile(
    r"\b(?:from|off|off of|based on|on top of) (?:the )?(?:branch )?"
    r"(?P<branch>(?!(?:the|my|our|your|it|this|that|here|there|now|today|yesterday|scratch|me|us|an?)\b)[\w.\-]{2,80}?)"
    r"(?: branch)?(?=[,.;?!]?$|[,;?!] | (?:please|pls|and|for|in|named|called)\b)"
)
_SORTS = re.compile(r"(?:by|sort|sorted|order|ordered)\s$", re.IGNORECASE)


@dataclass(slots=True)
class Assignment:
    """What was taken by whom so far. `bold` allows what a read may be filled with and a write may not."""

    heard: Heard
    wanted: Sequence[Wanted]
    bold: bool
    tool: bool
    taken: dict[tuple[str, ...], Taken] = field(default_factory=dict)
    contested: set[tuple[str, ...]] = field(default_factory=set)
    has_unit: bool = False
    has_free: bool = False

    def run(self) -> dict[tuple[str, ...], Taken]:
        """Every property's value that the sentence settles."""
        self.has_unit = any(w.kind in ("unit", "currency") for w in self.wanted)
        self.has_free = any(w.kind == "free" for w in self.wanted)
        if not self.bold:
            self.heard = replace(self.heard, spans=[s for s in self.heard.spans if not self._is_left_out(s)])
        if self.bold:
            self.heard = with_units(with_known_places(self.heard, self.wanted), self.wanted)
        for path, one in files_of_revisions(self.wanted, self.heard.spans, self.heard.plain).items():
            self._settle(path, one)
        self._take_named()
        for path, one in compose(self._open(), self._free_spans(), self.heard.plain, bold=self.bold).items():
            self._settle(path, one)
        self._take_roles()
        if self.bold:
            self._take_places()
        self._take_alone()
        self._take_quoted()
        if self.bold:
            self._take_number()
            self._take_tail()
        return self.taken

    def _is_left_out(self, span: Span) -> bool:
        """True for what a sentence names to say that it is not meant: "a.py and not b.py or c.py"."""
        if _LEFT_OUT.search(self.heard.plain, max(0, span.start - 40), span.start) is not None:
            return True
        before = [s for s in self.heard.spans if s.end <= span.start][-1:]
        return any(_OUT_TOO.fullmatch(self.heard.plain, s.end, span.start) and self._is_left_out(s) for s in before)

    def _settle(self, path: tuple[str, ...], found: Named) -> None:
        if found == CONTESTED:
            self.contested.add(path)
        elif isinstance(found, Taken):
            self.taken[path] = found

    def _open(self) -> list[Wanted]:
        return [w for w in self.wanted if w.path not in self.taken and w.path not in self.contested]

    def _free_spans(self) -> list[Span]:
        ranges = [(t.start, t.end) for t in self.taken.values()]
        return [s for s in self.heard.spans if not any(s.start < end and start < s.end for start, end in ranges)]

    def _take_named(self) -> None:
        heard, stops = self.heard, marks(list(self.wanted), self.heard)
        tokens = tokens_of(heard)
        choices = {w.path: chosen(w, heard, tokens) for w in self.wanted if w.kind == "choice"}
        stops |= {-c.start: c.end for c in choices.values() if isinstance(c, Taken)}
        said = {w.path: named(w, heard, stops, has_unit=self.has_unit) for w in self.wanted}
        for one in self._open():
            found = said[one.path]
            if found is None and one.type in ("integer", "number") and one.nouns and not one.several:
                found = counted(one, heard, has_unit=self.has_unit)
            if found is None and one is self._counter():
                found = bounded(one, heard)
            if found is None and one.type == "boolean":
                found = switched(one, heard, bare=not self.has_free)
            self._settle(one.path, found)
        self._drop_shared()
        for one in self._open():
            found = choices.get(one.path)
            if found is not None and self._may_choose(one, found):
                self._settle(one.path, found)

    def _counter(self) -> Wanted | None:
        """The one property that bounds how much is wanted; None where there are several."""
        counters = [w for w in self.wanted if w.type in ("integer", "number") and w.words & BOUNDS and not w.several]
        return counters[0] if len(counters) == 1 else None

    def _may_choose(self, one: Wanted, found: Named) -> bool:
        """True where a choice that is merely said counts: in a read that takes no text to search for."""
        if not self.bold or (self.has_free and self.tool):
            return False
        if found == CONTESTED or not isinstance(found, Taken):
            return True
        if one.words & {"sort", "order", "orderby"} and not found.text.lower().startswith(("asc", "desc")):
            return _SORTS.search(self.heard.plain, max(0, found.start - 12), found.start) is not None
        others = [
            w
            for w in self.wanted
            if w is not one and w.kind == "choice" and w.schema.get("enum") == one.schema.get("enum")
        ]
        return not others and not any(found.start < t.end and t.start < found.end for t in self.taken.values())

    def _drop_shared(self) -> None:
        """Where two properties claim one value by name, the longer claim holds; of two alike, neither."""
        for one, other in [(a, b) for a in list(self.taken) for b in list(self.taken) if a < b]:
            first, second = self.taken.get(one), self.taken.get(other)
            if first is None or second is None or not (first.start < second.end and second.start < first.end):
                continue
            longer = (first.end - first.start) - (second.end - second.start)
            if longer == 0:
                self.contested |= {one, other}
            for path in [one, other] if longer == 0 else [other] if longer > 0 else [one]:
                self.taken.pop(path, None)

    def _take_roles(self) -> None:
        """From A to B: each to the property that plays that part."""
        told = [w for w in self._open() if w.role and (self.bold or w.slot)]
        for one in [w for w in told if w.kind not in ("free", "choice", "boolean", "object")]:
            if one.type in ("integer", "number") and one.kind == "number":
                continue
            spans = [s for s in self._free_spans() if role_of(s, self.heard) == one.role]
            fits = self._fitting(one, spans)
            rivals = [w for w in self._open() if w is not one and w.role == one.role and w.kind == one.kind]
            if len(fits) == 1 and not rivals:
                self.taken[one.path] = fits[0][1]
            elif (
                one.kind == "branch" and one.role == "from" and not fits and (match := _START.search(self.heard.plain))
            ):
                self.taken[one.path] = Taken(match["branch"], match.group(), match.start(), match.end())
        if self.bold:
            self._take_both_places()

    def _take_both_places(self) -> None:
        """Two places, where one is come from and one is gone to: the first is from."""
        ends = [w for w in self._open() if w.role and w.kind in ("timezone", "place") and w.required]
        spans = [span for span, _ in self._fitting(ends[0], self._free_spans())] if ends else []
        if sorted(w.role for w in ends) != ["from", "to"] or len(spans) != 2:  # noqa: PLR2004 - a pair
            return
        for one in ends:
            if (taken := fit(one, spans[0 if one.role == "from" else 1])) is not None:
                self.taken[one.path] = taken

    def _take_places(self) -> None:
        """In Paris: to the only property that is a place or its time zone."""
        open_ones = [w for w in self._open() if w.kind in ("place", "timezone") and not w.several]
        required = [w for w in open_ones if w.required] or [w for w in open_ones if not w.role]
        if len(required) != 1:
            return
        spans = [
            s
            for s in self._free_spans()
            if s.kind in ("name", "code", "pair") and preposition(s, self.heard) in _PLACES
        ]
        fits = self._fitting(required[0], spans)
        if len(fits) == 1 and not in_a_list(fits[0][0], self.heard):
            self.taken[required[0].path] = fits[0][1]
        elif fits:
            self.contested.add(required[0].path)

    def _take_alone(self) -> None:
        """What is the only one of its form, to the only property of that form: the required before the optional."""
        for required in (True, False):
            spans = self._free_spans()
            claims: list[tuple[Wanted, Span, Taken]] = []
            for one in [w for w in self._open() if w.required is required]:
                if not (required or self.bold or one.kind == "path"):
                    continue
                fits = self._fitting(one, [s for s in spans if s.kind != "quoted" and self._may_stand(one, s)])
                if one.several and fits and one.kind in STRICT:
                    values = [taken.value for _, taken in fits]
                    start, end = fits[0][1].start, fits[-1][1].end
                    if one.kind == "path":
                        more, start = self._named_before(start)
                        values = [*more, *values]
                    fits = [(fits[0][0], Taken(values, self.heard.text[start:end], start, end))]
                if len(fits) == 1:
                    claims.append((one, *fits[0]))
                elif fits:
                    self.contested.add(one.path)
            for one, span, taken in claims:
                if not any(o is not one and s.start < taken.end and span.start < s.end for o, s, _ in claims):
                    self.taken[one.path] = taken

    def _named_before(self, start: int) -> tuple[list[str], int]:
        """Files without an ending that are listed before one that has it, and where they begin: "Makefile and a.py"."""
        listed = _LISTED.search(self.heard.plain, max(0, start - _LONGEST_LIST), start)
        if listed is None or (not self.heard.plain[: listed.start()].strip() and "and" not in listed["joint"]):
            return [], start  # the first word before a comma is no file: "Thanks, a.py"
        return _JOINED.split(listed["names"]), listed.start()

    def _may_stand(self, one: Wanted, span: Span) -> bool:
        """True where a value's form and a property's kind are evidence enough, without a name."""
        role = role_of(span, self.heard)
        if one.role and role != one.role and (role or not one.required):
            return False
        if one.kind == "branch" and not one.role and role == "from" and any(w.role == "from" for w in self.wanted):
            return False
        match one.kind:
            case _ if is_patterned(one, span):
                found = True
            case "path" if not (self.bold or one.required):
                rooted = span.text.startswith(("~", "/", "./", "../"))
                found = rooted or preposition(span, self.heard) in ("in", "at", "of", "under")
            case "number" if is_share(one, span):
                found = True
            case "number" | "duration":
                found = bool(span.unit) and (bool(one.unit) or one.kind == "duration" or self._is_sum(one, span))
            case "datetime":
                found = span.kind == "datetime" or one.required
            case "id":
                found = span.kind in ("uuid", "hash", "key") or (one.required and self._is_id(span))
            case kind:
                files = one.several and not one.words.isdisjoint(("file", "files"))
                apart = kind == "path" and (span.kind == "pair" or files)
                found = kind in STRICT and (not apart or is_file(one, span) or self._is_folder(one, span))
        return found

    def _is_folder(self, one: Wanted, span: Span) -> bool:
        """True for services/auth after "in", where a folder is wanted and no branch that it could name."""
        folder = not one.several and one.words.isdisjoint(("file", "files", "filename"))
        branch = any(w.kind in ("branch", "hash") for w in self.wanted) or _BRANCH.match(span.text) is not None
        return folder and span.kind == "pair" and not branch and preposition(span, self.heard) in _INSIDE

    def _is_id(self, span: Span) -> bool:
        """True for a word with digits, or a number right after what it numbers: "memory 77", "memories 77 and 78"."""
        if span.kind in ("token", "issue"):
            return True
        if span.kind != "number" or preposition(span, self.heard) in _NUMBERED:
            return span.kind == "number"
        before = [s for s in self.heard.spans if s.kind in ("number", "token", "issue") and s.end <= span.start][-1:]
        return any(_IN_A_ROW.fullmatch(self.heard.plain, s.end, span.start) and self._is_id(s) for s in before)

    def _is_sum(self, one: Wanted, span: Span) -> bool:
        return one.required and (self.has_unit or dimension_of(span.unit) in ("money", "percent"))

    def _take_quoted(self) -> None:
        """The only text in quotes, to the only property that waits for a text."""
        quotes = [s for s in self._free_spans() if s.kind == "quoted"]
        waiting = [w for w in self._open() if w.type == "string" and not w.several and (w.required or w.kind == "free")]
        required = [w for w in waiting if w.required]
        texts = [w for w in required if w.kind in ("free", "text")]
        for group in (texts, required, waiting):
            if len(group) == 1:
                fits = self._fitting(group[0], quotes)
                if len(fits) == 1 and len(quotes) == 1:
                    self.taken[group[0].path] = fits[0][1]
                elif quotes:
                    self.contested.add(group[0].path)
                return
            if group:
                return

    def _take_number(self) -> None:
        """The only number, to the only number that is required."""
        waiting = [w for w in self.wanted if w.required and w.kind == "number" and not w.several]
        if len(waiting) != 1 or waiting[0].path in self.taken or waiting[0].path in self.contested or self.has_free:
            return
        numbers = [s for s in self._free_spans() if s.kind in ("number", "issue")]
        fits = self._fitting(waiting[0], numbers)
        if len(fits) == len(numbers) == 1:
            self.taken[waiting[0].path] = fits[0][1]

    def _take_tail(self) -> None:
        """What follows "search for" and its like, to the only property that is a text to search for."""
        waiting = [w for w in self._open() if w.kind == "free" and not w.several]
        others = [w for w in self._open() if w.required and w.type == "string" and w not in waiting]
        if (
            len(waiting) == 1
            and not others
            and (found := tail(self.heard, [(t.start, t.end) for t in self.taken.values()]))
        ):
            self.taken[waiting[0].path] = found

    def _fitting(self, one: Wanted, spans: Iterable[Span]) -> list[tuple[Span, Taken]]:
        """The spans that can be the value, each value once, none that lies in another one of them."""
        found: list[tuple[Span, Taken]] = []
        for span in spans:
            taken = fit(one, span, has_unit=self.has_unit)
            if taken is None and is_patterned(one, span):
                taken = Taken(span.value, span.text, span.start, span.end, span.moving)
            if taken is not None:
                found.append((span, taken))
                if len(found) > _MOST_ALIKE:
                    break
        known = [f for f in found if f[0].kind != "name" or not self._opens(f[0])]
        inner = {id(b[0]) for a, b in pairwise(known) if b[0].end <= a[0].end}
        return [f for f in known if id(f[0]) not in inner]

    def _opens(self, span: Span) -> bool:
        """True for the first word of the sentence, whose capital says nothing, unless it is a known place."""
        return span.noun != "place" and not self.heard.text[: span.start].strip()


def assign(heard: Heard, wanted: Sequence[Wanted], *, bold: bool, tool: bool) -> dict[tuple[str, ...], Taken]:
    """The values that a sentence gives, by the path of the property."""
    return Assignment(heard, wanted, bold, tool).run()
