/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs a fuzzer's entry function over files: the corpus replay of `make check`.
 *
 *     FUZZER FILE|FOLDER...
 *
 * Says how many inputs it ran; no input at all is an error, so that an emptied corpus is noticed.
 * A fault shows as an abort of the sanitizers; the input's name was printed before.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 16 * 1024 * 1024 };

static int
run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data, *exact;
	size_t size;

	if (f == NULL) {
		perror(path);
		return -1;
	}
	printf("%s\n", path);
	fflush(stdout);
	data = malloc(INPUT_MAX);
	if (data == NULL)
		abort();
	size = fread(data, 1, INPUT_MAX, f);
	fclose(f);
	/* Of exactly that size, so that ASan sees a read past its end. */
	exact = malloc(size > 0 ? size : 1);
	if (exact == NULL)
		abort();
	memcpy(exact, data, size);
	free(data);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return 1;
}

/* Inputs run, or -1. */
static int
run_folder(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort), ran = 0;

	if (n < 0) {
		perror(path);
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char file[4096];
		int len = snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);

		if (entries[i]->d_name[0] != '.' && len > 0 &&
		    (size_t)len < sizeof(file) && ran >= 0)
			ran = run_file(file) < 0 ? -1 : ran + 1;
		free(entries[i]);
	}
	free(entries);
	return ran;
}

int
main(int argc, char **argv)
{
	int total = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;
		int n = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)
			    ? run_folder(argv[i])
			    : run_file(argv[i]);

		if (n < 0)
			return 1;
		total += n;
	}
	printf("%d inputs\n", total);
	return total > 0 ? 0 : 1;
}
