// SPDX-License-Identifier: GPL-2.0
/* A client: decodes the same text again and again and compares every token. */
#include <dacc/dacc.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"

#define TOKENS_PER_JOB 16
#define TEXT_MAX       65536
#define PATIENCE       120000000000ll

struct chip {
	struct dacc_device *dev;
	struct dacc_vm *vm;
	struct dacc_queue *transfer;
	struct dacc_queue *queue;
	struct dacc_weights *weights;
	struct dacc_session *session;
};

static char golden[TEXT_MAX];
static size_t golden_len;

static int read_golden(void)
{
	int fd = open(opt->golden, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, golden, sizeof(golden));
	close(fd);
	if (n <= 0)
		return -EIO;
	/* The file ends with a newline that is no token's. */
	golden_len = (size_t)n - (golden[n - 1] == '\n');
	return 0;
}

static void chip_close(struct chip *chip)
{
	dacc_session_destroy(chip->session);
	dacc_weights_free(chip->weights);
	dacc_queue_destroy(chip->queue);
	dacc_queue_destroy(chip->transfer);
	dacc_vm_destroy(chip->vm);
	dacc_device_close(chip->dev);
	memset(chip, 0, sizeof(*chip));
}

static int chip_open(struct chip *chip, struct dacc_program *program, struct dacc_error *err)
{
	int ret = dacc_device_open(NULL, &chip->dev, err);

	if (ret)
		return ret;
	ret = dacc_vm_create(chip->dev, &chip->vm);
	if (!ret)
		ret = dacc_queue_create(chip->vm, DACC_CLASS_TRANSFER, 16, &chip->transfer);
	if (!ret)
		ret = dacc_queue_create(chip->vm, DACC_CLASS_DECODE, 16, &chip->queue);
	if (!ret)
		ret = dacc_weights_load(program, chip->vm, chip->transfer, dacc_deadline(PATIENCE),
					&chip->weights);
	if (!ret)
		ret = dacc_session_create(chip->weights, &chip->session);
	if (ret && dacc_device_error(chip->dev, err) != ret)
		snprintf(err->text, sizeof(err->text), "%s", dacc_strerror(ret));
	return ret;
}

/* One more token: is the text still the golden one? */
static bool compare(struct client *self, const struct dacc_tokenizer *tok, uint32_t prev,
		    uint32_t token, size_t *done)
{
	char text[256];
	int len = dacc_tokenizer_decode(tok, prev, token, text, sizeof(text));

	if (len < 0 || (size_t)len > sizeof(text))
		return false;
	if (*done + len > golden_len || memcmp(golden + *done, text, len))
		return false;
	*done += len;
	self->tokens++;
	return true;
}

/* A job of a few tokens. 0, 1 at the text's end, or a negative errno. */
static int decode_some(struct client *self, struct chip *chip, const struct dacc_tokenizer *tok,
		       uint32_t *prev, size_t *done)
{
	const struct dacc_decode job = {
		.size = sizeof(job),
		.sessions = &chip->session,
		.n_sessions = 1,
		.max_tokens = TOKENS_PER_JOB,
	};
	struct dacc_stream *stream;
	bool end = false;
	uint32_t token;
	int ret, n;

	ret = dacc_submit_decode(chip->queue, &job, &stream);
	if (ret)
		return ret;
	while ((ret = dacc_stream_poll(stream, dacc_deadline(PATIENCE))) > 0) {
		while ((n = dacc_stream_read(stream, 0, &token, 1)) == 1) {
			if (end || token == DACC_TOKEN_BOS) {
				end = true;
			} else if (!compare(self, tok, *prev, token, done)) {
				/* The golden text has a fixed number of tokens. */
				if (*done == golden_len) {
					end = true;
				} else {
					snprintf(self->message, sizeof(self->message),
						 "token %u behind %zu right bytes is wrong", token,
						 *done);
					self->wrong++;
					end = true;
				}
			}
			*prev = token;
		}
		/* The records of a device that is gone read as zeros. */
		if (n < 0) {
			ret = n;
			break;
		}
	}
	if (!ret)
		ret = dacc_stream_wait(stream, dacc_deadline(PATIENCE), NULL);
	dacc_stream_free(stream);
	return ret ? ret : end || *done == golden_len;
}

static int one_text(struct client *self, struct chip *chip, const struct dacc_tokenizer *tok)
{
	const struct dacc_session_start start = {
		.size = sizeof(start),
		.token = DACC_TOKEN_BOS,
		.stop_token = DACC_TOKEN_BOS,
	};
	uint32_t prev = DACC_TOKEN_BOS;
	size_t done = 0;
	int ret;

	ret = dacc_session_begin(chip->session, &start);
	while (!ret && !*stop_clients)
		ret = decode_some(self, chip, tok, &prev, &done);
	if (ret > 0 && done == golden_len) {
		self->texts++;
	} else if (ret > 0 && !self->wrong) {
		snprintf(self->message, sizeof(self->message),
			 "the text ends after %zu of %zu bytes", done, golden_len);
		self->wrong++;
	}
	return ret < 0 ? ret : 0;
}

/* Until the chip fails or the end. */
static int client_loop(struct client *self, struct chip *chip, struct dacc_program *program,
		       const struct dacc_tokenizer *tok, struct dacc_error *err)
{
	int ret = chip_open(chip, program, err);

	while (!ret && !*stop_clients) {
		ret = one_text(self, chip, tok);
		if (ret && dacc_device_error(chip->dev, err) != ret)
			snprintf(err->text, sizeof(err->text), "%s", dacc_strerror(ret));
	}
	return ret;
}

int client_run(struct client *self, bool may_lose)
{
	struct dacc_tokenizer *tok = NULL;
	struct dacc_program *program = NULL;
	struct dacc_model *model = NULL;
	struct dacc_error err = { "" };
	struct chip chip = {};
	int ret = read_golden();

	if (ret)
		snprintf(err.text, sizeof(err.text), "%s: %s", opt->golden, strerror(-ret));
	if (!ret)
		ret = dacc_model_open(opt->model, &model, &err);
	if (!ret)
		ret = dacc_tokenizer_open(opt->tokenizer, dacc_model_get_config(model)->vocab_size,
					  &tok, &err);
	if (!ret)
		ret = dacc_program_compile(model, NULL, &program, &err);
	while (!ret && !*stop_clients) {
		ret = client_loop(self, &chip, program, tok, &err);
		chip_close(&chip);
		if (!ret || *stop_clients)
			continue;
		/* -ETIME: a job that did not end, whatever became of the device. */
		if (!may_lose || ret == -ETIME)
			break;
		self->reopened++;
		ret = 0;
		usleep(20000);
	}
	if (ret && !*stop_clients) {
		snprintf(self->message, sizeof(self->message), "%.250s", err.text);
		self->errors++;
	}
	dacc_program_free(program);
	dacc_tokenizer_close(tok);
	dacc_model_close(model);
	return self->errors || self->wrong ? 1 : 0;
}

/* The text of one dacc-run, or a negative errno. */
static ssize_t run_tool(char *text, size_t size, int *status)
{
	size_t len = 0;
	ssize_t n;
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		execlp("dacc-run", "dacc-run", "-m", opt->model, "-t", opt->tokenizer, "-n", "64",
		       NULL);
		_exit(127);
	}
	close(fds[1]);
	while (len < size && (n = read(fds[0], text + len, size - len)) > 0)
		len += (size_t)n;
	close(fds[0]);
	waitpid(pid, status, 0);
	return (ssize_t)len;
}

int client_run_tool(struct client *self)
{
	static char text[TEXT_MAX];
	int ret = read_golden();

	while (!ret && !*stop_clients) {
		int status = 0;
		ssize_t len = run_tool(text, sizeof(text), &status);

		/* dacc-run ends its text with a newline. */
		if (len > 0 && text[len - 1] == '\n')
			len--;
		if (len <= 0 || !WIFEXITED(status) || WEXITSTATUS(status)) {
			snprintf(self->message, sizeof(self->message), "dacc-run: status %#x",
				 status);
			self->errors++;
			break;
		}
		if ((size_t)len > golden_len || memcmp(text, golden, (size_t)len)) {
			snprintf(self->message, sizeof(self->message), "dacc-run: wrong text");
			self->wrong++;
			break;
		}
		self->tokens += 64;
		self->texts++;
	}
	return ret || self->errors || self->wrong ? 1 : 0;
}
