// SPDX-License-Identifier: MIT
/* The command line. */
#include <errno.h>
#include <float.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpupeer_hw.h"
#include "run.h"

#define DEFAULT_CHUNK   256
#define DEFAULT_K       64
#define DEFAULT_TIMEOUT 600

static const char usage_text[] =
	"usage: dacc-run -m MODEL [options]\n"
	"Generate text with a language model: prefill on the GPU peer, decode on the dacc chip.\n"
	"\n"
	"  -m, --model FILE       llama2.c checkpoint\n"
	"  -t, --tokenizer FILE   llama2.c tokenizer (default: tokenizer.bin or tok512.bin beside\n"
	"                         the model)\n"
	"  -p, --prompt TEXT      text to go on from (default: empty, the model starts by itself);\n"
	"                         repeat it to decode several in one batch\n"
	"  -n, --steps N          positions, prompt included (default 256, at most the model's\n"
	"                         context; 0: the model's context)\n"
	"      --temp T           temperature; 0 is greedy (default 0)\n"
	"      --top-p P          keep the most probable tokens of mass P; 0 or 1: all (default 0.9)\n"
	"      --seed N           seed of each prompt's sampler, not 0 (default 1)\n"
	"      --ids              print token ids, one line a prompt, instead of text\n"
	"      --json             print texts, ids and statistics as JSON; of what there is, with\n"
	"                         the message as \"error\", also after a failure or a signal\n"
	"      --stats            print statistics on stderr\n"
	"      --kv-type TYPE     f32 or f16 (default f32)\n"
	"      --weight-type TYPE f32, f16 or q8_0 (default f32)\n"
	"      --queue KIND       auto, user (doorbell mapped into this process) or kernel (a\n"
	"                         system call for each job) for decode jobs (default auto)\n"
	"      --chunk N          prompt tokens of a prefill job (default 256)\n"
	"      --k N              tokens of a decode job (default 64)\n"
	"      --device DEV       chip: node, number or PCI address (default: the first)\n"
	"      --gpu ADDRESS      GPU peer: PCI address (default: the chip's link peer)\n"
	"      --bounce           move the KV cache through host memory in any case\n"
	"      --verify-kv        have the chip compare checksums before the first token\n"
	"      --timeout SECONDS  give up after that (default 600)\n"
	"  -h, --help             this text\n"
	"  -V, --version          version\n"
	"\n"
	"Texts go to stdout in the order of the prompts, each followed by a newline.\n"
	"Exit status: 0 success, 1 a device, a job or the output failed, or --timeout passed, 2 bad\n"
	"option, 3 no usable chip or GPU peer at the start, 4 bad checkpoint, tokenizer or prompt, 5 does not fit SRAM, HBM or the\n"
	"model's context.\n";

enum {
	OPT_TEMP = 256,
	OPT_TOP_P,
	OPT_SEED,
	OPT_IDS,
	OPT_JSON,
	OPT_STATS,
	OPT_KV_TYPE,
	OPT_WEIGHT_TYPE,
	OPT_QUEUE,
	OPT_CHUNK,
	OPT_K,
	OPT_DEVICE,
	OPT_GPU,
	OPT_BOUNCE,
	OPT_VERIFY_KV,
	OPT_TIMEOUT,
};

static int parse_number(const char *name, const char *s, double min, double max, double *out)
{
	char *end;

	errno = 0;
	*out = strtod(s, &end);
	if (end == s || *end || errno || !isfinite(*out) || *out < min || *out > max)
		return run_fail(EXIT_USAGE, "%s '%s': want a number from %g to %g", name, s, min,
				max);
	return 0;
}

static int parse_whole(const char *name, const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(s, &end, 0);
	if (end == s || *end || errno || strchr(s, '-') || *out < min || *out > max)
		return run_fail(EXIT_USAGE, "%s '%s': want a whole number from %llu to %llu", name,
				s, (unsigned long long)min, (unsigned long long)max);
	return 0;
}

static int parse_type(const char *name, const char *s, bool q8, enum dacc_type *out)
{
	if (!strcmp(s, "f32"))
		*out = DACC_TYPE_F32;
	else if (!strcmp(s, "f16"))
		*out = DACC_TYPE_F16;
	else if (q8 && !strcmp(s, "q8_0"))
		*out = DACC_TYPE_Q8_0;
	else
		return run_fail(EXIT_USAGE, "%s '%s': want f32%s", name, s,
				q8 ? ", f16 or q8_0" : " or f16");
	return 0;
}

static int parse_queue(const char *name, const char *s, enum dacc_queue_kind *out)
{
	if (!strcmp(s, "auto"))
		*out = DACC_QUEUE_KIND_AUTO;
	else if (!strcmp(s, "user"))
		*out = DACC_QUEUE_KIND_USER;
	else if (!strcmp(s, "kernel"))
		*out = DACC_QUEUE_KIND_KERNEL;
	else
		return run_fail(EXIT_USAGE, "%s '%s': want auto, user or kernel", name, s);
	return 0;
}

/* name: the option as it was typed, arg: the argument that holds it */
static int parse_option(int o, const char *name, const char *arg, struct options *opt)
{
	uint64_t u = 0;
	double d = 0;
	int ret = 0;

	switch (o) {
	case 'm':
		opt->model = optarg;
		break;
	case 't':
		opt->tokenizer = optarg;
		break;
	case 'p':
		if (opt->n_prompts == DACC_MAX_BATCH)
			return run_fail(EXIT_USAGE, "%s: at most %d can be batched", name,
					DACC_MAX_BATCH);
		opt->prompts[opt->n_prompts++] = optarg;
		break;
	case 'n':
		ret = parse_whole(name, optarg, 0, DACC_MAX_POS, &u);
		opt->steps = u;
		opt->steps_given = true;
		break;
	case OPT_TEMP:
		ret = parse_number(name, optarg, 0, 1e6, &d);
		if (!ret && d > 0 && d < FLT_MIN)
			ret = run_fail(EXIT_USAGE, "%s '%s': want 0 (greedy), or %g or more", name,
				       optarg, FLT_MIN);
		opt->temperature = d;
		break;
	case OPT_TOP_P:
		ret = parse_number(name, optarg, 0, 1, &d);
		opt->top_p = d;
		break;
	case OPT_SEED:
		ret = parse_whole(name, optarg, 1, UINT64_MAX, &opt->seed);
		break;
	case OPT_IDS:
		opt->ids = true;
		break;
	case OPT_JSON:
		opt->json = true;
		break;
	case OPT_STATS:
		opt->stats = true;
		break;
	case OPT_KV_TYPE:
		ret = parse_type(name, optarg, false, &opt->kv_type);
		break;
	case OPT_WEIGHT_TYPE:
		ret = parse_type(name, optarg, true, &opt->weight_type);
		break;
	case OPT_QUEUE:
		ret = parse_queue(name, optarg, &opt->queue);
		break;
	case OPT_CHUNK:
		ret = parse_whole(name, optarg, 1, GPUPEER_MAX_TOKENS, &u);
		opt->chunk = u;
		break;
	case OPT_K:
		ret = parse_whole(name, optarg, 1, DACC_MAX_TOKENS, &u);
		opt->tokens_per_job = u;
		break;
	case OPT_DEVICE:
		opt->device = optarg;
		break;
	case OPT_GPU:
		opt->gpu = optarg;
		break;
	case OPT_BOUNCE:
		opt->bounce = true;
		break;
	case OPT_VERIFY_KV:
		opt->verify_kv = true;
		break;
	case OPT_TIMEOUT:
		ret = parse_number(name, optarg, 0.001, 1e6, &opt->timeout);
		break;
	case 'h':
		fputs(usage_text, stdout);
		return -1;
	case 'V':
		printf("dacc-run (dacc) %s\n", dacc_version());
		return -1;
	default:
		return run_fail(EXIT_USAGE, "%s '%s' (see: dacc-run --help)",
				o == ':' ? "no value for option" : "bad option", arg);
	}
	return ret;
}

int parse_options(int argc, char **argv, struct options *opt)
{
	static const struct option longs[] = {
		{ "model", required_argument, NULL, 'm' },
		{ "tokenizer", required_argument, NULL, 't' },
		{ "prompt", required_argument, NULL, 'p' },
		{ "steps", required_argument, NULL, 'n' },
		{ "temp", required_argument, NULL, OPT_TEMP },
		{ "top-p", required_argument, NULL, OPT_TOP_P },
		{ "seed", required_argument, NULL, OPT_SEED },
		{ "ids", no_argument, NULL, OPT_IDS },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "stats", no_argument, NULL, OPT_STATS },
		{ "kv-type", required_argument, NULL, OPT_KV_TYPE },
		{ "weight-type", required_argument, NULL, OPT_WEIGHT_TYPE },
		{ "queue", required_argument, NULL, OPT_QUEUE },
		{ "chunk", required_argument, NULL, OPT_CHUNK },
		{ "k", required_argument, NULL, OPT_K },
		{ "device", required_argument, NULL, OPT_DEVICE },
		{ "gpu", required_argument, NULL, OPT_GPU },
		{ "bounce", no_argument, NULL, OPT_BOUNCE },
		{ "verify-kv", no_argument, NULL, OPT_VERIFY_KV },
		{ "timeout", required_argument, NULL, OPT_TIMEOUT },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	static const char *prompts[DACC_MAX_BATCH];
	char name[32];
	int o, ret, index = -1;

	*opt = (struct options){
		.prompts = prompts,
		.steps = 256,
		.top_p = 0.9f,
		.seed = 1,
		.kv_type = DACC_TYPE_F32,
		.weight_type = DACC_TYPE_F32,
		.chunk = DEFAULT_CHUNK,
		.tokens_per_job = DEFAULT_K,
		.timeout = DEFAULT_TIMEOUT,
	};
	opterr = 0;
	while ((o = getopt_long(argc, argv, ":m:t:p:n:hV", longs, &index)) != -1) {
		if (index >= 0)
			snprintf(name, sizeof(name), "--%s", longs[index].name);
		else
			snprintf(name, sizeof(name), "-%c", o);
		index = -1;
		ret = parse_option(o, name, argv[optind - 1], opt);
		if (ret)
			return ret;
	}
	if (optind < argc)
		return run_fail(EXIT_USAGE, "'%s' is no option; a prompt is given with -p",
				argv[optind]);
	if (!opt->model)
		return run_fail(EXIT_USAGE,
				"no model: give one with -m FILE (see: dacc-run --help)");
	if (opt->ids && opt->json)
		return run_fail(EXIT_USAGE,
				"--ids and --json exclude each other; JSON has the ids");
	if (!opt->n_prompts)
		prompts[opt->n_prompts++] = "";
	return EXIT_OK;
}
