# make lint: size limits, layers, dead words, formats. Green or it does not land.

C_FILES  = $(shell git ls-files -co --exclude-standard '*.c' '*.h')
TIDY_C   = $(filter %.c,$(C_FILES))
SH_FILES = $(shell git ls-files -co --exclude-standard | xargs grep -lE '^\#!.*\b(ba)?sh\b' 2>/dev/null)
TIDY     = $(addprefix build/lint/,$(addsuffix .tidy,$(TIDY_C)))

.PHONY: lint lint-format lint-layers lint-tidy lint-cppcheck lint-shell lint-python docs-check
lint: lint-format lint-layers docs-check lint-shell lint-python lint-cppcheck lint-tidy

lint-format:
	$(Q)clang-format-14 --dry-run --Werror $(C_FILES)
lint-layers:
	$(Q)python3 test/lint/layers.py
	$(Q)python3 test/lint/words.py
	$(Q)python3 test/lint/log_lines.py
lint-shell:
	$(Q)shellcheck $(SH_FILES)
lint-python: $(PYTHON)
	$(Q)$(PYTHON) -m ruff check --quiet .
	$(Q)$(PYTHON) -m ruff format --check --quiet .
lint-cppcheck:
	$(Q)cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --suppressions-list=test/lint/cppcheck.txt \
		--enable=warning,performance,portability -j2 -I core -D__x86_64__ "-D__VA_OPT__(...)=" \
		"-Djson_object_foreach(o,k,v)=while(json_next(o,&k,&v))" "-Djson_array_foreach(a,i,v)=while(json_item(a,&i,&v))" \
		$(filter-out test/unit/%,$(TIDY_C))

# One stamp per file, so that a second run only reads what changed.
lint-tidy: $(TIDY)
build/lint/%.tidy: % .clang-tidy
	@mkdir -p $(@D)
	$(if $(Q),@echo "  TIDY $<")
	$(Q)clang-tidy-14 --quiet $< -- -std=c17 -D_GNU_SOURCE $(shell pkg-config --cflags $(PACKAGES)) \
		$(SEES_$(call layer_of,$<)) $(ROOM_$(call room_of,$<)) 2>build/lint/$*.err \
		|| { cat build/lint/$*.err; exit 1; }
	@touch $@

# The maps name what exists, and the printed pages are what their tables say.
docs-check: docs-drift
	$(Q)python3 test/lint/docs.py
