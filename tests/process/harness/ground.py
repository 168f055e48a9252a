"""What every part stands on: how a round ends, how one waits, and what time it is."""
import os
import shutil
import sys
import time


class Failed(Exception):
    """A promise was broken: the sentence says which, and where to look."""


class Void(Exception):
    """Nothing was proved: too few operations, a fault that did not hit, a machine that stood still."""


class Skipped(Exception):
    """This machine has no right or no tool for it: the test ends with code 77."""


def now():
    """Nanoseconds of the one monotonic clock that stamps histories and timelines; the same for all processes."""
    return time.monotonic_ns()


def wall():
    """Nanoseconds since 1970, as the nodes' event logs have them."""
    return time.time_ns()


def until(condition, within, otherwise, each=0.05):
    """What `condition` gives once it gives something true; Failed with `otherwise` (a text, or who makes it)."""
    end = time.monotonic() + within
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            raise Failed(otherwise() if callable(otherwise) else otherwise)
        time.sleep(each)


def ensure(true, otherwise):
    if not true:
        raise Failed(otherwise() if callable(otherwise) else otherwise)


def program(name="troupe"):
    """The program under test, and those that are built beside it."""
    given = os.environ.get("TROUPE")
    if not given:
        raise SystemExit("set TROUPE to the troupe program, e.g. TROUPE=build/release/troupe")
    given = os.path.abspath(given)
    return given if name == "troupe" else os.path.join(os.path.dirname(given), name)


def needs(*names):
    for name in names:
        if not shutil.which(name):
            raise Skipped(f"{name} is missing")


def say(*words):
    print(*words, flush=True)


def complain(*words):
    print(*words, file=sys.stderr, flush=True)


def tail(path, lines=3):
    try:
        with open(path, errors="replace") as file:
            return " | ".join(file.read().splitlines()[-lines:])
    except OSError as error:
        return f"({error})"
