/* SPDX-License-Identifier: Apache-2.0 */
/* Machine to argv. Each flag's reason and gain: docs/vm.md. */
#include "vmm/qemu_args.h"

#include <inttypes.h>

#include "base/str.h"

#define ARGS_MAX   96
#define APPEND_MAX 4096
#define MIB        (1024ULL * 1024)
/* Both guest kernels tick at this rate; lpj= would be wrong with another. */
#define GUEST_HZ 250
/* Room to plug: memory up to four times the start value, CPUs up to four, two spare PCIe ports. */
#define MAXMEM_FACTOR 4
#define MEM_SLOTS     8
#define PORTS         4

struct args {
	struct arena *a;
	char **v;
	size_t n;
	bool failed;
};

static void add_text(struct args *x, char *text)
{
	if (text == NULL || x->n == ARGS_MAX) {
		x->failed = true;
		return;
	}
	x->v[x->n++] = text;
}

static void add(struct args *x, const char *text)
{
	add_text(x, arena_dup(x->a, text));
}

static void add2(struct args *x, const char *option, char *value)
{
	add(x, option);
	add_text(x, value);
}

static char *kernel_words(const struct vmm_machine *m, struct arena *a)
{
	cleanup_str struct str s = STR_INIT(APPEND_MAX);

	(void)str_add(&s, "console=ttyS0 panic=-1 reboot=t rcupdate.rcu_expedited=1");
	if (m->kvm) {
		/* Not quiet: the first console byte is the watchdog's sign of life. */
		(void)str_add(&s, " tsc=reliable earlyprintk=ttyS0 loglevel=5");
	} else {
		(void)str_add(&s, " quiet mitigations=off no_timer_check cryptomgr.notests");
		(void)str_add(&s, " lapic_timer_khz=1000000");
		if (m->cpus == 1)
			(void)str_add(&s, " noreplace-smp");
		/*
		 * Under TCG the guest reads the host's counter. A guess would skew its clock.
		 * Without lpj= a CPU plugged in later calibrates its delay loop for 1.5 s.
		 */
		if (m->tsc_khz != 0)
			(void)str_addf(&s, " tsc=reliable tsc_early_khz=%" PRIu32 " lpj=%" PRIu64,
				       m->tsc_khz, (uint64_t)m->tsc_khz * 1000 / GUEST_HZ);
	}
	(void)str_addf(&s, " systemd.unified_cgroup_hierarchy=%d", m->cgroup_v1 ? 0 : 1);
	/* Before --append, so that a caller can turn it off: of a repeated word the last counts. */
	(void)str_add(&s, " agent.seccomp_default=true");
	if (m->debug_console)
		(void)str_add(&s, " agent.debug_console agent.debug_console_vport=1026");
	if (m->append != NULL)
		(void)str_addf(&s, " %s", m->append);
	return str_check(&s) < 0 ? NULL : arena_dup(a, str_text(&s));
}

static void add_machine(struct args *x, const struct vmm_machine *m)
{
	uint64_t mib = m->memory / MIB;
	uint32_t max_cpus = MAX(m->cpus, 4U);

	add2(x, "-machine",
	     arena_printf(
		     x->a,
		     "q35,memory-backend=ram0,sata=off,smbus=off,vmport=off,smm=off,i8042=off%s",
		     m->kvm ? ",hpet=off" : ""));
	add2(x, "-accel", arena_dup(x->a, m->kvm ? "kvm" : "tcg"));
	/* With ERMS the guest copies by "rep movsb", which TCG carries out byte by byte. */
	add2(x, "-cpu", arena_dup(x->a, m->kvm ? "host" : "max,-erms"));
	add2(x, "-smp",
	     arena_printf(x->a,
			  "%" PRIu32 ",sockets=%" PRIu32 ",cores=1,threads=1,maxcpus=%" PRIu32,
			  m->cpus, max_cpus, max_cpus));
	add2(x, "-m",
	     arena_printf(x->a, "%" PRIu64 "M,slots=%d,maxmem=%" PRIu64 "M", mib, MEM_SLOTS,
			  mib * MAXMEM_FACTOR));
	/* vhost-user devices are silently dead unless the memory is shared and has an fd. */
	add2(x, "-object",
	     arena_printf(x->a, "memory-backend-memfd,id=ram0,size=%" PRIu64 "M,share=on", mib));
	add2(x, "-bios", arena_dup(x->a, "qboot.rom"));
	add(x, "-nodefaults");
	add(x, "-no-user-config");
	add2(x, "-display", arena_dup(x->a, "none"));
	add(x, "-no-reboot");
}

static void add_devices(struct args *x, const struct vmm_machine *m)
{
	add2(x, "-chardev", arena_printf(x->a, "socket,id=con0,fd=%d", m->console_fd));
	add2(x, "-serial", arena_dup(x->a, "chardev:con0"));
	add2(x, "-chardev",
	     arena_printf(x->a, "socket,id=qmp0,fd=%d,server=on,wait=off", m->qmp_fd));
	add2(x, "-mon", arena_dup(x->a, "chardev=qmp0,mode=control"));
	/* Ports first in the bus: their numbers stay when devices are added. */
	for (int i = 0; i < PORTS; i++)
		add2(x, "-device",
		     arena_printf(x->a, "pcie-root-port,id=rp%d,chassis=%d,slot=%d", i, i + 1,
				  i + 1));
	add2(x, "-chardev", arena_printf(x->a, "socket,id=vs0,fd=%d", m->vsock_fd));
	add2(x, "-device", arena_dup(x->a, "vhost-user-vsock-pci,id=vsock0,chardev=vs0"));
	add2(x, "-chardev", arena_printf(x->a, "socket,id=fs0,fd=%d", m->fs_fd));
	add2(x, "-device", arena_dup(x->a, "vhost-user-fs-pci,id=fs0,chardev=fs0,tag=" VMM_FS_TAG));
	add2(x, "-object", arena_dup(x->a, "rng-builtin,id=rng0"));
	add2(x, "-device", arena_dup(x->a, "virtio-rng-pci,rng=rng0"));
}

char **vmm_qemu_args(const struct vmm_machine *m, struct arena *a)
{
	struct args x = {.a = a, .v = arena_array(a, ARGS_MAX + 1, sizeof(char *))};

	if (x.v == NULL)
		return NULL;
	add(&x, m->qemu);
	add_machine(&x, m);
	add_devices(&x, m);
	add2(&x, "-kernel", arena_dup(a, m->kernel));
	add2(&x, "-initrd", arena_dup(a, m->initrd));
	add2(&x, "-append", kernel_words(m, a));
	if (m->seccomp)
		add2(&x, "-sandbox",
		     arena_dup(
			     a,
			     "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"));
	return x.failed ? NULL : x.v;
}
