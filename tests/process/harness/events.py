"""The nodes' event logs: JSON lines {"time","node","event",...}, whose fields stand in runtime/events.hpp."""
import json
import os
import time


def parsed(line):
    try:
        return json.loads(line)
    except ValueError:
        return None  # the last line of a killed node or of a full disk


def read_events(path):
    if not os.path.exists(path):
        return []
    with open(path, errors="replace") as file:
        return [event for event in map(parsed, file) if event]


class Follower:
    """The events of some files as they are written, from the beginning."""

    def __init__(self, paths):
        self._at = {path: 0 for path in paths}

    def fresh(self):
        """What was written since the last call; a line counts once it is whole."""
        found = []
        for path, at in self._at.items():
            if not os.path.exists(path):
                continue
            with open(path, "rb") as file:
                file.seek(at)
                block = file.read()
            whole = block.rfind(b"\n") + 1
            self._at[path] = at + whole
            found += [event for event in map(parsed, block[:whole].decode(errors="replace").splitlines()) if event]
        return found

    def wait(self, enough, within, given_up=lambda: False):
        """Reads until `enough(event)` has been true once: that event; nothing once time is up or it was given up."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            over = given_up()  # asked first, so that the last events are read still
            for event in self.fresh():
                if enough(event):
                    return event
            if over:
                return None
            time.sleep(0.005)
        return None
