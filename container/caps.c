/* SPDX-License-Identifier: Apache-2.0 */
/* Names, bits and sets of capabilities. Changes no process: the child does that. */
#include "container/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <strings.h>
#include <sys/prctl.h>

#include "base/str.h"
#include "container/spec.h"

/* By number, see capabilities(7). */
static const char *const cap_names[] = {
	[CAP_CHOWN] = "CAP_CHOWN",
	[CAP_DAC_OVERRIDE] = "CAP_DAC_OVERRIDE",
	[CAP_DAC_READ_SEARCH] = "CAP_DAC_READ_SEARCH",
	[CAP_FOWNER] = "CAP_FOWNER",
	[CAP_FSETID] = "CAP_FSETID",
	[CAP_KILL] = "CAP_KILL",
	[CAP_SETGID] = "CAP_SETGID",
	[CAP_SETUID] = "CAP_SETUID",
	[CAP_SETPCAP] = "CAP_SETPCAP",
	[CAP_LINUX_IMMUTABLE] = "CAP_LINUX_IMMUTABLE",
	[CAP_NET_BIND_SERVICE] = "CAP_NET_BIND_SERVICE",
	[CAP_NET_BROADCAST] = "CAP_NET_BROADCAST",
	[CAP_NET_ADMIN] = "CAP_NET_ADMIN",
	[CAP_NET_RAW] = "CAP_NET_RAW",
	[CAP_IPC_LOCK] = "CAP_IPC_LOCK",
	[CAP_IPC_OWNER] = "CAP_IPC_OWNER",
	[CAP_SYS_MODULE] = "CAP_SYS_MODULE",
	[CAP_SYS_RAWIO] = "CAP_SYS_RAWIO",
	[CAP_SYS_CHROOT] = "CAP_SYS_CHROOT",
	[CAP_SYS_PTRACE] = "CAP_SYS_PTRACE",
	[CAP_SYS_PACCT] = "CAP_SYS_PACCT",
	[CAP_SYS_ADMIN] = "CAP_SYS_ADMIN",
	[CAP_SYS_BOOT] = "CAP_SYS_BOOT",
	[CAP_SYS_NICE] = "CAP_SYS_NICE",
	[CAP_SYS_RESOURCE] = "CAP_SYS_RESOURCE",
	[CAP_SYS_TIME] = "CAP_SYS_TIME",
	[CAP_SYS_TTY_CONFIG] = "CAP_SYS_TTY_CONFIG",
	[CAP_MKNOD] = "CAP_MKNOD",
	[CAP_LEASE] = "CAP_LEASE",
	[CAP_AUDIT_WRITE] = "CAP_AUDIT_WRITE",
	[CAP_AUDIT_CONTROL] = "CAP_AUDIT_CONTROL",
	[CAP_SETFCAP] = "CAP_SETFCAP",
	[CAP_MAC_OVERRIDE] = "CAP_MAC_OVERRIDE",
	[CAP_MAC_ADMIN] = "CAP_MAC_ADMIN",
	[CAP_SYSLOG] = "CAP_SYSLOG",
	[CAP_WAKE_ALARM] = "CAP_WAKE_ALARM",
	[CAP_BLOCK_SUSPEND] = "CAP_BLOCK_SUSPEND",
	[CAP_AUDIT_READ] = "CAP_AUDIT_READ",
	[CAP_PERFMON] = "CAP_PERFMON",
	[CAP_BPF] = "CAP_BPF",
	[CAP_CHECKPOINT_RESTORE] = "CAP_CHECKPOINT_RESTORE",
};

const uint64_t ctr_cap_default_set =
	CTR_CAP_BIT(CAP_CHOWN) | CTR_CAP_BIT(CAP_DAC_OVERRIDE) | CTR_CAP_BIT(CAP_FSETID) |
	CTR_CAP_BIT(CAP_FOWNER) | CTR_CAP_BIT(CAP_MKNOD) | CTR_CAP_BIT(CAP_NET_RAW) |
	CTR_CAP_BIT(CAP_SETGID) | CTR_CAP_BIT(CAP_SETUID) | CTR_CAP_BIT(CAP_SETFCAP) |
	CTR_CAP_BIT(CAP_SETPCAP) | CTR_CAP_BIT(CAP_NET_BIND_SERVICE) | CTR_CAP_BIT(CAP_SYS_CHROOT) |
	CTR_CAP_BIT(CAP_KILL) | CTR_CAP_BIT(CAP_AUDIT_WRITE);

int ctr_cap_parse(const char *name, unsigned *ret_bit)
{
	const size_t prefix = sizeof("CAP_") - 1;

	if (strncasecmp(name, "CAP_", prefix) == 0)
		name += prefix;

	for (unsigned i = 0; i < ARRAY_LEN(cap_names); i++) {
		if (strcasecmp(name, cap_names[i] + prefix) == 0) {
			*ret_bit = i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *ctr_cap_name(unsigned bit)
{
	return bit < ARRAY_LEN(cap_names) ? cap_names[bit] : NULL;
}

unsigned ctr_cap_last(void)
{
	static unsigned count;

	while (count < 64 && prctl(PR_CAPBSET_READ, count, 0, 0, 0) >= 0)
		count++;
	return count > 0 ? count - 1 : 0;
}

uint64_t ctr_cap_set_parse(const struct ctr_strv *names, char *unknown, size_t size)
{
	uint64_t set = 0;
	size_t used = 0;
	unsigned bit;

	if (unknown != NULL && size > 0)
		unknown[0] = '\0';

	for (size_t i = 0; i < names->n; i++) {
		if (ctr_cap_parse(names->v[i], &bit) == 0 && bit <= ctr_cap_last()) {
			set |= CTR_CAP_BIT(bit);
			continue;
		}
		if (unknown != NULL && used < size) {
			int n = snprintf(unknown + used, size - used, "%s%s", used > 0 ? "," : "",
					 names->v[i]);

			used += n > 0 ? (size_t)n : 0;
		}
	}
	return set;
}
