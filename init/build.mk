LIBS += init
init_SRC := init/cmdline.c init/early_mounts.c init/cgroups.c init/modules.c init/console.c \
	init/net_lo.c init/entropy.c init/clock.c init/probe.c init/harden.c init/hostname.c \
	init/fdstore.c init/supervise.c init/shutdown.c init/mountlist.c

PROGS += pith-init
pith-init_SRC := init/main.c
pith-init_LIBS := init base
pith-init_MUSL := 1
