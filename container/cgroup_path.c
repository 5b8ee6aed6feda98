/* SPDX-License-Identifier: Apache-2.0 */
/* linux.cgroupsPath to a path below the root of the hierarchies. Pure. */
#include "container/cgroup_impl.h"

#include <errno.h>
#include <limits.h>

#include "base/err.h"
#include "base/path.h"
#include "base/str.h"

static bool is_systemd_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-' || c == ':';
}

/* "slice:prefix:name": exactly two colons and nothing but name characters. */
static bool is_systemd_form(const char *path)
{
	unsigned colons = 0;

	for (const char *p = path; *p != '\0'; p++) {
		if (!is_systemd_char(*p))
			return false;
		colons += *p == ':';
	}
	return colons == 2;
}

int ctr_cgroup_path_make(const char *path, const char *id, char **ret, struct err *e)
{
	cleanup_free char *joined = NULL, *clean = NULL;
	size_t n;

	if (str_empty(path))
		path = id;
	if (strchr(path, '\n') != NULL)
		return err_refuse(e, ERR_INVALID, "linux.cgroupsPath contains a line break");
	n = strlen(path) + 2;
	if (n > PATH_MAX)
		return err_refuse(e, ERR_INVALID, "linux.cgroupsPath is longer than %d", PATH_MAX);

	joined = malloc(n);
	clean = malloc(n + 2);
	if (joined == NULL || clean == NULL)
		return err_set(e, -ENOMEM, "hold linux.cgroupsPath");
	joined[0] = '/';
	memcpy(joined + 1, path, n - 1);
	if (is_systemd_form(path)) {
		for (char *p = joined; *p != '\0'; p++)
			*p = *p == ':' ? '/' : *p;
	}

	/* Joined onto the root first, so that no ".." leads above it. */
	if (path_clean(joined, clean, n + 2) < 0)
		return err_refuse(e, ERR_INVALID, "linux.cgroupsPath is too long");
	if (streq(clean, "/"))
		return err_refuse(e, ERR_INVALID, "linux.cgroupsPath '%s' names the root", path);
	*ret = TAKE_PTR(clean);
	return 0;
}
