# make bench: every figure, three times, one JSON line each; also kept in var/bench/results.jsonl.
#
#   BENCH=name     only that one (make bench BENCH=list names them)       RUNS=3
#   make bench-trace TRACE=file             a real trace of requests, ever faster
#   make bench-trace TRACE=file TRACE_S=300 TRACE_TRIES=1   its first five minutes, at the speed to reach only
#   make bench-table                       the last results as Markdown
#   make bench-compare A=rev [BENCH=name]   that revision and this tree in turn, as ratios

BENCH ?= all
RUNS  ?= 3
RUN_BENCH = PYTHONPATH=ops/dev:test/bench:test $(PYTHON) -m longhaul_bench

.PHONY: bench bench-compare bench-table bench-trace
bench: packages
	$(Q)$(MAKE) --no-print-directory -s -j2 MODE=release all benches
	$(Q)$(RUN_BENCH) run $(BENCH) --runs $(RUNS)

bench-compare: packages
	$(Q)test -n "$(A)" || { echo "usage: make bench-compare A=revision [BENCH=name]"; exit 2; }
	$(Q)$(MAKE) --no-print-directory -s -j2 MODE=release all
	$(Q)$(RUN_BENCH) compare $(A) $(BENCH) --runs $(RUNS)

# One search each, whatever RUNS is: a search is many runs. TRACE_S: seconds of the trace to use,
# TRACE_TRIES: speeds to try.
bench-trace: packages
	$(Q)$(MAKE) --no-print-directory -s -j2 MODE=release all benches
	$(Q)TRACE="$(TRACE)" TRACE_S="$(TRACE_S)" TRACE_TRIES="$(TRACE_TRIES)" \
		$(RUN_BENCH) run trace-10 trace-1 --runs 1

bench-table: packages
	$(Q)$(RUN_BENCH) table
