// SPDX-License-Identifier: MIT
/*
 * hello-decode: the shortest way to text with libdacc.
 *
 * It needs no GPU peer: the prompt's tokens are decoded one by one, which fills
 * the KV cache just as a prefill would. dacc-run shows how to bring a KV cache
 * in from a GPU (dacc_kv_prepare(), dacc_kv_post()).
 *
 *   cc hello-decode.c $(pkg-config --cflags --libs libdacc)
 *   ./a.out model.bin tokenizer.bin ["Once upon a time"]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dacc/dacc.h>

#define MAX_TOKENS 64

static struct dacc_device *dev;

/* The token's bytes are as many as it has, whatever the room; so it is cut here. */
static void print(const struct dacc_tokenizer *tok, uint32_t prev, uint32_t token)
{
	char text[256];
	int len = dacc_tokenizer_decode(tok, prev, token, text, sizeof(text));

	if (len > (int)sizeof(text))
		len = sizeof(text);
	if (len > 0)
		fwrite(text, 1, len, stdout);
	fflush(stdout);
}

/* Have the chip go on from token at pos, n tokens far; they come in as it makes them. */
static int decode(struct dacc_queue *queue, struct dacc_session *session, uint32_t token,
		  uint32_t pos, unsigned int n, const struct dacc_tokenizer *show)
{
	const struct dacc_session_start start = {
		.size = sizeof(start),
		.token = token,
		.pos = pos,
		.stop_token = DACC_TOKEN_BOS,
	};
	const struct dacc_decode job = {
		.size = sizeof(job),
		.sessions = &session,
		.n_sessions = 1,
		.max_tokens = n,
	};
	struct dacc_stream *stream;
	uint32_t next, prev = token;
	int ret;

	ret = dacc_session_begin(session, &start);
	if (!ret)
		ret = dacc_submit_decode(queue, &job, &stream);
	if (ret)
		return ret;
	while ((ret = dacc_stream_poll(stream, dacc_deadline(60000000000))) > 0) {
		while (dacc_stream_read(stream, 0, &next, 1) == 1) {
			if (show && next != DACC_TOKEN_BOS)
				print(show, prev, next);
			prev = next;
		}
	}
	if (!ret)
		ret = dacc_stream_wait(stream, dacc_deadline(60000000000), NULL);
	dacc_stream_free(stream);
	return ret;
}

int main(int argc, char **argv)
{
	const char *prompt = argc > 3 ? argv[3] : "";
	struct dacc_tokenizer *tok = NULL;
	struct dacc_program *program = NULL;
	struct dacc_weights *weights = NULL;
	struct dacc_session *session = NULL;
	struct dacc_queue *transfer = NULL, *queue = NULL;
	struct dacc_model *model = NULL;
	struct dacc_vm *vm = NULL;
	struct dacc_error err = { "" };
	uint32_t *ids = NULL;
	size_t room;
	int n = 0, ret;

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: hello-decode MODEL TOKENIZER [PROMPT]\n");
		return 2;
	}
	/* What needs no device. */
	ret = dacc_model_open(argv[1], &model, &err);
	if (!ret)
		ret = dacc_tokenizer_open(argv[2], dacc_model_get_config(model)->vocab_size, &tok,
					  &err);
	if (!ret)
		ret = dacc_program_compile(model, NULL, &program, &err);
	if (!ret) {
		/* Always room enough: each byte a token, a leading space, and BOS. */
		room = strlen(prompt) + 2;
		ids = calloc(room, sizeof(*ids));
		n = ids ? dacc_tokenizer_encode(tok, prompt, ids, room) : -ENOMEM;
	}
	if (n < 0) {
		ret = n;
		snprintf(err.text, sizeof(err.text), "the prompt: %s", dacc_strerror(n));
	}
	if (!ret)
		ret = dacc_device_open(NULL, &dev, &err);
	if (ret) {
		fprintf(stderr, "hello-decode: %s\n", err.text);
		goto out;
	}
	/* An address space, its queues, the weights in SRAM, a session. */
	ret = dacc_vm_create(dev, &vm);
	if (!ret)
		ret = dacc_queue_create(vm, DACC_CLASS_TRANSFER, 16, &transfer);
	if (!ret)
		ret = dacc_queue_create(vm, DACC_CLASS_DECODE, 16, &queue);
	if (!ret)
		ret = dacc_weights_load(program, vm, transfer, dacc_deadline(60000000000),
					&weights);
	if (!ret)
		ret = dacc_session_create(weights, &session);
	for (int i = 0; i < n - 1 && !ret; i++)
		ret = decode(queue, session, ids[i], i, 1, NULL);
	if (!ret) {
		printf("%s", prompt);
		ret = decode(queue, session, ids[n - 1], n - 1, MAX_TOKENS, tok);
		printf("\n");
	}
	if (ret) {
		/* The message is of the latest failure: is it of this one? */
		if (dacc_device_error(dev, &err) != ret)
			snprintf(err.text, sizeof(err.text), "%s", dacc_strerror(ret));
		fprintf(stderr, "hello-decode: %s\n", err.text);
	}
out:
	free(ids);
	dacc_session_destroy(session);
	dacc_weights_free(weights);
	dacc_queue_destroy(queue);
	dacc_queue_destroy(transfer);
	dacc_vm_destroy(vm);
	dacc_device_close(dev);
	dacc_program_free(program);
	dacc_tokenizer_close(tok);
	dacc_model_close(model);
	return ret ? 1 : 0;
}
