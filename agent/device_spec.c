/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's device numbers in a container's spec. Pure: looks at no device. */
#include <stdbool.h>
#include <string.h>

#include "agent/device.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "container/spec.h"

/* Which node an update changes, and the numbers that it had. */
struct target {
	struct ctr_device *node;
	char type;
	int64_t major, minor;
};

static struct ctr_device *find_node(struct ctr_spec *spec, const char *path)
{
	for (size_t i = 0; i < spec->n_devices; i++)
		if (streq(spec->devices[i].path, path))
			return &spec->devices[i];
	return NULL;
}

static int find_targets(struct ctr_spec *spec, const struct device_update *u, size_t n,
			struct target *t, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		struct ctr_device *node = find_node(spec, u[i].container_path);

		if (node == NULL)
			return err_refuse(e, ERR_INTERNAL, "Missing devices in OCI spec: '%s'",
					  u[i].container_path);
		t[i] = (struct target){node, node->type, node->major, node->minor};

		for (size_t j = 0; j < i; j++) {
			if (t[j].node == node)
				return err_refuse(e, ERR_INTERNAL, "two devices for '%s'",
						  u[i].container_path);
			if (t[j].type == t[i].type && t[j].major == t[i].major &&
			    t[j].minor == t[i].minor)
				return err_refuse(e, ERR_INTERNAL,
						  "'%s' and '%s' have the same host numbers",
						  u[j].container_path, u[i].container_path);
		}
	}
	return 0;
}

static void translate_rules(struct ctr_resources *res, size_t n_rules,
			    const struct device_update *u, const struct target *t, size_t n)
{
	for (size_t i = 0; i < n_rules; i++) {
		struct ctr_device_rule *rule = &res->devices[i];

		for (size_t j = 0; j < n; j++) {
			if (rule->type != t[j].type || rule->major != t[j].major ||
			    rule->minor != t[j].minor)
				continue;
			rule->type = u[j].type;
			rule->major = u[j].major;
			rule->minor = u[j].minor;
			break;
		}
	}
}

int device_update_spec(struct ctr_spec *spec, struct arena *arena,
		       const struct device_update *updates, size_t n, struct err *e)
{
	struct ctr_resources *res = spec->resources;
	struct ctr_device_rule *rules;
	struct target *t;
	size_t n_old;
	int r;

	if (n == 0)
		return 0;

	t = arena_array(arena, n, sizeof(*t));
	if (t == NULL)
		return err_refuse(e, ERR_LIMIT, "device list");
	r = find_targets(spec, updates, n, t, e);
	if (r < 0)
		return r;

	if (res == NULL) {
		res = arena_alloc(arena, sizeof(*res));
		if (res == NULL)
			return err_refuse(e, ERR_LIMIT, "device list");
		ctr_resources_init(res);
	}
	n_old = res->n_devices;
	rules = arena_array(arena, n_old + n, sizeof(*rules));
	if (rules == NULL)
		return err_refuse(e, ERR_LIMIT, "device list");
	if (n_old > 0)
		memcpy(rules, res->devices, n_old * sizeof(*rules));

	spec->resources = res;
	res->devices = rules;
	res->n_devices = n_old + n;
	translate_rules(res, n_old, updates, t, n);
	for (size_t i = 0; i < n; i++) {
		t[i].node->type = updates[i].type;
		t[i].node->major = updates[i].major;
		t[i].node->minor = updates[i].minor;
		rules[n_old + i] = (struct ctr_device_rule){
			.allow = true,
			.type = updates[i].type,
			.major = updates[i].major,
			.minor = updates[i].minor,
			.access = "rwm",
		};
	}
	return 0;
}
