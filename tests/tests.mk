# SPDX-License-Identifier: GPL-3.0-or-later
# Tests: found by name, linked with their folder's archives.

UNIT_SRC := $(wildcard tests/unit/*/*_test.c)
SIM_SRC := $(wildcard tests/sim/*/*_sim.c)
FUZZ_SRC := $(wildcard tests/fuzz/*/*_fuzz.c)
UNIT_BIN := $(UNIT_SRC:%.c=$(B)/%)
SIM_BIN := $(SIM_SRC:%.c=$(B)/%)
FUZZ_BIN := $(FUZZ_SRC:%.c=$(B)/%)

# Objects first, whoever else adds some: an archive gives only what was asked for before it.
TEST_PARTS = $(filter %.o,$^) $(filter %.a,$^)

# $(1) folder
define TEST_RULES
$$(B)/tests/unit/$(1)/%_test: $$(B)/tests/unit/$(1)/%_test.o $$(AR_$(1))
	@echo "  LD   $$@"
	@$$(CC) $$(LDFLAGS_ALL) -o $$@ $$(TEST_PARTS) $$(PKG_LIBS) -lcmocka
$$(B)/tests/sim/$(1)/%_sim: $$(B)/tests/sim/$(1)/%_sim.o $$(AR_$(1))
	@echo "  LD   $$@"
	@$$(CC) $$(LDFLAGS_ALL) -o $$@ $$(TEST_PARTS) $$(PKG_LIBS) -lcmocka
ifeq ($(VARIANT),fuzz)
$$(B)/tests/fuzz/$(1)/%_fuzz: $$(B)/tests/fuzz/$(1)/%_fuzz.o $$(AR_$(1))
	@echo "  LD   $$@"
	@$$(CC) $$(LDFLAGS_ALL) -o $$@ $$(TEST_PARTS) $$(PKG_LIBS)
else
$$(B)/tests/fuzz/$(1)/%_fuzz: $$(B)/tests/fuzz/$(1)/%_fuzz.o $$(B)/tests/fuzz/replay_main.o $$(AR_$(1))
	@echo "  LD   $$@"
	@$$(CC) $$(LDFLAGS_ALL) -o $$@ $$(TEST_PARTS) $$(PKG_LIBS)
endif
endef
$(foreach f,$(FOLDERS),$(eval $(call TEST_RULES,$(f))))

# In two files.
$(B)/tests/sim/agent/job_sim: $(B)/tests/sim/agent/job_machine.o
$(B)/tests/sim/agent/bmc_pool_sim $(B)/tests/sim/agent/bmc_polite_sim $(B)/tests/sim/agent/bmc_once_sim: $(B)/tests/sim/agent/bmc_world.o

$(B)/tests/sim/orchestrator/unattended_sim: $(patsubst %,$(B)/tests/sim/orchestrator/fleet_%.o,world agent oracle setup orch account people disk side clerk)

# What is made from tables of the programs.
DOC_BIN := $(B)/tests/doc/verdict_doc
$(DOC_BIN): $(B)/tests/doc/verdict_doc.o $(AR_lib)
	@echo "  LD   $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $(TEST_PARTS) $(PKG_LIBS)

unit-bin: $(UNIT_BIN)
sim-bin: $(SIM_BIN)
fuzz-bin: $(FUZZ_BIN)
doc-bin: $(DOC_BIN)
docs:
	@$(MAKE) --no-print-directory VARIANT=release doc-bin
	@build/release/tests/doc/verdict_doc > docs/verdicts.md

# ---- running ----
# Tests are built with ASan and UBSan whatever VARIANT says. -k: a program that does not build
# counts as failed and the others run.

RUN := tests/run.sh
ASAN = $(MAKE) --no-print-directory -k VARIANT=asan
asan-bin = $(patsubst %.c,build/asan/%,$(1))
FUZZ_TIME ?= 60
SOAK_SEEDS ?= 20000
SOAK_TIME ?= 600

check:
	@$(RUN) begin
	@if [ -z "$(NO_DEPS)" ]; then $(RUN) step 'packages' sh packaging/install-deps.sh || true; fi
	@$(RUN) step 'build release' $(MAKE) -j2 -k VARIANT=release all fake-bin doc-bin || true
	@$(RUN) step 'build asan' $(MAKE) -j2 -k VARIANT=asan all fake-bin doc-bin unit-bin sim-bin fuzz-bin || true
	@for part in lint unit sim fuzz net web lab; do $(RUN) part $$part $(MAKE) --no-print-directory run-$$part; done
	@$(RUN) total

# One part alone, with what it needs.
check-unit check-sim check-fuzz:
	@$(RUN) begin
	@$(ASAN) -j2 $(@:check-%=%)-bin || true
	@$(RUN) part $(@:check-%=%) $(MAKE) --no-print-directory run-$(@:check-%=%)
	@$(RUN) total
check-net check-web check-lab:
	@$(RUN) begin
	@$(ASAN) -j2 all fake-bin doc-bin
	@$(RUN) part $(@:check-%=%) $(MAKE) --no-print-directory run-$(@:check-%=%)
	@$(RUN) total
lint:
	@$(RUN) begin
	@$(MAKE) --no-print-directory -j2 -k VARIANT=release all doc-bin > /dev/null || true
	@$(RUN) part lint $(MAKE) --no-print-directory run-lint
	@$(RUN) total

run-lint:
	@echo 'lint'; tests/lint/lint.sh
run-unit:
	@echo 'unit'; $(RUN) cmocka unit $(call asan-bin,$(UNIT_SRC))
run-sim:
	@echo 'sim'; $(RUN) cmocka sim $(call asan-bin,$(SIM_SRC))
	@for script in $(wildcard tests/sim/*.sh); do $(RUN) step "$${script#tests/}" sh $$script || true; done
run-fuzz:
	@echo 'fuzz corpus'; $(RUN) fuzz $(call asan-bin,$(FUZZ_SRC))
run-net run-lab:
	@echo '$(@:run-%=%)'; $(RUN) pytest $(@:run-%=%)

# The page: its pure parts by node, the rest in a browser.
run-web:
	@echo 'web'; $(RUN) step 'web/unit' sh tests/web/unit.sh || true
	@$(RUN) pytest web

# New inputs that find something stay in build/fuzz/corpus; faults are left in build/fuzz/faults.
fuzz:
	@$(MAKE) --no-print-directory -j2 VARIANT=fuzz fuzz-bin
	@mkdir -p build/fuzz/faults
	@for src in $(FUZZ_SRC:%.c=%); do \
		name=$$(basename $$src _fuzz); mkdir -p build/fuzz/corpus/$$name; \
		echo "fuzz $$name"; \
		build/fuzz/$$src -max_total_time=$(FUZZ_TIME) -max_len=65536 -timeout=10 \
			-rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix=build/fuzz/faults/$$name- \
			build/fuzz/corpus/$$name tests/fuzz/corpus/$$name \
			> build/fuzz/$$name.log 2>&1 || { tail -n 40 build/fuzz/$$name.log; exit 1; }; \
		grep -E 'number_of_executed_units' build/fuzz/$$name.log; \
	done

# SIM_SEEDS is what the simulations take from the environment for more than their default.
soak:
	@$(RUN) begin
	@$(ASAN) -j2 sim-bin
	@echo 'soak'; SIM_SEEDS=$(SOAK_SEEDS) TEST_LIMIT=86400 $(RUN) cmocka sim $(call asan-bin,$(filter-out %/unattended_sim.c,$(SIM_SRC)))
	@SIM_SEEDS=$$(($(SOAK_SEEDS) / 200 + 1)) TEST_LIMIT=86400 $(RUN) cmocka sim $(call asan-bin,$(filter %/unattended_sim.c,$(SIM_SRC)))
	@$(MAKE) --no-print-directory fuzz FUZZ_TIME=$(SOAK_TIME)
	@$(RUN) total

# A year of a large fleet a seed, in a build that is fast: some minutes each. SIM_SEED is the first.
UNATTENDED := build/release/tests/sim/orchestrator/unattended_sim
soak-unattended:
	@$(MAKE) --no-print-directory -j2 VARIANT=release $(UNATTENDED)
	@SIM_SEED=$(or $(SIM_SEED),1) SIM_SEEDS=$(or $(SIM_SEEDS),2) SIM_HOSTS=$(or $(SIM_HOSTS),10000) \
		SIM_SITES=$(or $(SIM_SITES),200) SIM_WAVES=$(or $(SIM_WAVES),8) SIM_WEEKS=$(or $(SIM_WEEKS),52) \
		SIM_SAY=1 $(UNATTENDED)

bench:
	@$(MAKE) --no-print-directory -j2 VARIANT=release all fake-bin
	@for script in $(sort $(wildcard tests/bench/*.sh)); do \
		echo "$$script"; bash "$$script" || exit 1; \
	done

.PHONY: doc-bin docs unit-bin sim-bin fuzz-bin check check-unit check-sim check-fuzz check-net check-web check-lab lint \
        run-lint run-unit run-sim run-fuzz run-net run-web run-lab fuzz soak soak-unattended bench
.SECONDARY:
-include tests/fake/fake.mk
