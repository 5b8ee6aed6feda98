/* SPDX-License-Identifier: Apache-2.0 */
/* Host cgroups by plain files: two limits and a folder do not need a library. */
#include "vmm/host_cgroup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/str.h"

#define PARENT         "pith"
#define MOUNTINFO_MAX  (256U * 1024)
#define MOUNT_PATH_MAX 128

struct hierarchy {
	char mount[MOUNT_PATH_MAX];
	bool v2, memory, pids;
};

/* Fields of proc_pid_mountinfo(5): the mount point is the fifth; type and options follow " - ". */
static bool parse_line(struct slice line, struct hierarchy *h)
{
	struct slice rest = line, field = {0}, at = {0};
	char opts[256];

	*h = (struct hierarchy){0};
	for (int i = 0; i < 5 && slice_cut(&rest, ' ', &field); i++)
		at = field;
	while (slice_cut(&rest, ' ', &field) && !slice_eq(field, "-"))
		;
	if (!slice_cut(&rest, ' ', &field) || at.n >= sizeof(h->mount) || at.n == 0)
		return false;
	memcpy(h->mount, at.p, at.n);
	h->v2 = slice_eq(field, "cgroup2");
	if (!h->v2 && !slice_eq(field, "cgroup"))
		return false;
	if (h->v2)
		return true;

	if (!slice_cut(&rest, ' ', &field) || rest.n >= sizeof(opts))
		return false;
	while (slice_cut(&rest, ',', &field)) {
		struct slice word = slice_trim(field);

		h->memory |= slice_eq(word, "memory");
		h->pids |= slice_eq(word, "pids");
	}
	return h->memory || h->pids;
}

static void put(const char *dir, const char *file, const char *text)
{
	cleanup_close int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && fd_write_str(fd, file, text) < 0)
		return;
}

/* v2: what the group's parents can delegate. */
static void enable_v2(struct hierarchy *h, const char *parent)
{
	char buf[512];
	cleanup_close int fd = open(h->mount, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fd_read_line(fd, "cgroup.controllers", buf, sizeof(buf)) < 0)
		return;
	h->memory = strstr(buf, "memory") != NULL;
	h->pids = strstr(buf, "pids") != NULL;
	put(h->mount, "cgroup.subtree_control", "+memory");
	put(h->mount, "cgroup.subtree_control", "+pids");
	put(parent, "cgroup.subtree_control", "+memory");
	put(parent, "cgroup.subtree_control", "+pids");
}

static void enter_one(struct vmm_cgroup *g, struct hierarchy *h, const char *name, uint64_t memory,
		      uint32_t pids)
{
	char parent[MOUNT_PATH_MAX + sizeof("/" PARENT)], text[sizeof("18446744073709551615")];
	char *dir = g->dir[g->n];
	size_t at;
	int n;

	n = snprintf(parent, sizeof(parent), "%s/" PARENT, h->mount);
	if (n < 0 || (size_t)n >= sizeof(parent))
		return;
	n = snprintf(dir, sizeof(g->dir[0]), "%s/%s", parent, name);
	if (n < 0 || (size_t)n >= sizeof(g->dir[0]))
		return;
	if ((mkdir(parent, 0755) < 0 && errno != EEXIST) ||
	    (mkdir(dir, 0755) < 0 && errno != EEXIST))
		return;
	if (h->v2)
		enable_v2(h, parent);
	if (h->memory) {
		(void)snprintf(text, sizeof(text), "%" PRIu64, memory);
		put(dir, h->v2 ? "memory.max" : "memory.limit_in_bytes", text);
	}
	if (h->pids) {
		(void)snprintf(text, sizeof(text), "%" PRIu32, pids);
		put(dir, "pids.max", text);
	}
	put(dir, "cgroup.procs", "0");
	at = strlen(g->note);
	(void)str_copy(g->note + at, sizeof(g->note) - at, at > 0 ? ", " : "");
	at = strlen(g->note);
	(void)snprintf(g->note + at, sizeof(g->note) - at, "%s%s%s", h->v2 ? "v2" : "v1",
		       h->memory ? " memory" : "", h->pids ? " pids" : "");
	g->n++;
}

static size_t hierarchies(struct hierarchy *h, size_t max)
{
	cleanup_free char *text = malloc(MOUNTINFO_MAX);
	struct slice rest, line;
	size_t n = 0;

	if (text == NULL || fd_read_file(AT_FDCWD, "/proc/self/mountinfo", text, MOUNTINFO_MAX) < 0)
		return 0;
	rest = slice_of(text);
	while (n < max && slice_cut(&rest, '\n', &line))
		if (parse_line(line, &h[n]))
			n++;
	return n;
}

void vmm_cgroup_enter(struct vmm_cgroup *g, const char *name, uint64_t memory, uint32_t pids)
{
	struct hierarchy h[VMM_CGROUPS_MAX];
	size_t n = hierarchies(h, VMM_CGROUPS_MAX);

	*g = (struct vmm_cgroup){0};
	for (size_t i = 0; i < n; i++)
		enter_one(g, &h[i], name, memory, pids);
	if (g->n == 0)
		(void)str_copy(g->note, sizeof(g->note), "none mounted");
}

static void remove_group(const char *dir)
{
	char parent[256];
	char *slash;

	(void)rmdir(dir);
	/* The shared parent goes with the last VM. */
	if (str_copy(parent, sizeof(parent), dir) == 0 && (slash = strrchr(parent, '/')) != NULL) {
		*slash = '\0';
		(void)rmdir(parent);
	}
}

void vmm_cgroup_leave(const struct vmm_cgroup *g)
{
	for (unsigned i = 0; i < g->n; i++) {
		char top[sizeof(g->dir[0])];
		char *slash;

		if (str_copy(top, sizeof(top), g->dir[i]) < 0)
			continue;
		for (int up = 0; up < 2; up++)
			if ((slash = strrchr(top, '/')) != NULL)
				*slash = '\0';
		put(top, "cgroup.procs", "0");
		remove_group(g->dir[i]);
	}
}

void vmm_cgroup_forget(const char *name)
{
	struct hierarchy h[VMM_CGROUPS_MAX];
	size_t n = hierarchies(h, VMM_CGROUPS_MAX);

	for (size_t i = 0; i < n; i++) {
		char dir[256];
		int len = snprintf(dir, sizeof(dir), "%s/" PARENT "/%s", h[i].mount, name);

		if (len > 0 && (size_t)len < sizeof(dir))
			remove_group(dir);
	}
}
