/* SPDX-License-Identifier: Apache-2.0 */
/* The three properties of config.json that decide how the VM is set up. */
#include "vmm/bundle.h"

#include <limits.h>

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
#include "vmm/config.h"

#define FILE_MAX (4 << 20) /* what pith-ctl takes */

struct bundle {
	json_t *config;
	FILE *file;
};

#define cleanup_bundle __attribute__((cleanup(bundle_done)))
static void bundle_done(struct bundle *b)
{
	json_decref(b->config);
	if (b->file != NULL)
		(void)fclose(b->file);
}

static size_t read_some(void *buf, size_t n, void *data)
{
	FILE *f = data;

	return ftell(f) > FILE_MAX ? (size_t)-1 : fread(buf, 1, n, f);
}

static bool is_true(const json_t *config, const char *object, const char *name)
{
	return json_is_true(json_object_get(json_object_get(config, object), name));
}

int vmm_bundle_read(struct vmm_config *c, struct err *e)
{
	cleanup_bundle struct bundle b = {0};
	cleanup_free char *joined = NULL;
	char path[PATH_MAX];
	const char *root;
	json_error_t at;

	if (snprintf(path, sizeof(path), "%s/config.json", c->bundle) >= (int)sizeof(path))
		return err_refuse(e, ERR_INVALID, "--bundle: the name is too long");
	b.file = fopen(path, "re");
	if (b.file == NULL)
		return err_set(e, -errno, "--bundle: open '%s'", path);
	/* Only texts and truths are read here, so numbers may lose their last digits. */
	b.config = json_load_callback(read_some, b.file,
				      JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES, &at);
	if (b.config == NULL)
		return err_refuse(e, ERR_INVALID, "%s: line %d: %s", path, at.line, at.text);

	root = json_string_value(json_object_get(json_object_get(b.config, "root"), "path"));
	if (str_empty(root))
		return err_refuse(e, ERR_INVALID, "%s: root.path is missing", path);
	if (asprintf(&joined, "%s%s%s", root[0] == '/' ? "" : c->bundle, root[0] == '/' ? "" : "/",
		     root) < 0) {
		joined = NULL;
		return err_set(e, -ENOMEM, "--bundle");
	}
	c->root = realpath(joined, NULL);
	if (c->root == NULL)
		return err_set(e, -errno, "%s: root.path '%s'", path, joined);
	c->rootfs = c->root;
	c->root_read_only = is_true(b.config, "root", "readonly");
	if (is_true(b.config, "process", "terminal"))
		c->tty = c->interactive = true;
	return 0;
}
