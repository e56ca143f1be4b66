"""Learn the shipped patterns beforehand, so that nobody's first start has to: tmws_patterns/routing/learning/stages/.

    .venv/bin/python scripts/learn_shipped.py

To be run after a change of patterns/*.yaml, of the table, or of how routing learns; a test says so. Needs the extra
`[embeddings]`, for the sentence model learns them too.
"""

from __future__ import annotations

from pathlib import Path

from tmws_patterns import Settings
from tmws_patterns.encoder import sentence_encoder, static_encoder
from tmws_patterns.loader import load_packs
from tmws_patterns.registry import PatternRegistry
from tmws_patterns.routing import learn_stage, stage_file, trigger_fault

TARGET = Path(__file__).parent.parent / "tmws_patterns" / "routing" / "learning" / "stages"


def main() -> None:
    """Learn with both encoders and write what came of it."""
    lessons = PatternRegistry(load_packs(Settings.load({}).pattern_path, trigger_fault)).index.lessons.alone
    TARGET.mkdir(exist_ok=True)
    for old in TARGET.glob("*.npz"):
        old.unlink()
    for encoder in (static_encoder(), sentence_encoder()):
        if (stage := learn_stage(lessons, encoder)) is not None:
            file = TARGET / stage_file(lessons, encoder)
            file.write_bytes(stage.to_bytes())
            print(f"{file.name}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
