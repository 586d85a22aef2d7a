# SPDX-License-Identifier: GPL-3.0-or-later
# Tests: found by name, linked with their folder's archives.

UNIT_SRC := $(wildcard tests/unit/*/*_test.c)
SIM_SRC := $(wildcard tests/sim/*/*_sim.c)
FUZZ_SRC := $(wildcard tests/fuzz/*/*_fuzz.c)
UNIT_BIN := $(UNIT_SRC:%.c=$(B)/%)
SIM_BIN := $(SIM_SRC:%.c=$(B)/%)
FUZZ_BIN := $(FUZZ_SRC:%.c=$(B)/%)

# $(1) folder
define TEST_RULES
$$(B)/tests/unit/$(1)/%_test: $$(B)/tests/unit/$(1)/%_test.o $$(AR_$(1))
	@echo "  LD   $$@"
	@$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $$(PKG_LIBS) -lcmocka
$$(B)/tests/sim/$(1)/%_sim: $$(B)/tests/sim/$(1)/%_sim.o $$(AR_$(1))
	@echo "  LD   $$@"
	@$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $$(PKG_LIBS) -lcmocka
ifeq ($(VARIANT),fuzz)
$$(B)/tests/fuzz/$(1)/%_fuzz: $$(B)/tests/fuzz/$(1)/%_fuzz.o $$(AR_$(1))
	@echo "  LD   $$@"
	@$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $$(PKG_LIBS)
else
$$(B)/tests/fuzz/$(1)/%_fuzz: $$(B)/tests/fuzz/$(1)/%_fuzz.o $$(B)/tests/fuzz/replay_main.o $$(AR_$(1))
	@echo "  LD   $$@"
	@$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $$(PKG_LIBS)
endif
endef
$(foreach f,$(FOLDERS),$(eval $(call TEST_RULES,$(f))))

unit-bin: $(UNIT_BIN)
sim-bin: $(SIM_BIN)
fuzz-bin: $(FUZZ_BIN)
.PHONY: unit-bin sim-bin fuzz-bin
.SECONDARY:
