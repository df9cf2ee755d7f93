"""A simulation of deployments that are larger than the machine at hand.

    clock     simulated time: what happens next
    machine   cores, and processes that use one at a time
    parts     a lane and a projector: batches, transactions, stretches
    world     the parts of a deployment, put together and offered a load

The tables and the plot of docs/performance/capacity.md come from
``benchmarks.performance.cluster_part``.
What a part costs comes from measurements (``benchmarks.sharing``); nothing is tuned to fit.
"""
