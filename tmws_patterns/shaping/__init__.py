"""From a raw answer to the page that the agent reads: counting, selecting, compacting, cutting. Pure, without I/O."""

from tmws_patterns.shaping.envelope import envelope
from tmws_patterns.shaping.form import FirstPage, Form
from tmws_patterns.shaping.pages import Page, cut
from tmws_patterns.shaping.passages import shown
from tmws_patterns.shaping.select import chosen, project
from tmws_patterns.shaping.tokens import ENCODING, compact, count_tokens

__all__ = [
    "ENCODING",
    "FirstPage",
    "Form",
    "Page",
    "chosen",
    "compact",
    "count_tokens",
    "cut",
    "envelope",
    "project",
    "shown",
]
