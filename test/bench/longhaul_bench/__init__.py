"""Benchmarks of the whole system on a real local stack.

Each figure of docs/benchmarks.md is one function here, registered by @benchmark. It is given a
number of runs and yields one Sample per run; `python -m longhaul_bench run` prints one JSON line
per benchmark: median, spread, what the peers reach. Load generators, databases and broker share
the machine with the programs under test, and nothing is switched off for the measurement.
"""
