/* SPDX-License-Identifier: Apache-2.0 */
/* Driver "overlayfs": layers that are already mounted, put together. */
#include <limits.h>
#include <string.h>

#include "agent/storage.h"
#include "base/err.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"

#define CREATE_DIRECTORY "io.katacontainers.volume.overlayfs.create_directory="
#define READ_WRITE       "io.katacontainers.fs-opt.overlay-rw"

static int make_dir(const struct storage_job *job, const char *path, struct err *e)
{
	cleanup_close int fd = -EBADF;
	char clean[PATH_MAX];
	int r;

	r = storage_path_clean(job->env, path, clean, sizeof(clean), e);
	return r < 0 ? r : storage_dir_make(job->env, clean, 0755, &fd, e);
}

/* The layers of "lowerdir=a:b", "upperdir=c", "workdir=d" must be the agent's, and no link leads elsewhere. */
static int check_layers(const struct storage_job *job, const char *option, struct err *e)
{
	struct slice rest, layer;
	char path[PATH_MAX / 2], clean[PATH_MAX / 2];

	if (!str_starts(option, "lowerdir=") && !str_starts(option, "upperdir=") &&
	    !str_starts(option, "workdir="))
		return 0;

	rest = slice_of(strchr(option, '=') + 1);
	while (slice_cut(&rest, ':', &layer)) {
		cleanup_close int fd = -EBADF;
		int r;

		if (layer.n == 0)
			continue; /* "::" sets data-only layers apart */
		if (layer.n >= sizeof(path))
			return err_set(e, -ENAMETOOLONG, "overlay layer");
		memcpy(path, layer.p, layer.n);
		path[layer.n] = '\0';
		r = storage_path_clean(job->env, path, clean, sizeof(clean), e);
		if (r < 0)
			return r;
		fd = storage_path_open(job->env, clean, e);
		if (fd < 0)
			return fd;
	}
	return 0;
}

static int mount_with(const struct storage_job *job, const Grpc__Storage *req, struct err *e)
{
	struct storage_job again = *job;
	int r;

	for (size_t i = 0; i < req->n_options; i++) {
		r = check_layers(job, req->options[i], e);
		if (r < 0)
			return r;
	}
	again.request = req;
	return storage_mount_job(&again, req->source, NULL, 0, e);
}

/* Adds an upper and a work directory of the bundle to the options. */
static int mount_read_write(const struct storage_job *job, struct err *e)
{
	char upper[PATH_MAX / 4], work[PATH_MAX / 4], type[] = "overlay";
	Grpc__Storage req = *job->request;
	cleanup_free char **options = NULL;
	size_t n = req.n_options;
	int r;

	if (job->owner[0] == '\0')
		return err_set(e, -EINVAL, "a writable overlay needs a container");
	(void)snprintf(upper, sizeof(upper), "upperdir=%s/%s/upper", job->env->run, job->owner);
	(void)snprintf(work, sizeof(work), "workdir=%s/%s/work", job->env->run, job->owner);
	r = make_dir(job, strchr(upper, '=') + 1, e);
	if (r == 0)
		r = make_dir(job, strchr(work, '=') + 1, e);
	if (r < 0)
		return r;

	options = calloc(n + 2, sizeof(*options));
	if (options == NULL)
		return err_set(e, -ENOMEM, "overlay options");
	if (n > 0)
		memcpy(options, req.options, n * sizeof(*options));
	options[n] = upper;
	options[n + 1] = work;
	req.options = options;
	req.n_options = n + 2;
	req.fstype = type;
	return mount_with(job, &req, e);
}

static int mount_overlay(const struct storage_job *job, struct err *e)
{
	const Grpc__Storage *req = job->request;

	for (size_t i = 0; i < req->n_driver_options; i++) {
		const char *word = req->driver_options[i];
		int r;

		if (!str_starts(word, CREATE_DIRECTORY))
			continue;
		r = make_dir(job, word + strlen(CREATE_DIRECTORY), e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < req->n_options; i++)
		if (streq(req->options[i], READ_WRITE))
			return mount_read_write(job, e);

	if (!streq(req->fstype, "overlay"))
		return err_set(e, -EINVAL, "storage 'overlayfs' of type '%.64s'", req->fstype);
	return mount_with(job, req, e);
}

const struct storage_driver storage_driver_overlay = {
	.name = "overlayfs",
	.mount = mount_overlay,
};
