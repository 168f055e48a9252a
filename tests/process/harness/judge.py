"""What must hold whatever was done to the nodes: membership's promises, seen in the nodes' own event logs.

    converges    all that run see each other up, within a bound after the faults
    innocent     nobody was declared down who had not been a fault's victim shortly before
    survivors    who is still in its first life: exactly those that a strategy keeps
"""
from .ground import Failed, Void, ensure, until


def converges(cluster, within):
    cluster.all_up(within)


def lives(cluster, names=None):
    """The incarnation of each member that is up, as one node sees it: all agree once they have converged."""
    for node in cluster:
        rows = node.view()
        if rows:
            return {row["name"]: row["incarnation"] for row in rows if row["state"] == "up"}
    raise Failed(f"nobody answers: {cluster.seen()}")


def innocent(cluster, steps, bound, breath=None):
    """`bound`: seconds after a fault's end within which its victims may still be declared down."""
    first = {}
    for event in cluster.events("member_down"):
        first.setdefault((event["member"], event["incarnation"]), event)
    for (member, _), event in sorted(first.items()):
        at = event["time"]
        guilty = [s for s in steps if member in s.victims and s.began and s.began <= at and (not s.ended or at <= s.ended + bound * 1e9)]
        if guilty or "left" in event.get("reason", ""):
            continue
        sentence = f"{event['node']} declared {member} down, to which nothing was done: {event}"
        # a machine that stood still did something to everybody
        if breath and any(begin - 10e9 <= at <= end + bound * 1e9 for begin, end in breath.pauses()):
            raise Void(f"the machine stood still, and {sentence}")
        raise Failed(sentence)
    return len(first)


def survivors(cluster, before):
    """Names that live on in the life that they had."""
    after = lives(cluster)
    return sorted(name for name, life in before.items() if after.get(name) == life)


def keeps(cluster, before, expected, what):
    got = survivors(cluster, before)
    ensure(got == sorted(expected), f"{what}: {','.join(got) or 'nobody'} lived on instead of {','.join(sorted(expected))}")


def reborn(cluster, names, before, within):
    """All of these are up again in another life, in everybody's view."""
    cluster.all_up(within)

    def all_new():
        after = lives(cluster)
        return all(name in after and after[name] != before.get(name) for name in names)

    until(all_new, within, lambda: f"{','.join(names)} did not become newcomers: {cluster.seen()}")
