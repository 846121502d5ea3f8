"""A Ray cluster, on which work is done that falls into tasks: shards of an index, cells of a plan.

:mod:`~clirot.cluster.settings` says which cluster, :mod:`~clirot.cluster.connection` connects to it
or starts one on this machine, :mod:`~clirot.cluster.tasks` hands tasks out and takes results,
:mod:`~clirot.cluster.node` is what runs on a node. What the nodes make goes into the store, in
a directory that all of them share (:mod:`~clirot.cluster.shared_store`). Ray is imported when a
cluster is asked for.
"""
