# SPDX-License-Identifier: GPL-3.0-or-later
# One non-recursive Makefile. `make` builds the release programs; `make help` lists the rest.
# Objects go to build/VARIANT/, VARIANT = release | asan | fuzz. Every folder of C becomes an
# archive (without its main.c); programs and tests link the archives in dependency order.

.DEFAULT_GOAL := all
VARIANT ?= release
B := build/$(VARIANT)
PREFIX ?= /usr/local
DESTDIR ?=

PKGS := libevent_core libevent_extra libevent_openssl libevent_pthreads jansson libcyaml \
        yaml-0.1 libsodium libcrypto libssl libcurl sqlite3 libfreeipmi libipmiconsole libgcrypt libcap-ng libseccomp libsystemd libarchive \
        libical libzstd zlib
# := would run pkg-config before `make deps` could install it.
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpthread

CC_release := gcc
CC_asan := gcc
CC_fuzz := clang
OPT_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
OPT_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPT_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LD_release := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LD_asan := -fsanitize=address,undefined -Wl,--as-needed
LD_fuzz := -fsanitize=fuzzer,address,undefined -Wl,--as-needed
CC := $(CC_$(VARIANT))

# The release build decides on -Wconversion: gcc's UBSan rewrites shifts into what it then warns
# about itself, and clang's has a wider idea of it.
WARN_asan := -Wno-conversion
WARN_fuzz := -Wno-error
WARN := -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wmissing-prototypes -Wstrict-prototypes \
        -Wswitch-enum -Wvla -Wundef -Werror
CFLAGS_ALL = -std=gnu11 -D_GNU_SOURCE -I. -I$(B) $(WARN) $(WARN_$(VARIANT)) $(OPT_$(VARIANT)) $(PKG_CFLAGS) -MMD -MP $(CFLAGS)
LDFLAGS_ALL = $(LD_$(VARIANT)) $(LDFLAGS)

FOLDERS := lib db orchestrator agent boot-services ctl
PROGRAMS := netboot-orchestrator netboot-agent netboot-bootd netboot-ctl

# $(1) folder
define FOLDER
SRC_$(1) := $$(filter-out $(1)/main.c,$$(wildcard $(1)/*.c))
OBJ_$(1) := $$(SRC_$(1):%.c=$$(B)/%.o)
$$(B)/$(1).a: $$(OBJ_$(1))
	@rm -f $$@; mkdir -p $$(@D)
	@ar rcs $$@ $$(OBJ_$(1))
endef
$(foreach f,$(FOLDERS),$(eval $(call FOLDER,$(f))))

AR_lib := $(B)/lib.a
AR_db := $(B)/db.a $(AR_lib)
AR_orchestrator := $(B)/orchestrator.a $(AR_db)
AR_agent := $(B)/agent.a $(AR_db)
AR_boot-services := $(B)/boot-services.a $(AR_lib)
AR_ctl := $(B)/ctl.a $(AR_lib)

all: $(PROGRAMS:%=$(B)/%)
programs: all

$(B)/netboot-orchestrator: $(B)/orchestrator/main.o $(AR_orchestrator)
$(B)/netboot-agent: $(B)/agent/main.o $(AR_agent)
$(B)/netboot-bootd: $(B)/boot-services/main.o $(AR_boot-services)
$(B)/netboot-ctl: $(B)/ctl/main.o $(AR_ctl)
$(PROGRAMS:%=$(B)/%):
	@echo "  LD   $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC   $@"
	@$(CC) $(CFLAGS_ALL) -c -o $@ $<

# Schema migrations are embedded at build; db/schema_embed.h declares the table.
OBJ_db += $(B)/db/schema_data.o
$(B)/db.a: $(B)/db/schema_data.o
$(B)/db/schema_data.c: $(sort $(wildcard db/schema/*.sql)) db/embed_schema.sh
	@mkdir -p $(@D)
	@sh db/embed_schema.sh $(filter %.sql,$^) > $@.tmp && mv $@.tmp $@
$(B)/db/schema_data.o: $(B)/db/schema_data.c
	@$(CC) $(CFLAGS_ALL) -c -o $@ $<

# The page's files are embedded at build, too; orchestrator/web_assets.h declares the table.
orchestrator/web: ;
WEB_FILES := $(shell find orchestrator/web -type f ! -name '.*' 2>/dev/null)
OBJ_orchestrator += $(B)/orchestrator/web_data.o
$(B)/orchestrator.a: $(B)/orchestrator/web_data.o
$(B)/orchestrator/web_data.c: $(WEB_FILES) orchestrator/web orchestrator/embed_web.sh
	@mkdir -p $(@D)
	@sh orchestrator/embed_web.sh orchestrator/web $(abspath $@).list > $@.tmp && mv $@.tmp $@
$(B)/orchestrator/web_data.o: $(B)/orchestrator/web_data.c
	@$(CC) $(CFLAGS_ALL) -c -o $@ $<

include tests/tests.mk

-include $(shell find build/$(VARIANT) -name '*.d' 2>/dev/null)

# ---- for people ----

deps:
	sh packaging/install-deps.sh
# Without what only the tests need: for a machine that is to serve.
build-deps:
	sh packaging/install-deps.sh build
format:
	clang-format -i $(shell git ls-files '*.c' '*.h')
# The reinstall of a virtual server before your eyes; DEMO_KEEP=1 leaves it running.
demo:
	@if [ -z "$(NO_DEPS)" ]; then sh packaging/install-deps.sh; fi
	@$(MAKE) --no-print-directory -j2 VARIANT=release all fake-bin
	@sh tests/lab/demo.sh
clean:
	rm -rf build

MAN_PAGES = $(wildcard docs/man/*.[0-9])
UNITS = $(wildcard packaging/systemd/*.service packaging/systemd/*.socket)
install: all $(B)/tests/fake/bmcsim
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin
	install -m 755 $(B)/netboot-ctl $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $(B)/tests/fake/bmcsim $(DESTDIR)$(PREFIX)/bin/netboot-bmcsim
	install -m 755 $(filter-out %/netboot-ctl,$(PROGRAMS:%=$(B)/%)) $(DESTDIR)$(PREFIX)/sbin/
	@for page in $(MAN_PAGES); do \
		d=$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}; \
		install -d $$d && install -m 644 $$page $$d/ || exit 1; \
	done
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	@for f in $(wildcard packaging/completions/*.bash); do \
		n=$${f##*/}; install -m 644 $$f \
			$(DESTDIR)$(PREFIX)/share/bash-completion/completions/$${n%.bash} || exit 1; \
	done
	install -d $(DESTDIR)$(PREFIX)/share/zsh/site-functions
	@for f in $(wildcard packaging/completions/_*); do \
		install -m 644 $$f $(DESTDIR)$(PREFIX)/share/zsh/site-functions/ || exit 1; \
	done
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	@for unit in $(UNITS); do \
		sed 's|/usr/sbin/netboot-|$(PREFIX)/sbin/netboot-|g' $$unit \
			> $(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit##*/} || exit 1; \
	done
	@for kind in sysusers tmpfiles; do \
		f=packaging/systemd/netboot.$$kind; [ -e $$f ] || continue; \
		install -D -m 644 $$f $(DESTDIR)$(PREFIX)/lib/$$kind.d/netboot.conf || exit 1; \
	done
	install -d $(DESTDIR)$(PREFIX)/share/doc/netboot/docs $(DESTDIR)$(PREFIX)/share/doc/netboot/examples
	install -m 644 README.md $(DESTDIR)$(PREFIX)/share/doc/netboot/
	install -m 644 $(wildcard docs/*.md docs/*.yaml) $(DESTDIR)$(PREFIX)/share/doc/netboot/docs/
	@for f in $(wildcard packaging/examples/*); do \
		install -m 644 $$f $(DESTDIR)$(PREFIX)/share/doc/netboot/examples/ || exit 1; \
	done
	install -d $(DESTDIR)$(PREFIX)/share/netboot/prometheus $(DESTDIR)$(PREFIX)/share/netboot/grafana
	install -m 644 $(wildcard packaging/prometheus/*.yml) $(DESTDIR)$(PREFIX)/share/netboot/prometheus/
	install -m 644 $(wildcard packaging/grafana/*.json) $(DESTDIR)$(PREFIX)/share/netboot/grafana/

help:
	@echo 'make            the release programs, in build/release'
	@echo 'make check      everything below, counted; NO_DEPS=1 leaves the packages alone'
	@echo '  lint check-unit check-sim check-fuzz    no root needed'
	@echo '  check-net check-web check-lab           make network namespaces: run as root'
	@echo 'make fuzz       every fuzzer for FUZZ_TIME seconds (60)'
	@echo 'make soak       SOAK_SEEDS (20000) seeds of each simulation, fuzzers for SOAK_TIME seconds (600)'
	@echo 'make soak-unattended   10,000 hosts in 200 sites for a year, SIM_SEEDS (2) times'
	@echo 'make bench      figures, side by side with peers (tests/bench)'
	@echo 'make demo       a virtual server reinstalled, as root; DEMO_KEEP=1 leaves it running'
	@echo 'make format     clang-format over all C'
	@echo 'make deps       the Debian packages; make build-deps: without those of the tests'
	@echo 'make install    DESTDIR and PREFIX as usual'
	@echo 'VARIANT=release|asan|fuzz chooses the build'
.PHONY: all programs deps build-deps format demo clean install help
.DELETE_ON_ERROR:
