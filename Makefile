# SPDX-License-Identifier: Apache-2.0
# One make process for the whole tree. Each folder's build.mk holds lists only:
#   LIBS += x          a static library from x_SRC
#   PROGS += p         a program from p_SRC, linked with p_LIBS (ours) and p_PKGS (pkg-config)
#   x_PKGS, p_PKGS     pkg-config names; those of a library follow it into every program
#   p_STATIC := 1      link p statically
#   p_MUSL := 1        build p from the sources of its libraries with musl, static, the same in every mode
#   TORTURE += test_x  a unit test whose allocations are made to fail one by one
# `make help` lists the targets.

MODE ?= debug
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(MODE),fuzz)
CC := clang-14
endif
O   := build/$(MODE)
GEN := build/gen

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

# V=1 shows the commands.
Q := $(if $(V),,@)

STD  := -std=gnu17 -D_GNU_SOURCE
WARN_ANY := -Werror -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla \
	-Walloca -Wnull-dereference -Wconversion -Wno-sign-conversion -Wswitch-enum \
	-Wimplicit-fallthrough -Wdate-time -Wredundant-decls -Wnested-externs -Winit-self \
	-Wframe-larger-than=8192
HARD := -fstack-protector-strong -fstack-clash-protection -fno-common -fno-strict-aliasing \
	-fvisibility=hidden -ffunction-sections -fdata-sections
WARN := $(WARN_ANY)
IS_CLANG := $(findstring clang,$(shell $(CC) --version | head -n1))
ifeq ($(IS_CLANG),)
WARN += -Wformat-signedness -Wlogical-op -Wduplicated-cond -Wduplicated-branches \
	-Wcast-align=strict -Wtrampolines
HARD += -ftrivial-auto-var-init=zero
else
# gcc checks casts; clang also minds those of string literals, which protobuf-c's char * fields need.
# Kernel headers end structs in flexible arrays, which gcc lets us follow with the data.
WARN += -Wcomma -Wunreachable-code-aggressive -Wno-missing-field-initializers -Wno-unused-command-line-argument \
	-Wno-gnu-variable-sized-type-not-at-end -Wno-cast-qual
endif

OPT_debug   := -O1 -g
# Nothing unwinds at run time; debuggers read the tables that -g makes.
NO_UNWIND := -fno-asynchronous-unwind-tables -fno-unwind-tables
OPT_release := -O2 -g -D_FORTIFY_SOURCE=2 $(NO_UNWIND)
OPT_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
OPT_cov     := -O0 -g --coverage
OPT_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
# -Wnull-dereference follows inlined paths that the sanitizers' own checks create.
WARN_asan := -Wno-null-dereference -Wframe-larger-than=65536
WARN_cov  := $(WARN_asan)
WARN_fuzz := $(WARN_asan)
# Packed: the message descriptors alone are 3000 relative relocations of 24 bytes.
LD_release := -Wl,--gc-sections,-z,pack-relative-relocs
LD_asan    := -fsanitize=address,undefined
LD_cov     := --coverage
LD_fuzz    := -fsanitize=address,undefined
HARD_LD    := -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed

VERSION := $(shell cat VERSION)
# gnu17 predefines linux as 1, and an OCI message has a field of that name.
CPPFLAGS += -Ulinux -I. -isystem $(GEN) -DPITH_VERSION='"$(VERSION)"'
ALL_CFLAGS := $(STD) $(WARN) $(WARN_$(MODE)) $(HARD) $(OPT_$(MODE)) $(CFLAGS)
ALL_LDFLAGS := $(OPT_$(MODE)) $(HARD_LD) $(LD_$(MODE)) $(LDFLAGS)

LIBS :=
PROGS :=
PROTOS :=
TORTURE :=
INSTALL_BIN :=
INSTALL_LIBEXEC :=
INSTALL_MAN :=
INSTALL_COMPLETION :=
include $(sort $(wildcard */build.mk */*/build.mk))

PB_C := $(PROTOS:%.proto=$(GEN)/%.pb-c.c)
PB_H := $(PB_C:.c=.h)
OBJ_proto := $(PROTOS:%.proto=$(O)/gen/%.pb-c.o)

DEPFILES := $(foreach l,$(LIBS),$($(l)_SRC:%.c=$(O)/%.d)) $(foreach p,$(PROGS),$($(p)_SRC:%.c=$(O)/%.d))
TESTS := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(wildcard tests/unit/test_*.c))
FUZZERS := $(patsubst fuzz/%.c,%,$(wildcard fuzz/fuzz_*.c))

$(O)/%.o: %.c | $(PB_H)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(CPPFLAGS) $(CFLAGS_$*) -include base/banned.h -MMD -MP -c $< -o $@

# Generated code is not ours to warn about.
$(O)/gen/%.o: $(GEN)/%.c | $(PB_H)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(STD) -w $(HARD) $(OPT_$(MODE)) $(CPPFLAGS) -c $< -o $@

$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h: %.proto
	@mkdir -p $(GEN)
	@echo "  PROTO $@"
	$(Q)protoc-c --c_out=$(GEN) -I. $<

$(O)/libproto.a: $(OBJ_proto)
	@rm -f $@
	@echo "  AR    $@"
	$(Q)$(AR) rcs $@ $^

define lib_rule
$(O)/lib$(1).a: $$($(1)_SRC:%.c=$(O)/%.o)
	@rm -f $$@
	@echo "  AR    $$@"
	$$(Q)$$(AR) rcs $$@ $$^
endef
$(foreach l,$(filter-out proto,$(LIBS)),$(eval $(call lib_rule,$(l))))

pkgs = $(if $(1),$(shell pkg-config --libs $(1)))
define prog_rule
$(O)/bin/$(1): $$($(1)_SRC:%.c=$(O)/%.o) $$($(1)_LIBS:%=$(O)/lib%.a)
	@mkdir -p $$(@D)
	@echo "  CC    $$@"
	$$(Q)$$(CC) $$(if $$($(1)_STATIC),-static,$$(if $$(filter release,$$(MODE)),-pie)) $$(ALL_LDFLAGS) -o $$@ $$($(1)_SRC:%.c=$(O)/%.o) \
		-Wl,--start-group $$($(1)_LIBS:%=$(O)/lib%.a) -Wl,--end-group $$(call pkgs,$$(sort $$($(1)_PKGS) $$(foreach l,$$($(1)_LIBS),$$($$(l)_PKGS)))) $$($(1)_LDLIBS)
endef

# musl sees the kernel's headers only after its own.
MUSL_CC ?= musl-gcc
MUSL_CFLAGS := $(STD) $(WARN_ANY) $(HARD) $(NO_UNWIND) -Os -flto -ffat-lto-objects $(CPPFLAGS) \
	-idirafter /usr/include -idirafter /usr/include/$(shell gcc -dumpmachine)
MUSL_OBJS = $(foreach p,$(PROGS),$(if $($(p)_MUSL),$(call musl_objs,$(p))))
musl_objs = $(patsubst %.c,build/musl/%.o,$($(1)_SRC) $(foreach l,$($(1)_LIBS),$(filter-out $($(l)_MUSL_SKIP),$($(l)_SRC))))
build/musl/%.o: %.c
	@mkdir -p $(@D)
	@echo "  MUSL  $@"
	$(Q)$(MUSL_CC) $(MUSL_CFLAGS) -include base/banned.h -MMD -MP -c $< -o $@
define musl_rule
$(O)/bin/$(1): $(call musl_objs,$(1))
	@mkdir -p $$(@D)
	@echo "  MUSL  $$@"
	$$(Q)$(MUSL_CC) -static -Os -flto -Wl,--gc-sections,-z,relro,-z,now,-z,noexecstack -o $$@ $$^
endef
$(foreach p,$(PROGS),$(eval $(if $($(p)_MUSL),$(call musl_rule,$(p)),$(call prog_rule,$(p)))))
BINS := $(PROGS:%=$(O)/bin/%)
ifeq ($(MODE),release)
ALL_CFLAGS += $(if $(findstring init/,$*),,-fPIE)
endif

# Unit tests may see every library of ours; the archive rule takes only what each one uses.
ALL_LIBS := $(sort $(LIBS))
ALL_PKGS := $(sort $(foreach x,$(PROGS) $(LIBS),$($(x)_PKGS)))
WRAP := $(foreach f,malloc calloc realloc reallocarray strdup strndup,-Wl,--wrap=$(f))
$(O)/tests/unit/%: $(O)/tests/unit/%.o $(O)/tests/test_main.o $(O)/tests/torture.o $(ALL_LIBS:%=$(O)/lib%.a)
	@echo "  CC    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(O)/tests/test_main.o $(LDFLAGS_$*) \
		$(if $(filter $*,$(TORTURE)),$(O)/tests/torture.o $(WRAP)) \
		-Wl,--start-group $(ALL_LIBS:%=$(O)/lib%.a) -Wl,--end-group $(call pkgs,$(ALL_PKGS)) -lcmocka

# A fuzz target is one LLVMFuzzerTestOneInput; with the plain main it replays its corpus.
$(O)/fuzz/%: $(O)/fuzz/%.o $(if $(filter fuzz,$(MODE)),,$(O)/fuzz/replay_main.o) $(ALL_LIBS:%=$(O)/lib%.a)
	@echo "  CC    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) $(if $(filter fuzz,$(MODE)),-fsanitize=fuzzer) -o $@ \
		$(filter %.o,$^) -Wl,--start-group $(ALL_LIBS:%=$(O)/lib%.a) -Wl,--end-group $(call pkgs,$(ALL_PKGS))

.PHONY: all libs progs tests deps check check-asan fuzzers fuzz-replay test demo bench install lint format clean help
all: $(BINS) libs
libs: $(ALL_LIBS:%=$(O)/lib%.a)
progs: $(BINS)
tests: $(TESTS)
fuzzers: $(FUZZERS:%=$(O)/fuzz/%)

check: all tests ## build everything and run the unit tests
	@tests/run-unit.sh $(O)

check-asan: ## the same under address and undefined-behaviour sanitizers
	@$(MAKE) --no-print-directory MODE=asan check

fuzz-replay: fuzzers ## run every fuzz target over its committed corpus
	@tests/run-fuzz.sh $(O)

deps: ## install the Debian packages that are missing
	@./deps.sh

test: deps ## every layer of tests, VMs included
	@tests/run-all.sh

# The recipes of these are in scripts of the folders that know how; built first, always in release.
demo: deps ## boot the guest, run a confined container in it, show what it sees
	@$(MAKE) --no-print-directory MODE=release all initrd
	@vmm/demo.sh build/release

bench: deps ## measure; ratios against floors of the same machine
	@$(MAKE) --no-print-directory MODE=release all initrd
	@bench/run.sh build/release

# INSTALL_BIN, INSTALL_LIBEXEC (programs), INSTALL_MAN and INSTALL_COMPLETION (files) come from build.mk.
PREFIX ?= /usr/local
SHARE = $(DESTDIR)$(PREFIX)/share
install: all ## the host's programs, manual pages and completion, under DESTDIR and PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/pith
	$(foreach p,$(INSTALL_BIN),install -m 755 $(O)/bin/$(p) $(DESTDIR)$(PREFIX)/bin/;)
	$(foreach p,$(INSTALL_LIBEXEC),install -m 755 $(O)/bin/$(p) $(DESTDIR)$(PREFIX)/libexec/pith/;)
	$(foreach m,$(INSTALL_MAN),install -D -m 644 $(m) $(SHARE)/man/man$(subst .,,$(suffix $(m)))/$(notdir $(m));)
	$(foreach c,$(INSTALL_COMPLETION),install -D -m 644 $(c) $(SHARE)/bash-completion/completions/$(notdir $(c));)

lint: all ## format, clang-tidy, cppcheck and the house rules
	@O=$(O) tests/lint/all.sh

format: ## rewrite the tree in the house format
	@git ls-files '*.c' '*.h' | xargs clang-format-14 -i

clean: ## remove everything built
	rm -rf build

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 16

-include $(MUSL_OBJS:.o=.d) $(DEPFILES) $(TESTS:%=%.d) $(FUZZERS:%=$(O)/fuzz/%.d)
