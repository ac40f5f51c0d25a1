// SPDX-License-Identifier: MIT
/* daccctl: list and describe dacc chips, load the kernel modules. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"

static const char usage_text[] =
	"usage: daccctl [--json] list\n"
	"       daccctl [--json] info [DEVICE...]\n"
	"       daccctl load [MODULE...]\n"
	"       daccctl [--json] dump FILE\n"
	"List and describe dacc decode accelerators and the GPU peers linked to them.\n"
	"\n"
	"  list    one line for each chip and linked peer\n"
	"  info    all that is known of DEVICE: a node (/dev/accel/accel0, accel0), its number\n"
	"          or a PCI address (0000:01:00.0); of all if none is given\n"
	"  load    load kernel modules (default: dacc and gpupeer); needs root\n"
	"  dump    what a devcoredump says (/sys/class/devcoredump/devcd*/data, or a copy; - for\n"
	"          standard input)\n"
	"\n"
	"  -j, --json     print JSON\n"
	"  -h, --help     this text\n"
	"  -V, --version  version\n"
	"\n"
	"Exit status: 0 success, 1 failure, 2 bad command line, 3 no such chip, or no chip that\n"
	"can be used.\n";

static void message(const char *fmt, va_list ap)
{
	fflush(stdout);
	fputs("daccctl: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int ctl_fail(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(fmt, ap);
	va_end(ap);
	return status;
}

void ctl_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(fmt, ap);
	va_end(ap);
}

static int scan(struct dacc_pci_list **list)
{
	struct dacc_error err;
	int ret = dacc_pci_scan(list, &err);

	if (ret)
		return ctl_fail(ret == -ENODEV ? EXIT_NO_DEVICE : EXIT_FAILED, "%s", err.text);
	return 0;
}

static int no_chip(void)
{
	return ctl_fail(EXIT_NO_DEVICE,
			"no dacc chip on the PCI bus (%04x:%04x): attach one, or start the guest with `-device dacc` (scripts/vm)",
			DACC_PCI_VENDOR_ID, DACC_PCI_DEVICE_ID);
}

static int command_list(bool json)
{
	const struct dacc_pci_function *fn;
	struct json_object *o, *rows;
	struct dacc_pci_list *list;
	bool chips = false, usable = false;
	int ret = scan(&list);

	if (ret)
		return ret;
	rows = json_object_new_array();
	for (size_t i = 0; (fn = dacc_pci_list_get(list, i)); i++) {
		json_object_array_add(rows, chip_summary(fn, &usable));
		chips |= dacc_pci_function_is_chip(fn);
	}
	o = json_object_new_object();
	json_object_object_add(o, "devices", rows);
	if (json)
		ret = print_json(o);
	else if (chips)
		ret = print_rows(rows);
	if (!ret && !chips)
		ret = no_chip();
	/* Why it can't be used has been said. */
	if (!ret && !usable)
		ret = EXIT_NO_DEVICE;
	json_object_put(o);
	dacc_pci_list_free(list);
	return ret;
}

/* Does DEVICE name this function? A peer has no accel node, only an address. */
static bool named(const struct dacc_pci_function *fn, const char *name)
{
	const char *slash = strrchr(fn->node, '/');
	char number[64];

	if (slash && dacc_pci_function_is_chip(fn)) {
		snprintf(number, sizeof(number), "accel%s", name);
		if (!strcmp(slash + 1, number))
			return true;
	}
	return !strcmp(fn->bdf, name) || !strcmp(fn->bdf + 5, name) || !strcmp(fn->node, name) ||
	       (slash && !strcmp(slash + 1, name));
}

/* status becomes that of a chip that can't be opened; the others are shown. */
static void add_function(struct json_object *rows, const struct dacc_pci_function *fn, int *status)
{
	struct dacc_device *dev = NULL;
	struct dacc_error err;

	if (dacc_pci_function_is_chip(fn) && dacc_device_open(fn->bdf, &dev, &err))
		*status = ctl_fail(EXIT_NO_DEVICE, "%s", err.text);
	json_object_array_add(rows, function_json(fn, dev));
	dacc_device_close(dev);
}

static int command_info(bool json, char **names, int n)
{
	const struct dacc_pci_function *fn;
	struct json_object *o, *rows;
	struct dacc_pci_list *list;
	int ret = scan(&list), status = EXIT_OK;

	if (ret)
		return ret;
	rows = json_object_new_array();
	for (int i = 0; i < (n ? n : 1); i++) {
		bool found = false;

		for (size_t k = 0; (fn = dacc_pci_list_get(list, k)); k++) {
			if (n ? !named(fn, names[i]) : !dacc_pci_function_is_chip(fn))
				continue;
			found = true;
			add_function(rows, fn, &status);
		}
		if (!found)
			status =
				n ? ctl_fail(EXIT_NO_DEVICE,
					     "no dacc chip or linked peer is '%s': see `daccctl list`",
					     names[i]) :
				    no_chip();
	}
	o = json_object_new_object();
	json_object_object_add(o, "devices", rows);
	json_object_object_add(o, "modules", modules_json());
	if (json) {
		ret = print_json(o);
	} else {
		for (size_t i = 0; i < json_object_array_length(rows) && !ret; i++) {
			ret = print_tree(json_object_array_get_idx(rows, i));
			putchar('\n');
		}
		if (!ret) {
			struct json_object *root = json_object_new_object();
			struct json_object *modules = json_object_object_get(o, "modules");

			json_object_object_add(root, "module", json_object_get(modules));
			ret = print_tree(root);
			json_object_put(root);
		}
	}
	json_object_put(o);
	dacc_pci_list_free(list);
	return ret ? ret : status;
}

static int load_module(const char *name)
{
	struct dacc_module_info mod = { 0 };
	struct dacc_error err;

	dacc_module_query(name, &mod, sizeof(mod), NULL);
	if (!mod.loaded && dacc_module_load(name, &err))
		return ctl_fail(EXIT_FAILED, "%s", err.text);
	printf("%s: %s\n", name, mod.loaded ? "already loaded" : "loaded");
	return EXIT_OK;
}

static int command_load(char **names, int n)
{
	int ret, status = EXIT_OK;

	if (!n) {
		status = load_module("dacc");
		ret = load_module("gpupeer");
		return status ? status : ret;
	}
	for (int i = 0; i < n; i++) {
		ret = load_module(names[i]);
		status = status ? status : ret;
	}
	return status;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	const char *command;
	bool json = false;
	int o, ret;

	opterr = 0;
	while ((o = getopt_long(argc, argv, "jhV", longs, NULL)) != -1) {
		switch (o) {
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return EXIT_OK;
		case 'V':
			printf("daccctl (dacc) %s\n", dacc_version());
			return EXIT_OK;
		default:
			return ctl_fail(EXIT_USAGE, "bad option '%s' (see: daccctl --help)",
					argv[optind - 1]);
		}
	}
	if (optind == argc)
		return ctl_fail(EXIT_USAGE,
				"no command: list, info, load or dump (see: daccctl --help)");
	command = argv[optind++];
	if (!strcmp(command, "list") && optind == argc)
		ret = command_list(json);
	else if (!strcmp(command, "info"))
		ret = command_info(json, argv + optind, argc - optind);
	else if (!strcmp(command, "load") && !json)
		ret = command_load(argv + optind, argc - optind);
	else if (!strcmp(command, "dump") && optind + 1 == argc)
		ret = command_dump(json, argv[optind]);
	else if (!strcmp(command, "dump"))
		ret = ctl_fail(EXIT_USAGE,
			       "dump wants one FILE, such as /sys/class/devcoredump/devcd1/data");
	else if (!strcmp(command, "list"))
		ret = ctl_fail(EXIT_USAGE,
			       "list takes no argument; `daccctl info %s` describes one",
			       argv[optind]);
	else if (!strcmp(command, "load"))
		ret = ctl_fail(EXIT_USAGE, "load has no JSON output");
	else
		ret = ctl_fail(EXIT_USAGE, "unknown command '%s': list, info, load or dump",
			       command);
	if ((fflush(stdout) || ferror(stdout)) && ret == EXIT_OK)
		ret = ctl_fail(EXIT_FAILED, "the output can't be written: %s", strerror(errno));
	return ret;
}
