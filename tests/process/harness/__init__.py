"""The process ring of the fault laboratory: real nodes, real faults, one judgement.

A test is a script of Python's standard library alone, which describes one round and hands it to a campaign:

    def round_of(r):                                  # r: seed, nodes, draw, place, say
        with Cluster(r, r.nodes, wire=Wire()) as cluster:
            cluster.start()
            with Nemesis(r, cluster, plan(r, cluster, seconds=20)) as nemesis:
                ...                                   # clients, jobs; histories
            judge.converges(cluster, within=60)
    campaign("name", round_of, nodes=5)

    ground    the three ways in which a round ends without passing; waiting; the one clock
    guard     processes that end with the test, however the test ends
    apart     network, mount and pid namespaces of the test's own, and the word where there is no right to them
    cluster   nodes: started, killed, frozen, thawed, stopped; what they see and what they have written
    talk      a client that is a program: one JSON line in, one out
    history   what clients saw, with the three outcomes kept apart; judged by `troupe check`
    resource  a file that refuses old fences, clients whose commands write to it, and the history that both make
    lockers   clients of `troupe lock` that write to it, for any store of locks
    contenders  those of `troupe elect`
    lock_storm  a store's contract, and many clients of which some are killed
    kv        clients of the replicated map, who leads its log, and how long no write was accepted
    postgres  a PostgreSQL server of the test's own
    redis     a Redis server of the test's own, with replicas
    disks     a small disk, filled, freed, read-only
    splits    partitions as sets of pairs: halves, one-way, bridge, isolated, ring
    network   nodes in network namespaces, cut by nftables
    homes     and clients in namespaces beside them, each in reach of one node
    wire      nodes joined by a proxy that delays, throttles, stalls, cuts, repeats and corrupts
    nemesis   a seeded plan of faults, printed as a timeline
    judge     what must hold of membership and of answers, whatever was done to the nodes
    rounds    rounds with seeds, a budget, and the line at the end
"""
