/* SPDX-License-Identifier: Apache-2.0 */
/* Driver "virtio-fs": the host's share, by its tag. */
#include <sys/mount.h>

#include "agent/storage.h"
#include "base/err.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"

/* The tag of Kata's share. An image may have mounted it before the agent came. */
#define SHARE_TAG "kataShared"

static int mount_share(const struct storage_job *job, struct err *e)
{
	if (!streq(job->request->fstype, "virtiofs"))
		return err_set(e, -EINVAL, "storage 'virtio-fs' of type '%.64s'",
			       job->request->fstype);

	if (streq(job->request->source, SHARE_TAG)) {
		cleanup_close int fd = -EBADF;
		int r;

		r = storage_dir_make(job->env, job->mount_point, 0755, &fd, e);
		if (r < 0)
			return r;
		r = storage_is_mount(fd);
		if (r != 0)
			return r < 0 ? err_set(e, r, "look at '%s'", job->mount_point) : 0;
	}
	/* Device nodes come from the spec; one that sits in a share is not meant. */
	return storage_mount_job(job, job->request->source, NULL, MS_NODEV, e);
}

const struct storage_driver storage_driver_virtiofs = {
	.name = "virtio-fs",
	.mount = mount_share,
};
