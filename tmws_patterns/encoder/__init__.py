"""Sentences as vectors: a static table for routing, and a sentence model where `[embeddings]` is installed."""

from tmws_patterns.encoder.passages import PassageEncoder, passage_encoder
from tmws_patterns.encoder.sentence import SentenceEncoder, is_installed, sentence_encoder
from tmws_patterns.encoder.static import StaticEncoder, static_encoder

__all__ = [
    "PassageEncoder",
    "SentenceEncoder",
    "StaticEncoder",
    "is_installed",
    "passage_encoder",
    "sentence_encoder",
    "static_encoder",
]
