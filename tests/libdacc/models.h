/* SPDX-License-Identifier: GPL-2.0 */
/* The models that tests run: the tree's own, and the shared one where it is. */
#ifndef TESTS_LIBDACC_MODELS_H
#define TESTS_LIBDACC_MODELS_H

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif

struct test_model {
	const char *name;
	const char *model;
	const char *tokenizer;
	const char *golden;
	int optional;
};

static const struct test_model test_models[] = {
	{
		"kjv-490k",
		DACC_TOP "/models/kjv-490k/model.bin",
		DACC_TOP "/models/kjv-490k/tokenizer.bin",
		DACC_TOP "/models/kjv-490k/golden_greedy_256.txt",
		0,
	},
	{
		"stories260K",
		DACC_TOP "/../shared/models/stories260K/stories260K.bin",
		DACC_TOP "/../shared/models/stories260K/tok512.bin",
		DACC_TOP "/../shared/models/stories260K/golden_greedy_256.txt",
		1,
	},
};

#endif
