/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built-in profile: an allow list, everything else EPERM. Which calls are in it follows what
 * containerd and Docker give by default, so images that run there run here. Data and the choice by
 * capability; compiled like any other profile.
 */
#include "container/seccomp.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "container/caps.h"
#include "container/spec.h"

#define ALLOW "SCMP_ACT_ALLOW"

/* Every CLONE_NEW* flag but CLONE_NEWTIME, whose bit belongs to clone's exit signal: clone(2). */
#define CLONE_NS_FLAGS UINT64_C(0x7e020000)

/* s390 takes clone's first two arguments in the other order: clone(2), "C library/kernel". */
#if defined(__s390__)
#	define CLONE_FLAGS_ARG 1
#else
#	define CLONE_FLAGS_ARG 0
#endif

static const char *const base_names[] = {
	"_llseek",
	"_newselect",
	"accept",
	"accept4",
	"access",
	"adjtimex",
	"alarm",
	"bind",
	"brk",
	"cachestat",
	"capget",
	"capset",
	"chdir",
	"chmod",
	"chown",
	"chown32",
	"clock_adjtime",
	"clock_adjtime64",
	"clock_getres",
	"clock_getres_time64",
	"clock_gettime",
	"clock_gettime64",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"close",
	"close_range",
	"connect",
	"copy_file_range",
	"creat",
	"dup",
	"dup2",
	"dup3",
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_ctl_old",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_wait",
	"epoll_wait_old",
	"eventfd",
	"eventfd2",
	"execve",
	"execveat",
	"exit",
	"exit_group",
	"faccessat",
	"faccessat2",
	"fadvise64",
	"fadvise64_64",
	"fallocate",
	"fanotify_mark",
	"fchdir",
	"fchmod",
	"fchmodat",
	"fchmodat2",
	"fchown",
	"fchown32",
	"fchownat",
	"fcntl",
	"fcntl64",
	"fdatasync",
	"fgetxattr",
	"flistxattr",
	"flock",
	"fork",
	"fremovexattr",
	"fsetxattr",
	"fstat",
	"fstat64",
	"fstatat64",
	"fstatfs",
	"fstatfs64",
	"fsync",
	"ftruncate",
	"ftruncate64",
	"futex",
	"futex_requeue",
	"futex_time64",
	"futex_wait",
	"futex_waitv",
	"futex_wake",
	"futimesat",
	"get_robust_list",
	"get_thread_area",
	"getcpu",
	"getcwd",
	"getdents",
	"getdents64",
	"getegid",
	"getegid32",
	"geteuid",
	"geteuid32",
	"getgid",
	"getgid32",
	"getgroups",
	"getgroups32",
	"getitimer",
	"getpeername",
	"getpgid",
	"getpgrp",
	"getpid",
	"getppid",
	"getpriority",
	"getrandom",
	"getresgid",
	"getresgid32",
	"getresuid",
	"getresuid32",
	"getrlimit",
	"getrusage",
	"getsid",
	"getsockname",
	"getsockopt",
	"gettid",
	"gettimeofday",
	"getuid",
	"getuid32",
	"getxattr",
	"getxattrat",
	"inotify_add_watch",
	"inotify_init",
	"inotify_init1",
	"inotify_rm_watch",
	"io_cancel",
	"io_destroy",
	"io_getevents",
	"io_pgetevents",
	"io_pgetevents_time64",
	"io_setup",
	"io_submit",
	"ioctl",
	"ioprio_get",
	"ioprio_set",
	"ipc",
	"kill",
	"landlock_add_rule",
	"landlock_create_ruleset",
	"landlock_restrict_self",
	"lchown",
	"lchown32",
	"lgetxattr",
	"link",
	"linkat",
	"listen",
	"listxattr",
	"listxattrat",
	"llistxattr",
	"lremovexattr",
	"lseek",
	"lsetxattr",
	"lstat",
	"lstat64",
	"madvise",
	"map_shadow_stack",
	"membarrier",
	"memfd_create",
	"memfd_secret",
	"mincore",
	"mkdir",
	"mkdirat",
	"mknod",
	"mknodat",
	"mlock",
	"mlock2",
	"mlockall",
	"mmap",
	"mmap2",
	"mprotect",
	"mq_getsetattr",
	"mq_notify",
	"mq_open",
	"mq_timedreceive",
	"mq_timedreceive_time64",
	"mq_timedsend",
	"mq_timedsend_time64",
	"mq_unlink",
	"mremap",
	"mseal",
	"msgctl",
	"msgget",
	"msgrcv",
	"msgsnd",
	"msync",
	"munlock",
	"munlockall",
	"munmap",
	"name_to_handle_at",
	"nanosleep",
	"newfstatat",
	"open",
	"openat",
	"openat2",
	"pause",
	"pidfd_open",
	"pidfd_send_signal",
	"pipe",
	"pipe2",
	"pkey_alloc",
	"pkey_free",
	"pkey_mprotect",
	"poll",
	"ppoll",
	"ppoll_time64",
	"prctl",
	"pread64",
	"preadv",
	"preadv2",
	"prlimit64",
	"process_mrelease",
	"process_vm_readv",
	"process_vm_writev",
	"pselect6",
	"pselect6_time64",
	"ptrace",
	"pwrite64",
	"pwritev",
	"pwritev2",
	"read",
	"readahead",
	"readlink",
	"readlinkat",
	"readv",
	"recv",
	"recvfrom",
	"recvmmsg",
	"recvmmsg_time64",
	"recvmsg",
	"remap_file_pages",
	"removexattr",
	"removexattrat",
	"rename",
	"renameat",
	"renameat2",
	"restart_syscall",
	"rmdir",
	"rseq",
	"rt_sigaction",
	"rt_sigpending",
	"rt_sigprocmask",
	"rt_sigqueueinfo",
	"rt_sigreturn",
	"rt_sigsuspend",
	"rt_sigtimedwait",
	"rt_sigtimedwait_time64",
	"rt_tgsigqueueinfo",
	"sched_get_priority_max",
	"sched_get_priority_min",
	"sched_getaffinity",
	"sched_getattr",
	"sched_getparam",
	"sched_getscheduler",
	"sched_rr_get_interval",
	"sched_rr_get_interval_time64",
	"sched_setaffinity",
	"sched_setattr",
	"sched_setparam",
	"sched_setscheduler",
	"sched_yield",
	"seccomp",
	"select",
	"semctl",
	"semget",
	"semop",
	"semtimedop",
	"semtimedop_time64",
	"send",
	"sendfile",
	"sendfile64",
	"sendmmsg",
	"sendmsg",
	"sendto",
	"set_robust_list",
	"set_thread_area",
	"set_tid_address",
	"setfsgid",
	"setfsgid32",
	"setfsuid",
	"setfsuid32",
	"setgid",
	"setgid32",
	"setgroups",
	"setgroups32",
	"setitimer",
	"setpgid",
	"setpriority",
	"setregid",
	"setregid32",
	"setresgid",
	"setresgid32",
	"setresuid",
	"setresuid32",
	"setreuid",
	"setreuid32",
	"setrlimit",
	"setsid",
	"setsockopt",
	"setuid",
	"setuid32",
	"setxattr",
	"setxattrat",
	"shmat",
	"shmctl",
	"shmdt",
	"shmget",
	"shutdown",
	"sigaltstack",
	"signalfd",
	"signalfd4",
	"sigprocmask",
	"sigreturn",
	"socketpair",
	"splice",
	"stat",
	"stat64",
	"statfs",
	"statfs64",
	"statx",
	"symlink",
	"symlinkat",
	"sync",
	"sync_file_range",
	"syncfs",
	"sysinfo",
	"tee",
	"tgkill",
	"time",
	"timer_create",
	"timer_delete",
	"timer_getoverrun",
	"timer_gettime",
	"timer_gettime64",
	"timer_settime",
	"timer_settime64",
	"timerfd_create",
	"timerfd_gettime",
	"timerfd_gettime64",
	"timerfd_settime",
	"timerfd_settime64",
	"times",
	"tkill",
	"truncate",
	"truncate64",
	"ugetrlimit",
	"umask",
	"uname",
	"unlink",
	"unlinkat",
	"uretprobe",
	"utime",
	"utimensat",
	"utimensat_time64",
	"utimes",
	"vfork",
	"vmsplice",
	"wait4",
	"waitid",
	"waitpid",
	"write",
	"writev",
};

/* What only this machine has, and the ABIs that its kernel also runs. */
#if defined(__x86_64__)
static const char *const machine_names[] = {
	"arch_prctl",
	"modify_ldt",
};
static const char *machine_archs[] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", NULL};
#elif defined(__aarch64__)
static const char *const machine_names[] = {
	"arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush",
	"set_tls",          "sync_file_range2",
};
static const char *machine_archs[] = {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", NULL};
#elif defined(__powerpc64__)
static const char *const machine_names[] = {
	"swapcontext",
	"sync_file_range2",
};
static const char *machine_archs[] = {"SCMP_ARCH_PPC64LE", NULL};
#elif defined(__s390x__)
static const char *const machine_names[] = {
	"s390_pci_mmio_read",
	"s390_pci_mmio_write",
	"s390_runtime_instr",
};
static const char *machine_archs[] = {"SCMP_ARCH_S390X", "SCMP_ARCH_S390", NULL};
#elif defined(__riscv)
static const char *const machine_names[] = {
	"riscv_flush_icache",
};
static const char *machine_archs[] = {"SCMP_ARCH_RISCV64", NULL};
#else
#	error "name the calls and ABIs of this machine"
#endif

static const char *const dac_read_search_names[] = {
	"open_by_handle_at",
};
static const char *const sys_admin_names[] = {
	"bpf",           "clone",         "clone3",      "fanotify_init",   "fsconfig",
	"fsmount",       "fsopen",        "fspick",      "lookup_dcookie",  "mount",
	"mount_setattr", "move_mount",    "open_tree",   "perf_event_open", "quotactl",
	"quotactl_fd",   "setdomainname", "sethostname", "setns",           "syslog",
	"umount",        "umount2",       "unshare",
};
static const char *const sys_boot_names[] = {
	"reboot",
};
static const char *const sys_chroot_names[] = {
	"chroot",
};
static const char *const sys_module_names[] = {
	"delete_module",
	"finit_module",
	"init_module",
};
static const char *const sys_pacct_names[] = {
	"acct",
};
static const char *const sys_ptrace_names[] = {
	"kcmp",
	"pidfd_getfd",
	"process_madvise",
};
static const char *const sys_rawio_names[] = {
	"ioperm",
	"iopl",
};
static const char *const sys_time_names[] = {
	"clock_settime",
	"clock_settime64",
	"settimeofday",
	"stime",
};
static const char *const sys_tty_config_names[] = {
	"vhangup",
};
static const char *const sys_nice_names[] = {
	"get_mempolicy",
	"mbind",
	"set_mempolicy",
	"set_mempolicy_home_node",
};
static const char *const syslog_names[] = {
	"syslog",
};
static const char *const bpf_names[] = {
	"bpf",
};
static const char *const perfmon_names[] = {
	"perf_event_open",
};

struct cap_group {
	unsigned cap;
	const char *const *names;
	size_t n;
};

#define CAP_GROUP(cap_, names_)                                                                    \
	{                                                                                          \
		.cap = (cap_), .names = (names_), .n = ARRAY_LEN(names_)                           \
	}

/* Calls that only a process with the capability may make. */
static const struct cap_group cap_groups[] = {
	CAP_GROUP(CAP_DAC_READ_SEARCH, dac_read_search_names),
	CAP_GROUP(CAP_SYS_ADMIN, sys_admin_names),
	CAP_GROUP(CAP_SYS_BOOT, sys_boot_names),
	CAP_GROUP(CAP_SYS_CHROOT, sys_chroot_names),
	CAP_GROUP(CAP_SYS_MODULE, sys_module_names),
	CAP_GROUP(CAP_SYS_PACCT, sys_pacct_names),
	CAP_GROUP(CAP_SYS_PTRACE, sys_ptrace_names),
	CAP_GROUP(CAP_SYS_RAWIO, sys_rawio_names),
	CAP_GROUP(CAP_SYS_TIME, sys_time_names),
	CAP_GROUP(CAP_SYS_TTY_CONFIG, sys_tty_config_names),
	CAP_GROUP(CAP_SYS_NICE, sys_nice_names),
	CAP_GROUP(CAP_SYSLOG, syslog_names),
	CAP_GROUP(CAP_BPF, bpf_names),
	CAP_GROUP(CAP_PERFMON, perfmon_names),
};

/* Linux, 32-bit Linux, UNAME26 and both; all ones only asks. No ADDR_NO_RANDOMIZE or READ_IMPLIES_EXEC. */
static const uint64_t personalities[] = {PER_LINUX, PER_LINUX32, UNAME26, PER_LINUX32 | UNAME26,
					 UINT32_MAX};

#define RULES_MAX (8 + ARRAY_LEN(personalities) + ARRAY_LEN(cap_groups))

struct built {
	struct ctr_seccomp profile;
	struct ctr_seccomp_rule rules[RULES_MAX];
	struct ctr_seccomp_arg args[RULES_MAX];
};

static struct ctr_seccomp_rule *add_rule(struct built *b, const char *const *names, size_t n,
					 const char *action)
{
	struct ctr_seccomp_rule *rule = &b->rules[b->profile.n_rules++];

	*rule = (struct ctr_seccomp_rule){
		/* The model's lists are not const at the outer level; nobody writes through it. */
		.names = {.v = (const char **)(uintptr_t)names, .n = n},
		.action = action,
		.errno_ret = CTR_UNSET,
	};
	return rule;
}

static void add_arg_rule(struct built *b, const char *const *name, const char *op, uint64_t value,
			 uint64_t index)
{
	struct ctr_seccomp_arg *arg = &b->args[b->profile.n_rules];
	struct ctr_seccomp_rule *rule = add_rule(b, name, 1, ALLOW);

	*arg = (struct ctr_seccomp_arg){.index = index, .value = value, .op = op};
	rule->args = arg;
	rule->n_args = 1;
}

struct ctr_seccomp *ctr_seccomp_default(uint64_t caps, struct arena *a)
{
	static const char *const socket_name[] = {"socket"};
	static const char *const personality_name[] = {"personality"};
	static const char *const clone_name[] = {"clone"};
	static const char *const clone3_name[] = {"clone3"};
	struct built *b = arena_alloc(a, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->profile = (struct ctr_seccomp){
		.default_action = "SCMP_ACT_ERRNO",
		.default_errno_ret = CTR_UNSET,
		.architectures = {.v = machine_archs, .n = ARRAY_LEN(machine_archs) - 1},
		.rules = b->rules,
	};

	add_rule(b, base_names, ARRAY_LEN(base_names), ALLOW);
	add_rule(b, machine_names, ARRAY_LEN(machine_names), ALLOW);
	/* A guest's vsock leads to its host. socketcall(2) of 32-bit programs passes the family behind
	 * a pointer, which no filter can follow: they keep it, or lose all networking. */
	add_arg_rule(b, socket_name, "SCMP_CMP_NE", AF_VSOCK, 0);
	for (size_t i = 0; i < ARRAY_LEN(personalities); i++)
		add_arg_rule(b, personality_name, "SCMP_CMP_EQ", personalities[i], 0);

	for (size_t i = 0; i < ARRAY_LEN(cap_groups); i++) {
		if (caps & CTR_CAP_BIT(cap_groups[i].cap))
			add_rule(b, cap_groups[i].names, cap_groups[i].n, ALLOW);
	}
	if (!(caps & CTR_CAP_BIT(CAP_SYS_ADMIN))) {
		/* value_two, what the masked flags must be, is 0. */
		add_arg_rule(b, clone_name, "SCMP_CMP_MASKED_EQ", CLONE_NS_FLAGS, CLONE_FLAGS_ARG);
		/* Its flags are behind a pointer: ENOSYS makes C libraries use clone. */
		add_rule(b, clone3_name, 1, "SCMP_ACT_ERRNO")->errno_ret = ENOSYS;
	}
	return &b->profile;
}
