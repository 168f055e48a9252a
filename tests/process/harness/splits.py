"""Partitions as sets of directed pairs (from, to) whose words do not arrive. What carries them out is the network
(namespaces) or the wire (a proxy); the names are Jepsen's.

    halves     two sides that do not hear each other
    one_way    the first side does not hear the second, which hears it
    unheard    the others do not hear one member, which hears them
    isolated   one member hears nobody, and nobody it
    bridge     two sides, and one member in the middle that hears both, and both it
    ring       each hears its two neighbours alone: everybody sees a majority, and no two the same one
"""


def apart(one, other):
    """Both directions between all of two sides."""
    return one_way(one, other) | one_way(other, one)


def one_way(deaf, others):
    """`deaf` do not hear `others`."""
    return {(sender, hearer) for sender in others for hearer in deaf if sender != hearer}


def halves(names, first):
    return apart(names[:first], names[first:])


def isolated(names, one):
    return apart([one], [name for name in names if name != one])


def bridge(names, middle):
    rest = [name for name in names if name != middle]
    half = len(rest) // 2
    return apart(rest[:half], rest[half:])


def ring(names):
    count = len(names)
    near = {(names[i], names[(i + step) % count]) for i in range(count) for step in (-1, 1)}
    return {(a, b) for a in names for b in names if a != b and (a, b) not in near}


KINDS = ("halves", "one_way", "unheard", "isolated", "bridge", "ring")


def drawn(kind, names, draw):
    """A split of this kind, and its description: (pairs, text)."""
    names = list(names)
    draw.shuffle(names)
    if kind == "halves":
        first = draw.randint(1, (len(names) - 1) // 2)
        return halves(names, first), f"{','.join(names[:first])} | {','.join(names[first:])}"
    if kind == "one_way":
        return one_way(names[:1], names[1:]), f"{names[0]} hears nobody"
    if kind == "unheard":
        return one_way(names[1:], names[:1]), f"nobody hears {names[0]}"
    if kind == "isolated":
        return isolated(names, names[0]), f"{names[0]} alone"
    if kind == "bridge":
        return bridge(names, names[0]), f"{names[0]} between the others' halves"
    if kind == "ring":
        return ring(names), "-".join(names)
    raise ValueError(f"no split is called {kind}")


def everybody(names):
    return {(a, b) for a in names for b in names if a != b}


def losers(pairs, names):
    """Whom a strategy that keeps the majority may give up: all but the largest set that hear one another, if that is a
    majority; else everybody."""
    together = []
    for name in names:
        for group in together:
            if all((name, other) not in pairs and (other, name) not in pairs for other in group):
                group.append(name)
                break
        else:
            together.append([name])
    largest = max(together, key=len)
    return set(names) - set(largest) if 2 * len(largest) > len(names) else set(names)
