// SPDX-License-Identifier: GPL-2.0
/* Making a call: changed now and then, logged, counted. */
#include <unistd.h>

#include "fuzz.h"

void log_call(struct ctx *c, uint64_t request, const void *arg, size_t size)
{
	struct record *r = &c->log->record[c->log->next % c->log_size];

	r->call = c->call;
	r->op = c->op;
	r->ret = RET_PENDING;
	r->request = request;
	memset(r->arg, 0, sizeof(r->arg));
	if (arg)
		memcpy(r->arg, arg, size < sizeof(r->arg) ? size : sizeof(r->arg));
	if (c->kmsg >= 0)
		dprintf(c->kmsg, "ioctl_fuzz: thread %u call %u op %u request %#lx\n", c->thread,
			c->call, c->op, (unsigned long)request);
}

int log_return(struct ctx *c, long ret)
{
	struct record *r = &c->log->record[c->log->next++ % c->log_size];
	struct op_stats *stats = &c->shared->op[c->op];
	int err = errno;

	ret = ret < 0 ? -err : ret;
	r->ret = ret > 0 ? 1 : (int16_t)ret;
	__atomic_add_fetch(&c->shared->calls, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&c->shared->worker[c->worker].calls, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&stats->calls, 1, __ATOMIC_RELAXED);
	if (ret >= 0)
		__atomic_add_fetch(&stats->ok, 1, __ATOMIC_RELAXED);
	else if (-ret < (long)ARRAY_SIZE(stats->failed))
		__atomic_add_fetch(&stats->failed[-ret], 1, __ATOMIC_RELAXED);
	if (c->verbose)
		printf("thread %u call %u op %u request %#lx: %ld\n", c->thread, c->call, c->op,
		       (unsigned long)r->request, ret);
	return ret < 0 ? (int)ret : 0;
}

/* @fix runs last: for what must not be random, such as an endless wait. */
int call_fixed(struct ctx *c, int fd, unsigned long request, void *arg,
	       void (*fix)(struct ctx *c, void *arg))
{
	size_t size = _IOC_SIZE(request);

	mutate(c, arg, size);
	if (fix)
		fix(c, arg);
	/* Another size than the driver's own: DRM cuts or extends. */
	if (one_in(c, 64))
		request = _IOC(_IOC_DIR(request), _IOC_TYPE(request), _IOC_NR(request),
			       below(c, size + 1));
	if (one_in(c, 256))
		request ^= _IOC(below(c, 4), 0, 0, 0);
	log_call(c, request, arg, size);
	return log_return(c, ioctl(fd, request, one_in(c, 256) ? (void *)0x10 : arg));
}

int call(struct ctx *c, int fd, unsigned long request, void *arg)
{
	return call_fixed(c, fd, request, arg, NULL);
}
