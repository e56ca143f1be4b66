"""The static stage: patterns learned from their examples, in numpy, with a confidence that was measured."""
