/* SPDX-License-Identifier: Apache-2.0 */
/* The OCI state document. Strings of the spec are escaped: they may hold anything. */
#include "container/state.h"

#include <string.h>

#include "base/str.h"

static void member(struct str *out, const char *key, const char *value)
{
	str_addf(out, "\"%s\":\"", key);
	str_add_json(out, value, strlen(value));
	str_add_char(out, '"');
}

int ctr_state_json(struct str *out, const struct ctr_spec *spec, const char *id, const char *status,
		   pid_t pid, const char *bundle)
{
	str_add_char(out, '{');
	member(out, "ociVersion", spec->version == NULL ? "1.0.2" : spec->version);
	str_add_char(out, ',');
	member(out, "id", id);
	str_add_char(out, ',');
	member(out, "status", status);
	str_add_char(out, ',');
	if (pid > 0)
		str_addf(out, "\"pid\":%d,", (int)pid);
	member(out, "bundle", bundle == NULL ? "" : bundle);
	str_add(out, ",\"annotations\":{");
	for (size_t i = 0; i < spec->annotations.n; i++) {
		const struct ctr_kv *kv = &spec->annotations.v[i];

		str_add(out, i > 0 ? ",\"" : "\"");
		str_add_json(out, kv->key, strlen(kv->key));
		str_add(out, "\":\"");
		str_add_json(out, kv->value == NULL ? "" : kv->value,
			     kv->value == NULL ? 0 : strlen(kv->value));
		str_add_char(out, '"');
	}
	str_add(out, "}}");
	return str_check(out);
}
