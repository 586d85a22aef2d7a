// SPDX-License-Identifier: GPL-3.0-or-later
/* Loaders of a site or host that replace the configured ones: JSON <-> struct.
 *
 * Entry points: bundle_loaders_put(), bundle_loaders_from_json(). The JSON form is one object, from
 * architecture to file; read, it is in order of architecture. Ownership: the arrays are the caller's.
 * Failure modes: -EINVAL with the member's path in *err; an unknown architecture, one
 * named twice, or a path that leaves the loaders root is refused. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arch.h"
#include "lib/bundle.h"
#include "lib/json.h"
#include "lib/str.h"

void
bundle_loaders_put(json_t *v, const struct bundle_loader *loaders, size_t n)
{
	json_t *list;
	char name[ARCH_NAME_SIZE];

	if (n == 0)
		return;
	list = json_object();
	for (size_t i = 0; i < n; i++)
		json_put_str(list, arch_name(loaders[i].arch, name, sizeof(name)),
		    loaders[i].file);
	json_put(v, "loaders", list);
}

static int
read_loader(
    const char *arch, const json_t *file, struct bundle_loader *l, struct error *err)
{
	const char *text = json_string_value(file);

	char name[ARCH_NAME_SIZE];

	/* Of two numbers with one name the listed one: written again it must be what was read. */
	if (arch_parse(arch, &l->arch) < 0 ||
	    arch_parse(arch_name(l->arch, name, sizeof(name)), &l->arch) < 0)
		return error_set(err, -EINVAL, "bad-value",
		    "use a name such as x64-uefi, arm64-uefi, x86-bios, or arch-NN",
		    "loaders: %.40s: not an architecture", arch);
	if (text == NULL || !bundle_path_valid(text) ||
	    str_copy(l->file, sizeof(l->file), text) < 0)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "loaders: %.40s: not a path below the loaders root", arch);
	return 0;
}

static int
compare(const void *a, const void *b)
{
	return ((const struct bundle_loader *)a)->arch -
	       ((const struct bundle_loader *)b)->arch;
}

int
bundle_loaders_from_json(
    const json_t *v, struct bundle_loader *loaders, size_t *ret_n, struct error *err)
{
	json_t *list = NULL, *file;
	const char *arch;
	size_t n = 0;

	if (json_opt_obj(v, "loaders", &list, err) < 0)
		return -EINVAL;
	if (json_object_size(list) > BUNDLE_LOADERS_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "loaders: more than %d",
		    BUNDLE_LOADERS_MAX);
	json_object_foreach (list, arch, file) {
		if (read_loader(arch, file, &loaders[n], err) < 0)
			return -EINVAL;
		for (size_t i = 0; i < n; i++)
			if (loaders[i].arch == loaders[n].arch)
				return error_set(err, -EINVAL, "bad-value",
				    "remove one of them", "loaders: %.40s: named twice",
				    arch);
		n++;
	}
	qsort(loaders, n, sizeof(loaders[0]), compare);
	*ret_n = n;
	return 0;
}
