"""Sentences as vectors: a static table for routing, and a sentence model where `[embeddings]` is installed."""

from tmws_patterns.encoder.static import StaticEncoder, static_encoder

__all__ = ["StaticEncoder", "static_encoder"]
