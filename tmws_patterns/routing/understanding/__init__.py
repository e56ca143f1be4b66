"""What a sentence says for a call's arguments: the values that stand in it, and which argument each is meant for."""
