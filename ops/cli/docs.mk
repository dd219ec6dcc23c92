# make docs: the pages that are printed from tables. make docs-drift fails when one was forgotten.

.PHONY: docs docs-drift
docs: $(BUILD)/longhaul
	$(Q)$< help --markdown > docs/cli.md
	$(Q)$< check-config --sample > docs/longhaul.sample.yaml
	$(Q)$< check-config --reference > docs/configuration.md
	$(Q)$< help --metrics > docs/metrics.md
docs-drift: $(BUILD)/longhaul
	$(Q)$< help --markdown | diff -u docs/cli.md -
	$(Q)$< check-config --sample | diff -u docs/longhaul.sample.yaml -
	$(Q)$< check-config --reference | diff -u docs/configuration.md -
	$(Q)$< help --metrics | diff -u docs/metrics.md -
