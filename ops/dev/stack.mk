# The local stack: make up|reload|down|status|demo. Everything it does is in ops/dev/longhaul_dev.
#
#   WORKERS=1 PRODUCERS=1 SCHEDULERS=1   counts        LITE=1       Postgres alone
#   SUPERVISE=0   nothing is restarted                 PROGRAMS=0   services only, none of ours
#   VAR=dir       another stack beside this one        PURGE=1      with down: its data too

STACK_CHOICES := WORKERS PRODUCERS SCHEDULERS SUPERVISE LITE PROGRAMS PURGE VAR LONGHAUL_BUILD
export $(STACK_CHOICES)
export MODE
STACK := ops/dev/run

.PHONY: up reload down status demo preflight packages lint-packages clean-var
up reload down status demo preflight packages lint-packages clean-var:
	$(Q)$(STACK) $@
lint-format lint-shell lint-cppcheck lint-tidy: lint-packages

$(PYTHON): ops/dev/requirements.txt
	$(Q)$(STACK) python
	$(Q)touch -c $@
