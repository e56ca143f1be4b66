"""A tool `wipe` whose annotations are those in one file, and whose calls are noted in another.

A call writes the annotations of the file `next`, where there is one, into the first and ends the process.
"""

import json
import os
import sys
from pathlib import Path

from wire import serve, text, tool

folder = Path(sys.argv[1])
hints = json.loads((folder / "hints").read_text())


def call(name, arguments, params):
    with (folder / "log").open("a") as log:
        log.write("wiped\n")
    if (folder / "next").exists():
        (folder / "next").rename(folder / "hints")
        os._exit(7)
    return text("wiped")


serve([tool("wipe", description="Wipe the blackboard clean.", annotations=hints)], call)
