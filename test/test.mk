# make test: everything, from a fresh clone. make check: the C units alone, quickly.

C_MODES ?= asan,tsan
# A unit test that make faults runs for long, and without the fence's guard as its control.
RACE     = build/$(1)/unit/core/stores/test_race
# Those that must fail in the build without what they protect (test/fault/test_unit_controls.py).
CONTROLS = $(call RACE,unfenced) build/unfenced/unit/core/stores/test_share \
           build/unfenced/unit/worker/upstreams/test_permit
QUIETLY = -q -p no:cacheprovider --c-modes=$(C_MODES)
PYTEST  = $(PYTHON) -m pytest $(QUIETLY)
ONLY    ?= test

.PHONY: test check e2e faults soak fuzz sanitize promises test-builds
test: packages
	$(Q)$(MAKE) --no-print-directory test-builds
	$(Q)$(if $(filter test,$(ONLY)),$(PYTHON) test/lanes.py $(QUIETLY),$(PYTEST) $(ONLY))

# Every build the suite needs; each mode is its own make so that its flags are its own.
test-builds:
	$(Q)$(MAKE) --no-print-directory -j2 MODE=release all benches
	$(Q)$(MAKE) --no-print-directory -j2 MODE=unfenced all $(CONTROLS)
	$(Q)$(MAKE) --no-print-directory -j2 MODE=points all
	$(Q)$(MAKE) --no-print-directory -j2 MODE=clear all
	$(Q)$(MAKE) --no-print-directory -j2 MODE=asan all units
	$(Q)$(MAKE) --no-print-directory -j2 MODE=tsan threaded-units
	$(Q)$(MAKE) --no-print-directory -j2 MODE=fuzz fuzzers

THREADED = $(shell grep -rl '/\* threads: yes \*/' test/unit --include='test_*.c')
.PHONY: threaded-units
threaded-units: $(patsubst test/unit/%.c,$(BUILD)/unit/%,$(THREADED))

# One room or one test: make check ONLY=test/unit/core/ground/test_buf.c
check: packages
	$(Q)$(MAKE) --no-print-directory -j2 MODE=release units
	$(Q)$(PYTEST) --c-modes=release $(if $(filter test,$(ONLY)),test/unit,$(ONLY))

e2e: packages all
	$(Q)$(PYTEST) test/e2e

# The long form: more rounds, seeds printed. ROUNDS and SEED may be given.
faults: packages all
	$(Q)$(MAKE) --no-print-directory -j2 MODE=release $(call RACE,release)
	$(Q)$(MAKE) --no-print-directory -j2 MODE=unfenced all $(CONTROLS)
	$(Q)$(MAKE) --no-print-directory -j2 MODE=points all
	$(Q)$(MAKE) --no-print-directory -j2 MODE=asan all
	$(Q)LONGHAUL_FAULTS=long $(PYTEST) test/fault

# Markers through every string that the API takes, then the bytes of every store are searched.
.PHONY: leak-check
leak-check: packages all
	$(Q)$(MAKE) --no-print-directory -j2 MODE=clear all
	$(Q)$(PYTEST) test/leak

# Half an hour under load, a fault every ten seconds; one JSON line, and its figures in words.
MINUTES ?= 30
soak: packages all
	$(Q)PYTHONPATH=ops/dev:test/bench:test $(PYTHON) -m fault.soak --minutes $(MINUTES)

FUZZ_S ?= 60
fuzz: packages
	$(Q)$(MAKE) --no-print-directory -j2 MODE=fuzz fuzzers
	$(Q)$(PYTEST) --fuzz-seconds=$(FUZZ_S) test/fuzz

# The suite against programs built with ASan and UBSan; its controls and proxies are as ever.
sanitize: packages
	$(Q)$(MAKE) --no-print-directory -j2 MODE=release all
	$(Q)$(MAKE) --no-print-directory -j2 MODE=unfenced all
	$(Q)$(MAKE) --no-print-directory -j2 MODE=points all
	$(Q)$(MAKE) --no-print-directory -j2 MODE=asan all units
	$(Q)LONGHAUL_MODE=asan $(PYTEST) --c-modes=asan test/unit test/e2e test/fault

promises:
	$(Q)python3 test/promises.py
