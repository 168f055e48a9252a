"""A cluster in network namespaces, and beside each node a home for clients, from which this node alone is reached; and
`servers`, which all homes reach. What is cut is cut between names: a node's, its home's, a server's.

    homes = Homes(r, 3)                        # nodes n1 to n3, homes k1 to k3; k1 reaches n1
    with Cluster(r, 3, network=homes.network) as cluster:
        lockers.client(True, way=homes.way(cluster, "n1"), inside=homes.inside("n1"))
        homes.network.split(homes.alone("n1")) # of the nodes; k1 reaches n1 still
        homes.network.split(homes.off("n1"))   # n1's clients and their node, or what servers there are
"""
from . import splits
from .network import Network


class Homes:
    def __init__(self, r, count, servers=()):
        self.nodes, self.servers = [f"n{i}" for i in range(1, count + 1)], list(servers)
        self._home = {node: f"k{node[1:]}" for node in self.nodes}
        homes = list(self._home.values())
        self.network = Network(r, [*self.nodes, *homes, *self.servers])
        between = splits.everybody(homes) | splits.apart(homes, self.nodes)
        for node, home in self._home.items():
            between -= splits.apart([node], [home])
        self.network.apart(between)

    def inside(self, node):
        return self.network.inside(self._home[node])

    def way(self, cluster, node):
        return ["--at", cluster[node].listen, "--secret-file", cluster.secret_file]

    def others(self, node):
        return [other for other in self.nodes if other != node]

    def alone(self, node, cut=splits.apart):
        return cut([node], self.others(node))

    def off(self, node, cut=splits.apart):
        return cut([self._home[node]], [node, *self.servers])


def unheard(one, others):
    """The others do not hear `one`, which hears them."""
    return splits.one_way(others, one)
