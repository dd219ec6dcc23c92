# longhaul. A folder is a layer: its objects become lib<layer>.a, its main.c a program.
#
#   make            build everything            make test     the whole suite, from nothing
#   make demo       a first run, explained      make up|down|status   a local stack under var/
#   make lint       style, layers, dead code    make bench    every figure, one JSON line each
#   make faults     what may fail, at length    make soak     half an hour of faults under load
#   make promises   which test shows which row  make fuzz     every parser, for FUZZ_S seconds each
#
# MODE=release|asan|tsan|fuzz|unfenced|points|clear chooses a build; each lives in its own folder. V=1 shows commands.

MODE    ?= release
BUILD   := build/$(MODE)
CC      := $(if $(filter fuzz,$(MODE)),clang-14,gcc)
Q       := $(if $(V),,@)
PYTHON  := var/python/bin/python3

PACKAGES := libpq rdkafka libuv hiredis libcurl jansson libmicrohttpd libsodium yaml-0.1 zlib libcrypto
WARN     := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wvla -Wformat=2 -Wwrite-strings -Wimplicit-fallthrough -Wno-unused-parameter
HARDEN   := -fstack-protector-strong -fstack-clash-protection -fPIE -fcf-protection
MODE_release  := -O2 -D_FORTIFY_SOURCE=2
MODE_unfenced := -O2 -D_FORTIFY_SOURCE=2 -DCONTROL_WITHOUT_FENCE -DCONTROL_WITHOUT_SHARE -DCONTROL_WITHOUT_RETRY_BUDGET
MODE_clear    := -O2 -D_FORTIFY_SOURCE=2 -DCONTROL_WITHOUT_SEALING
MODE_points   := -O2 -DCONTROL_STOP_POINTS
MODE_asan     := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
MODE_tsan     := -O1 -fsanitize=thread -fno-omit-frame-pointer
MODE_fuzz     := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
CFLAGS   = -std=c17 -D_GNU_SOURCE -g $(WARN) $(HARDEN) $(MODE_$(MODE)) -MMD -MP $(shell pkg-config --cflags $(PACKAGES))
LDFLAGS  = $(MODE_$(MODE)) -pie -Wl,-z,relro,-z,now
LDLIBS   = $(shell pkg-config --libs $(PACKAGES)) -lm -lpthread

sources  = $(shell find $(1) -name '*.c' 2>/dev/null | sort)
objects  = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
library  = $(filter-out %/main.o,$(call objects,$(call sources,$(1))))

# Who may include whom: a layer sees itself and core, never a sibling.
SEES_core      := -iquote core
SEES_producer  := -iquote core -iquote producer
SEES_worker    := -iquote core -iquote worker
SEES_scheduler := -iquote core -iquote scheduler
SEES_ops       := -iquote core -iquote ops/cli
SEES_test      := -iquote core -iquote test
SEES_gen       := -iquote core
layer_of       = $(firstword $(subst /, ,$(1)))
# A unit test or fuzz target of a room sees that room: test/unit/worker/... sees worker/.
ROOM_producer  := -iquote producer
ROOM_worker    := -iquote worker
ROOM_scheduler := -iquote scheduler
ROOM_simulator := -iquote test/simulator
ROOM_cli       := -iquote ops/cli
room_of        = $(word 3,$(subst /, ,$(1)))

PROGRAMS := longhaul-producer longhaul-worker longhaul-scheduler longhaul simulator fault-proxy fault-disk.so
TESTS    := $(patsubst test/unit/%.c,$(BUILD)/unit/%,$(filter %.c,$(shell find test/unit -name 'test_*.c')))
BENCHES  := $(patsubst test/bench/%.c,$(BUILD)/bench/%,$(shell find test/bench -name 'bench_*.c'))
FUZZERS  := $(patsubst test/fuzz/%.c,$(BUILD)/fuzz/%,$(shell find test/fuzz -name 'fuzz_*.c'))

# A control differs in a program or two; the other programs are those of the release build.
CONTROL_unfenced := longhaul-worker
CONTROL_points   := longhaul-worker
CONTROL_clear    := longhaul-worker longhaul-producer
CONTROL  := $(CONTROL_$(MODE))
# What tests load into programs, of whatever build, is of one build itself.
PRELOADS := $(if $(filter release,$(MODE)),$(addprefix $(BUILD)/preload/,wall-clock.so failing-memory.so))
all: $(addprefix $(BUILD)/,$(or $(CONTROL),$(PROGRAMS))) $(PRELOADS)
	$(if $(CONTROL),$(Q)$(foreach p,$(filter-out $(CONTROL),$(PROGRAMS)),ln -sfn ../release/$(p) $(BUILD)/$(p);))
.PHONY: all units benches fuzzers
units: $(TESTS)
benches: $(BENCHES)
fuzzers: $(FUZZERS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC  $<")
	$(Q)$(CC) $(CFLAGS) $(SEES_$(call layer_of,$<)) $(ROOM_$(call room_of,$<)) -c -o $@ $<

# Migrations travel inside the command line program; see ops/dev/embed-migrations.
$(BUILD)/gen/migrations.c: ops/dev/embed-migrations $(wildcard migrations/*.sql)
	@mkdir -p $(@D)
	$(Q)ops/dev/embed-migrations migrations/*.sql > $@.new && mv $@.new $@
$(BUILD)/obj/gen/migrations.o: $(BUILD)/gen/migrations.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -Wno-overlength-strings $(SEES_gen) -c -o $@ $<

define archive
$(BUILD)/lib$(1).a: $(call library,$(2)) $(3)
	@mkdir -p $$(@D)
	$$(if $$(Q),@echo "  AR  $$@")
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(eval $(call archive,core,core,$(BUILD)/obj/gen/migrations.o))
$(eval $(call archive,producer,producer,))
$(eval $(call archive,worker,worker,))
$(eval $(call archive,scheduler,scheduler,))
$(eval $(call archive,cli,ops/cli,))
$(eval $(call archive,simulator,test/simulator,))
$(eval $(call archive,proxy,test/proxy,))
$(eval $(call archive,bench,test/bench/shared,))

LINK = $(if $(Q),@echo "  LD  $@";)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter-out $(BUILD)/libcore.a,$(filter %.a,$^)) $(BUILD)/libcore.a $(LDLIBS)
$(BUILD)/longhaul-%: $(BUILD)/obj/%/main.o $(BUILD)/lib%.a $(BUILD)/libcore.a
	$(LINK)
$(BUILD)/longhaul: $(BUILD)/obj/ops/cli/main.o $(BUILD)/libcli.a $(BUILD)/libcore.a
	$(LINK)
$(BUILD)/simulator: $(BUILD)/obj/test/simulator/main.o $(BUILD)/libsimulator.a $(BUILD)/libcore.a
	$(LINK)
$(BUILD)/fault-proxy: $(BUILD)/obj/test/proxy/main.o $(BUILD)/libproxy.a $(BUILD)/libcore.a
	$(LINK)
# For Postgres to load: nothing of ours is in it, and no sanitizer.
$(BUILD)/fault-disk.so: test/disk/disk.c
	@mkdir -p $(@D)
	$(if $(Q),@echo "  LD  $@")
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE -g -O2 $(WARN) -fPIC -shared -o $@ $< -ldl

# Only what is to come before the C library's is to be seen.
$(BUILD)/preload/%.so: test/preload/%.c test/preload/control.c test/preload/control.h
	@mkdir -p $(@D)
	$(if $(Q),@echo "  LD  $@")
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE -g $(WARN) -O2 -fPIC -shared $(SEES_test) -o $@ $(filter %.c,$^)

.SECONDEXPANSION:
room_lib = $(if $(filter producer worker scheduler simulator cli proxy bench,$(firstword $(subst /, ,$(1)))),$(BUILD)/lib$(firstword $(subst /, ,$(1))).a)
$(BUILD)/unit/%: $(BUILD)/obj/test/unit/%.o $$(call room_lib,$$*) $(BUILD)/libcore.a
	@mkdir -p $(@D)
	$(LINK) -lcmocka
# Torture makes each allocation of ours fail once.
$(foreach room,core producer worker,$(BUILD)/unit/$(room)/torture/%): LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=strdup
$(BUILD)/bench/%: $(BUILD)/obj/test/bench/%.o $$(call room_lib,$$*) $(BUILD)/libbench.a $(BUILD)/libcore.a
	@mkdir -p $(@D)
	$(LINK)
$(BUILD)/fuzz/%: $(BUILD)/obj/test/fuzz/%.o $$(call room_lib,$$*) $(BUILD)/libcore.a
	@mkdir -p $(@D)
	$(LINK) -fsanitize=fuzzer

-include ops/dev/stack.mk
include ops/cli/docs.mk
include test/test.mk
include test/lint/lint.mk
-include test/bench/bench.mk
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
.SECONDARY:
