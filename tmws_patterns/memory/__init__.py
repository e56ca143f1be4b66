"""What agents remember: storing, recalling and forgetting, above the rows that storage keeps."""

from tmws_patterns.memory.fine import Model
from tmws_patterns.memory.opening import open_memory
from tmws_patterns.memory.recalled import RecalledMemory
from tmws_patterns.memory.service import MemoryService

__all__ = ["MemoryService", "Model", "RecalledMemory", "open_memory"]
