/* SPDX-License-Identifier: Apache-2.0 */
/* The spec's plain structs: initial values and look-ups. */
#include "container/spec.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

void ctr_process_spec_init(struct ctr_process_spec *p)
{
	*p = (struct ctr_process_spec){.umask = CTR_UNSET, .oom_score_adj = CTR_UNSET};
}

void ctr_resources_init(struct ctr_resources *r)
{
	*r = (struct ctr_resources){
		.memory = {CTR_UNSET, CTR_UNSET, CTR_UNSET, CTR_UNSET, CTR_UNSET, CTR_UNSET, false,
			   false},
		.cpu = {CTR_UNSET, CTR_UNSET, CTR_UNSET, CTR_UNSET, CTR_UNSET, CTR_UNSET, CTR_UNSET,
			NULL, NULL},
		.pids_limit = CTR_UNSET,
		.blkio = {.weight = CTR_UNSET, .leaf_weight = CTR_UNSET},
		.net_class_id = CTR_UNSET,
	};
}

void ctr_spec_init(struct ctr_spec *s)
{
	*s = (struct ctr_spec){0};
}

const struct ctr_namespace *ctr_spec_namespace(const struct ctr_spec *s, enum ctr_ns_type type)
{
	for (size_t i = 0; i < s->n_namespaces; i++) {
		if (s->namespaces[i].type == type)
			return &s->namespaces[i];
	}
	return NULL;
}

const char *ctr_kvs_get(const struct ctr_kvs *kvs, const char *key)
{
	for (size_t i = 0; i < kvs->n; i++) {
		if (streq(kvs->v[i].key, key))
			return kvs->v[i].value;
	}
	return NULL;
}
