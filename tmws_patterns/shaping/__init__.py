"""From a raw answer to the page that the agent reads: counting, selecting, cutting. Pure, without I/O."""

from tmws_patterns.shaping.envelope import envelope
from tmws_patterns.shaping.pages import Page, cut
from tmws_patterns.shaping.passages import shown
from tmws_patterns.shaping.select import project
from tmws_patterns.shaping.tokens import compact, count_tokens

__all__ = ["Page", "compact", "count_tokens", "cut", "envelope", "project", "shown"]
