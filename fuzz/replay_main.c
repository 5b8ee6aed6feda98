/* SPDX-License-Identifier: Apache-2.0 */
/* A main that feeds files to a fuzz target, so that its corpus is a test under any compiler. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int replay_file(const char *path)
{
	cleanup_fclose FILE *f = fopen(path, "re");
	cleanup_free uint8_t *data = NULL;
	struct stat st;
	size_t n;

	if (f == NULL || fstat(fileno(f), &st) < 0) {
		perror(path);
		return 0;
	}
	/* Exactly as long as the input, so that a sanitizer sees one byte too many. */
	n = (size_t)st.st_size;
	data = malloc(n > 0 ? n : 1);
	if (data == NULL || fread(data, 1, n, f) != n) {
		perror(path);
		return 0;
	}
	(void)LLVMFuzzerTestOneInput(data, n);
	return 1;
}

static int replay_dir(const char *path)
{
	cleanup_closedir DIR *d = opendir(path);
	struct dirent *de;
	int n = 0;

	if (d == NULL) {
		perror(path);
		return 0;
	}
	while ((de = readdir(d)) != NULL) {
		cleanup_free char *file = NULL;

		if (de->d_name[0] == '.')
			continue;
		if (asprintf(&file, "%s/%s", path, de->d_name) < 0)
			return n;
		n += replay_file(file);
	}
	return n;
}

int main(int argc, char **argv)
{
	struct stat st;
	int n = 0;

	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			n += replay_dir(argv[i]);
		else
			n += replay_file(argv[i]);
	}
	(void)printf("# %d inputs\n", n);
	return n > 0 ? 0 : 1;
}
