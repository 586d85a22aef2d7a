# SPDX-License-Identifier: GPL-3.0-or-later
# Stand-ins for the outside world, and small programs that the net tests drive.

FAKE_BMC_OBJ := $(addprefix $(B)/tests/fake/bmcsim_,core.o crypt.o seal.o cmd.o app.o users.o chassis.o payload.o sol.o \
	sel.o sdr.o life.o wire.o fault.o)

# The simulated BMCs.
FAKE_SIM_OBJ := $(addprefix $(B)/tests/fake/,bmcsim.o $(addprefix bmcsim_,config.o control.o port.o script.o wide.o))
$(B)/tests/fake/bmcsim: $(FAKE_SIM_OBJ) $(FAKE_BMC_OBJ) $(AR_lib)
# The IPMI engine on the command line.
$(B)/tests/fake/bmcctl: $(B)/tests/fake/bmcctl.o $(AR_agent)
# The generators of `site config`.
$(B)/tests/fake/siteconf: $(B)/tests/fake/siteconf.o $(AR_orchestrator)
# Many agents in one process.
$(B)/tests/fake/agentsim: $(B)/tests/fake/agentsim.o $(AR_lib)
# When schedules are due, on the command line.
$(B)/tests/fake/calendar: $(B)/tests/fake/calendar.o $(AR_orchestrator)
$(B)/tests/fake/bmcsim $(B)/tests/fake/bmcctl $(B)/tests/fake/siteconf $(B)/tests/fake/agentsim $(B)/tests/fake/calendar:
	@echo "  LD   $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

# Preloaded by tests: a clock that is wrong. No sanitizer is in it, so that it can be preloaded to any program.
$(B)/tests/fake/skew.so: tests/fake/skew.c
	@mkdir -p $(@D)
	@echo "  LD   $@"
	@$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O2 -g -fPIC -shared -o $@ $<

# Tests that run the engine against the BMC's core in one process. Its archive comes last on their
# command line, so it holds what it needs of lib as well.
$(B)/tests/fake/bmc_core.a: $(FAKE_BMC_OBJ) $(B)/lib/buf.o $(B)/lib/rng.o
	@rm -f $@; ar rcs $@ $^
$(B)/tests/unit/agent/bmc_verbs_test $(B)/tests/unit/agent/bmc_session_test $(B)/tests/unit/agent/bmcsim_test $(B)/tests/sim/agent/bmc_pool_sim \
$(B)/tests/sim/agent/bmc_polite_sim $(B)/tests/sim/agent/bmc_once_sim $(B)/tests/unit/agent/bmcsim_sol_test $(B)/tests/unit/agent/bmcsim_store_test \
$(B)/tests/fuzz/agent/bmc_session_fuzz $(B)/tests/fuzz/agent/bmcsim_fuzz: $(B)/tests/fake/bmc_core.a

fake-bin: $(B)/tests/fake/bmcsim $(B)/tests/fake/bmcctl $(B)/tests/fake/siteconf $(B)/tests/fake/agentsim $(B)/tests/fake/skew.so \
$(B)/tests/fake/calendar
.PHONY: fake-bin
