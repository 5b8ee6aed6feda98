/* SPDX-License-Identifier: Apache-2.0 */
/* The properties of an OCI specification and their fields on the wire, one table a message. */
#include "agent-ctl/oci.h"
#include "base/cleanup.h"
#include "proto/oci.pb-c.h"

#define REFUSED(name)                                                                              \
	{                                                                                          \
		name, NULL, 0, 0                                                                   \
	}

static const struct actl_oci_name spec_names[] = {
	{"ociVersion", "Version", 0, 0},
	{"process", "Process", 0, 0},
	{"root", "Root", 0, 0},
	{"hostname", "Hostname", 0, 0},
	{"mounts", "Mounts", 0, 0},
	{"hooks", "Hooks", 0, 0},
	{"annotations", "Annotations", 0, 0},
	{"linux", "Linux", 0, 0},
	REFUSED("domainname"),
	REFUSED("vm"),
};

static const struct actl_oci_name process_names[] = {
	{"terminal", "Terminal", 0, 0},
	{"consoleSize", "ConsoleSize", 0, 0},
	{"user", "User", 0, 0},
	{"args", "Args", 0, 0},
	{"env", "Env", 0, 0},
	{"cwd", "Cwd", 0, 0},
	{"capabilities", "Capabilities", 0, 0},
	{"rlimits", "Rlimits", 0, 0},
	{"noNewPrivileges", "NoNewPrivileges", 0, 0},
	{"apparmorProfile", "ApparmorProfile", 0, 0},
	{"oomScoreAdj", "OOMScoreAdj", 0, 0},
	{"selinuxLabel", "SelinuxLabel", 0, 0},
	REFUSED("commandLine"),
	REFUSED("scheduler"),
	REFUSED("ioPriority"),
	REFUSED("execCPUAffinity"),
};

static const struct actl_oci_name box_names[] = {
	{"height", "Height", 0, 0},
	{"width", "Width", 0, 0},
};

/* The container's processes start with umask 022 anyway. */
static const struct actl_oci_name user_names[] = {
	{"uid", "UID", 0, 0},
	{"gid", "GID", 0, 0},
	{"additionalGids", "AdditionalGids", 0, 0},
	{"username", "Username", 0, 0},
	{"umask", NULL, ACTL_OCI_NOT_ZERO, 022},
};

static const struct actl_oci_name capability_names[] = {
	{"bounding", "Bounding", 0, 0},       {"effective", "Effective", 0, 0},
	{"inheritable", "Inheritable", 0, 0}, {"permitted", "Permitted", 0, 0},
	{"ambient", "Ambient", 0, 0},
};

static const struct actl_oci_name rlimit_names[] = {
	{"type", "Type", 0, 0},
	{"hard", "Hard", 0, 0},
	{"soft", "Soft", 0, 0},
};

static const struct actl_oci_name mount_names[] = {
	{"destination", "destination", 0, 0}, {"source", "source", 0, 0}, {"type", "type", 0, 0},
	{"options", "options", 0, 0},         REFUSED("uidMappings"),     REFUSED("gidMappings"),
};

static const struct actl_oci_name root_names[] = {
	{"path", "Path", 0, 0},
	{"readonly", "Readonly", 0, 0},
};

static const struct actl_oci_name hooks_names[] = {
	{"prestart", "Prestart", 0, 0},
	{"poststart", "Poststart", 0, 0},
	{"poststop", "Poststop", 0, 0},
	{"createRuntime", "CreateRuntime", 0, 0},
	{"createContainer", "CreateContainer", 0, 0},
	{"startContainer", "StartContainer", 0, 0},
};

static const struct actl_oci_name hook_names[] = {
	{"path", "Path", 0, 0},
	{"args", "Args", 0, 0},
	{"env", "Env", 0, 0},
	{"timeout", "Timeout", ACTL_OCI_NOT_ZERO, 0},
};

static const struct actl_oci_name linux_names[] = {
	{"uidMappings", "UIDMappings", 0, 0},
	{"gidMappings", "GIDMappings", 0, 0},
	{"sysctl", "Sysctl", 0, 0},
	{"resources", "Resources", 0, 0},
	{"cgroupsPath", "CgroupsPath", 0, 0},
	{"namespaces", "Namespaces", 0, 0},
	{"devices", "Devices", 0, 0},
	{"seccomp", "Seccomp", 0, 0},
	{"rootfsPropagation", "RootfsPropagation", 0, 0},
	{"maskedPaths", "MaskedPaths", 0, 0},
	{"readonlyPaths", "ReadonlyPaths", 0, 0},
	{"mountLabel", "MountLabel", 0, 0},
	{"intelRdt", "IntelRdt", 0, 0},
	REFUSED("personality"),
	REFUSED("timeOffsets"),
	REFUSED("netDevices"),
	REFUSED("memoryPolicy"),
};

static const struct actl_oci_name idmap_names[] = {
	{"hostID", "HostID", 0, 0},
	{"containerID", "ContainerID", 0, 0},
	{"size", "Size", 0, 0},
};

static const struct actl_oci_name namespace_names[] = {
	{"type", "Type", 0, 0},
	{"path", "Path", 0, 0},
};

static const struct actl_oci_name device_names[] = {
	{"path", "Path", 0, 0},   {"type", "Type", 0, 0},
	{"major", "Major", 0, 0}, {"minor", "Minor", 0, 0},
	{"uid", "UID", 0, 0},     {"fileMode", "FileMode", ACTL_OCI_NOT_ZERO, 0},
	{"gid", "GID", 0, 0},
};

static const struct actl_oci_name resources_names[] = {
	{"devices", "Devices", 0, 0}, {"memory", "Memory", 0, 0},
	{"cpu", "CPU", 0, 0},         {"pids", "Pids", 0, 0},
	{"blockIO", "BlockIO", 0, 0}, {"hugepageLimits", "HugepageLimits", 0, 0},
	{"network", "Network", 0, 0}, REFUSED("rdma"),
	REFUSED("unified"),
};

static const struct actl_oci_name device_rule_names[] = {
	{"allow", "Allow", 0, 0},
	{"type", "Type", 0, 0},
	{"major", "Major", ACTL_OCI_ANY, 0},
	{"minor", "Minor", ACTL_OCI_ANY, 0},
	{"access", "Access", 0, 0},
};

static const struct actl_oci_name memory_names[] = {
	{"limit", "Limit", 0, 0},
	{"reservation", "Reservation", 0, 0},
	{"swap", "Swap", 0, 0},
	{"kernel", "Kernel", 0, 0},
	{"kernelTCP", "KernelTCP", 0, 0},
	{"swappiness", "Swappiness", ACTL_OCI_NOT_ZERO, 0},
	{"disableOOMKiller", "DisableOOMKiller", 0, 0},
	REFUSED("useHierarchy"),
	REFUSED("checkBeforeUpdate"),
};

static const struct actl_oci_name cpu_names[] = {
	{"shares", "Shares", 0, 0},
	{"quota", "Quota", 0, 0},
	{"period", "Period", 0, 0},
	{"realtimeRuntime", "RealtimeRuntime", 0, 0},
	{"realtimePeriod", "RealtimePeriod", 0, 0},
	{"cpus", "Cpus", 0, 0},
	{"mems", "Mems", 0, 0},
	REFUSED("burst"),
	REFUSED("idle"),
};

static const struct actl_oci_name pids_names[] = {{"limit", "Limit", 0, 0}};

static const struct actl_oci_name weight_device_names[] = {
	{"major", "Major", 0, 0},
	{"minor", "Minor", 0, 0},
	{"weight", "Weight", 0, 0},
	{"leafWeight", "LeafWeight", 0, 0},
};

static const struct actl_oci_name throttle_device_names[] = {
	{"major", "Major", 0, 0},
	{"minor", "Minor", 0, 0},
	{"rate", "Rate", 0, 0},
};

static const struct actl_oci_name block_io_names[] = {
	{"weight", "Weight", 0, 0},
	{"leafWeight", "LeafWeight", 0, 0},
	{"weightDevice", "WeightDevice", 0, 0},
	{"throttleReadBpsDevice", "ThrottleReadBpsDevice", 0, 0},
	{"throttleWriteBpsDevice", "ThrottleWriteBpsDevice", 0, 0},
	{"throttleReadIOPSDevice", "ThrottleReadIOPSDevice", 0, 0},
	{"throttleWriteIOPSDevice", "ThrottleWriteIOPSDevice", 0, 0},
};

static const struct actl_oci_name hugepage_names[] = {
	{"pageSize", "Pagesize", 0, 0},
	{"limit", "Limit", 0, 0},
};

static const struct actl_oci_name network_names[] = {
	{"classID", "ClassID", 0, 0},
	{"priorities", "Priorities", 0, 0},
};

static const struct actl_oci_name priority_names[] = {
	{"name", "Name", 0, 0},
	{"priority", "Priority", 0, 0},
};

/* The default action fails with EPERM, 1, unless told otherwise. */
static const struct actl_oci_name seccomp_names[] = {
	{"defaultAction", "DefaultAction", 0, 0},
	{"architectures", "Architectures", 0, 0},
	{"flags", "Flags", 0, 0},
	{"syscalls", "Syscalls", 0, 0},
	{"defaultErrnoRet", NULL, ACTL_OCI_NOT_ZERO, 1},
	REFUSED("listenerPath"),
	REFUSED("listenerMetadata"),
};

static const struct actl_oci_name syscall_names[] = {
	{"names", "Names", 0, 0},
	{"action", "Action", 0, 0},
	{"errnoRet", "errnoret", 0, 0},
	{"args", "Args", 0, 0},
};

static const struct actl_oci_name arg_names[] = {
	{"index", "Index", 0, 0},
	{"value", "Value", 0, 0},
	{"valueTwo", "ValueTwo", 0, 0},
	{"op", "Op", 0, 0},
};

static const struct actl_oci_name rdt_names[] = {
	{"l3CacheSchema", "L3CacheSchema", 0, 0},
	REFUSED("closID"),
	REFUSED("memBwSchema"),
	REFUSED("schemata"),
	REFUSED("enableMonitoring"),
	REFUSED("enableCMT"),
	REFUSED("enableMBM"),
};

#define TABLE(message, names)                                                                      \
	{                                                                                          \
		&grpc__##message##__descriptor, names, ARRAY_LEN(names)                            \
	}

const struct actl_oci_table actl_oci_tables[] = {
	TABLE(spec, spec_names),
	TABLE(process, process_names),
	TABLE(box, box_names),
	TABLE(user, user_names),
	TABLE(linux_capabilities, capability_names),
	TABLE(posixrlimit, rlimit_names),
	TABLE(mount, mount_names),
	TABLE(root, root_names),
	TABLE(hooks, hooks_names),
	TABLE(hook, hook_names),
	TABLE(linux, linux_names),
	TABLE(linux_idmapping, idmap_names),
	TABLE(linux_namespace, namespace_names),
	TABLE(linux_device, device_names),
	TABLE(linux_resources, resources_names),
	TABLE(linux_device_cgroup, device_rule_names),
	TABLE(linux_memory, memory_names),
	TABLE(linux_cpu, cpu_names),
	TABLE(linux_pids, pids_names),
	TABLE(linux_block_io, block_io_names),
	TABLE(linux_weight_device, weight_device_names),
	TABLE(linux_throttle_device, throttle_device_names),
	TABLE(linux_hugepage_limit, hugepage_names),
	TABLE(linux_network, network_names),
	TABLE(linux_interface_priority, priority_names),
	TABLE(linux_seccomp, seccomp_names),
	TABLE(linux_syscall, syscall_names),
	TABLE(linux_seccomp_arg, arg_names),
	TABLE(linux_intel_rdt, rdt_names),
};
const size_t actl_oci_n_tables = ARRAY_LEN(actl_oci_tables);
