/* SPDX-License-Identifier: Apache-2.0 */
/* Driver "bind": a path of the guest in a second place, both below the agent's own areas. */
#include "agent/storage.h"
#include "base/err.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"

static int bind_storage(const struct storage_job *job, struct err *e)
{
	if (!streq(job->request->fstype, "bind"))
		return err_set(e, -EINVAL, "storage 'bind' of type '%.64s'", job->request->fstype);
	return storage_mount_job(job, job->request->source, NULL, 0, e);
}

const struct storage_driver storage_driver_bind = {
	.name = "bind",
	.mount = bind_storage,
};
