/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the accelerator and measures the clock that TCG guests share with the host. */
#include "vmm/accel.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/str.h"
#include "vmm/paths.h"
#include "vmm/spawn.h"
#include "vmm/state.h"

#define PROBE_MS    2000 /* a working KVM needs a tenth of it: measured */
#define CPUINFO_MAX 65536
#define TSC_NS      20000000ULL

const char *vmm_accel_hint(const char *cpuinfo, bool has_pvm, bool has_vendor_module)
{
	const char *flags = strstr(cpuinfo, "\nflags");
	const char *end = flags != NULL ? strchr(flags + 1, '\n') : NULL;
	char line[4096];
	size_t n;

	if (has_pvm && !has_vendor_module)
		return "the host's KVM is a paravirtual one";
	if (flags == NULL)
		return NULL;
	n = end != NULL ? (size_t)(end - flags) : strlen(flags);
	if (n + 2 > sizeof(line))
		return NULL;
	memcpy(line, flags, n);
	memcpy(line + n, " ", 2);
	if (strstr(line, " vmx ") == NULL && strstr(line, " svm ") == NULL)
		return "the CPU shows neither vmx nor svm";
	return NULL;
}

static const char *hint(void)
{
	cleanup_free char *cpuinfo = calloc(1, CPUINFO_MAX);
	cleanup_close int fd = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);

	/* Many CPUs make a long file; the first one's lines are enough. */
	if (cpuinfo == NULL || fd < 0 || fd_read_full(fd, cpuinfo, CPUINFO_MAX - 1) < 0)
		return "the CPU is unknown";
	return vmm_accel_hint(cpuinfo, access("/sys/module/kvm_pvm", F_OK) == 0,
			      access("/sys/module/kvm_intel", F_OK) == 0 ||
				      access("/sys/module/kvm_amd", F_OK) == 0);
}

/* What the answer depends on besides the boot, whose end clears /run. */
static int cache_key(const struct vmm_paths *p, char *buf, size_t size)
{
	struct stat k, q;
	int n;

	if (stat(p->kernel, &k) < 0 || stat(p->qemu, &q) < 0)
		return -errno;
	n = snprintf(buf, size, "%llx-%llx-%llx-%llx-%llx", (unsigned long long)k.st_ino,
		     (unsigned long long)k.st_size, (unsigned long long)k.st_mtime,
		     (unsigned long long)q.st_size, (unsigned long long)q.st_mtime);
	return n > 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

static int cache_path(const struct vmm_paths *p, char ret[static VMM_PATH_MAX])
{
	char key[128];
	int n;

	if (cache_key(p, key, sizeof(key)) < 0)
		return -ENOENT;
	n = snprintf(ret, VMM_PATH_MAX, "%s/kvm-%s", vmm_run_dir(), key);
	return n > 0 && n < VMM_PATH_MAX ? 0 : -ENAMETOOLONG;
}

static void remember(const struct vmm_paths *p, bool works)
{
	char path[VMM_PATH_MAX];
	cleanup_close int fd = -EBADF;

	if (cache_path(p, path) < 0 || path_mkdir_all(vmm_run_dir(), 0755) < 0)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	/* A cache that cannot be written costs a trial the next time. */
	if (fd >= 0 && fd_write_full(fd, works ? "yes\n" : "no\n", works ? 4 : 3) < 0)
		return;
}

/* Return: 1 yes, 0 no, -1 unknown. */
static int recall(const struct vmm_paths *p)
{
	char path[VMM_PATH_MAX], text[8];

	if (cache_path(p, path) < 0 || fd_read_line(AT_FDCWD, path, text, sizeof(text)) < 0)
		return -1;
	return streq(text, "yes") ? 1 : 0;
}

void vmm_accel_mark_bad(const struct vmm_paths *p)
{
	remember(p, false);
}

/* Boots the real kernel, without a root, until its first console byte. */
static bool trial(const struct vmm_paths *p)
{
	static const char *const words[] = {"qemu",
					    "-accel",
					    "kvm",
					    "-cpu",
					    "host",
					    "-M",
					    "q35",
					    "-m",
					    "128",
					    "-nodefaults",
					    "-no-user-config",
					    "-display",
					    "none",
					    "-no-reboot",
					    "-serial",
					    "stdio",
					    "-append",
					    "earlyprintk=ttyS0 console=ttyS0 panic=-1",
					    "-kernel"};
	char *argv[ARRAY_LEN(words) + 2] = {0};
	struct vmm_spawn s = {.path = p->qemu, .argv = argv, .in_fd = -EBADF, .out_fd = -EBADF};
	cleanup_close int in = -EBADF, out = -EBADF;
	struct pollfd pfd = {.events = POLLIN};
	struct pidref ref;
	struct err e = {0};
	bool works = false;
	char c;
	int pipes[2];

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		argv[i] = strdup(words[i]);
	argv[ARRAY_LEN(words)] = strdup(p->kernel);
	if (pipe2(pipes, O_CLOEXEC) == 0) {
		in = pipes[0];
		out = s.out_fd = pipes[1];
		if (vmm_spawn(&s, &ref, &e) == 0) {
			(void)fd_close(TAKE_FD(out));
			pfd.fd = in;
			/* QEMU's own complaints come through the same pipe, but it then exits: with an
			 * exit before the first byte of a kernel the text is "qemu...", never "[". */
			works = poll(&pfd, 1, PROBE_MS) == 1 && read(in, &c, 1) == 1 &&
				(c == '[' || c == '\r' || c == '\n' || c == 'L');
			vmm_ignore(pidref_kill(&ref, SIGKILL));
			vmm_ignore(pidref_wait(&ref));
			pidref_done(&ref);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(argv); i++)
		free(argv[i]);
	return works;
}

bool vmm_accel_choose(enum vmm_accel wanted, const struct vmm_paths *p, char *why, size_t size)
{
	const char *no;
	int known;

	if (wanted != VMM_ACCEL_AUTO) {
		(void)str_copy(why, size, "asked for");
		return wanted == VMM_ACCEL_KVM;
	}
	no = access("/dev/kvm", R_OK | W_OK) < 0 ? "no usable /dev/kvm" : hint();
	if (no != NULL) {
		(void)str_copy(why, size, no);
		return false;
	}
	known = recall(p);
	if (known < 0) {
		known = trial(p);
		remember(p, known != 0);
	}
	(void)str_copy(why, size, known != 0 ? "a kernel boots on KVM" : "no kernel boots on KVM");
	return known != 0;
}

#if defined(__x86_64__)
static uint64_t tsc(void)
{
	return __builtin_ia32_rdtsc();
}
#else
static uint64_t tsc(void)
{
	return 0;
}
#endif

static uint64_t raw_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint32_t vmm_tsc_khz(void)
{
	uint64_t n0 = raw_ns(), t0 = tsc(), n1, t1;

	do {
		n1 = raw_ns();
		t1 = tsc();
	} while (n1 - n0 < TSC_NS);
	return (uint32_t)((t1 - t0) * 1000000 / (n1 - n0));
}
