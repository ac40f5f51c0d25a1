// SPDX-License-Identifier: GPL-2.0
/* Files, mappings, processes; and what a client does to its user queues' memory. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <drm_mode.h>

#include "fuzz.h"

/* A node below @dir whose driver is @driver, or -1. */
int open_driver(const char *dir, const char *prefix, const char *driver)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int found = -1;

	while (d && found < 0 && (e = readdir(d))) {
		char path[300], name[64] = "";
		struct drm_version v = { .name = name, .name_len = sizeof(name) - 1 };
		int fd;

		if (strncmp(e->d_name, prefix, strlen(prefix)))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			continue;
		if (!ioctl(fd, DRM_IOCTL_VERSION, &v) && !strcmp(name, driver))
			found = fd;
		else
			close(fd);
	}
	if (d)
		closedir(d);
	return found;
}

static bool map_lock(struct map *m)
{
	return !__atomic_exchange_n(&m->busy, 1, __ATOMIC_ACQUIRE);
}

static void map_unlock(struct map *m)
{
	__atomic_store_n(&m->busy, 0, __ATOMIC_RELEASE);
}

void map_drop(struct ctx *c, int slot)
{
	struct map *m = &c->s->map[slot];

	if (!map_lock(m))
		return;
	if (m->p) {
		log_call(c, 2, NULL, 0);
		log_return(c, munmap(m->p, m->len));
		m->p = NULL;
	}
	map_unlock(m);
}

/* The slot of the new mapping, or -1. */
int map_add(struct ctx *c, int fd, uint64_t offset, size_t len)
{
	static const int prots[] = { PROT_READ | PROT_WRITE,
				     PROT_READ | PROT_WRITE,
				     PROT_READ | PROT_WRITE,
				     PROT_READ,
				     PROT_NONE,
				     PROT_READ | PROT_EXEC };
	int slot = (int)below(c, NUM_MAPS);
	struct map *m = &c->s->map[slot];
	uint64_t arg[3] = { offset, len, (uint64_t)fd };
	void *p;

	if (one_in(c, 64))
		arg[0] ^= 0x1000ull << below(c, 20);
	map_drop(c, slot);
	log_call(c, 1, arg, sizeof(arg));
	p = mmap(NULL, len, prots[one_in(c, 8) ? below(c, ARRAY_SIZE(prots)) : 0],
		 one_in(c, 32) ? MAP_PRIVATE : MAP_SHARED, fd, (off_t)arg[0]);
	log_return(c, p == MAP_FAILED ? -1 : 0);
	if (p == MAP_FAILED)
		return -1;
	if (!map_lock(m)) {
		munmap(p, len);
		return -1;
	}
	if (m->p)
		munmap(m->p, m->len);
	m->p = p;
	m->len = len;
	map_unlock(m);
	return slot;
}

static void op_munmap(struct ctx *c)
{
	map_drop(c, (int)below(c, NUM_MAPS));
}

/* Runs @touch on a mapping; a fault of it ends the touching, not the process. */
static void with_map(struct ctx *c, int slot, void (*touch)(struct ctx *c, struct map *m, void *),
		     void *data)
{
	struct map *m = &c->s->map[slot];

	if (slot < 0 || !map_lock(m))
		return;
	if (m->p) {
		c->trapping = true;
		if (!sigsetjmp(c->trap, 1))
			touch(c, m, data);
		c->trapping = false;
	}
	map_unlock(m);
}

static void scribble(struct ctx *c, struct map *m, void *data)
{
	int n = 1 + (int)below(c, 8);

	while (n--) {
		volatile uint64_t *p = (void *)(m->p + (below(c, m->len) & ~7ull));

		if (one_in(c, 3))
			(void)*p;
		else
			*p = one_in(c, 2) ? va(c) : odd_value(c);
	}
}

static void op_scribble(struct ctx *c)
{
	with_map(c, (int)below(c, NUM_MAPS), scribble, NULL);
}

/* Descriptors as a client writes them, some with a bit wrong. */
static void userq_produce(struct ctx *c, struct map *m, void *data)
{
	struct userq *u = data;
	struct dacc_desc d = { .flags = below(c, 2) ? DACC_DESC_IRQ : DACC_DESC_CONTINUE };
	size_t at = (u->produced & (u->depth - 1)) * sizeof(d);

	switch (below(c, 4)) {
	case 0:
		d.opcode = DACC_OP_NOP;
		break;
	case 1:
		d.opcode = DACC_OP_FILL;
		d.fill.dst = va(c) & ~3ull;
		d.fill.len = small_len(c) & ~3ull;
		break;
	default:
		d.opcode = DACC_OP_COPY;
		d.copy.src = va(c);
		d.copy.dst = va(c);
		d.copy.len = small_len(c);
		break;
	}
	mutate(c, &d, sizeof(d));
	if (at + sizeof(d) <= m->len)
		memcpy(m->p + at, &d, sizeof(d));
	u->produced++;
}

static void userq_ring(struct ctx *c, struct map *m, void *data)
{
	struct userq *u = data;
	volatile uint32_t *doorbell = (void *)m->p;

	if (m->len < 8)
		return;
	if (one_in(c, 64))
		*doorbell = (uint32_t)odd_value(c);
	else
		*doorbell = (uint32_t)u->produced;
	(void)doorbell[1];
}

static void op_userq_push(struct ctx *c)
{
	struct userq *u = &c->s->userq[below(c, NUM_USERQS)];
	int n = 1 + (int)below(c, 4);

	if (!u->file || !u->depth)
		return;
	while (n--)
		with_map(c, u->ring, userq_produce, u);
	with_map(c, u->doorbell, userq_ring, u);
}

static void op_reopen(struct ctx *c)
{
	struct file *f = &c->s->file[1 + below(c, NUM_FILES - 1)];
	int old = f->fd;

	log_call(c, 3, NULL, 0);
	f->fd = open_driver("/dev/accel", "accel", "dacc");
	log_return(c, f->fd);
	/* The names stay, all stale now. */
	if (old >= 0)
		close(old);
	dacc_setup(c, f);
}

static void op_dup(struct ctx *c)
{
	struct file *f = any_file(c);
	int fd;

	log_call(c, 4, NULL, 0);
	fd = dup(f->fd);
	log_return(c, fd);
	if (fd >= 0)
		close(fd);
}

/* A child that uses what it inherited and goes, by itself or killed. */
static void op_fork(struct ctx *c)
{
	struct drm_dacc_bo_info a = {};
	struct file *f = any_file(c);
	int i;
	pid_t pid;

	/* By far the dearest of all. */
	if (!one_in(c, 4))
		return;
	log_call(c, 5, NULL, 0);
	pid = fork();
	if (!pid) {
		for (i = 0; i < 8; i++) {
			a.handle = (uint32_t)pick(c, &f->bo);
			ioctl(f->fd, DRM_IOCTL_DACC_BO_INFO, &a);
		}
		_exit(0);
	}
	log_return(c, pid);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void op_read(struct ctx *c)
{
	struct file *f = any_file(c);
	size_t len = one_in(c, 8) ? below(c, 200) : 512;
	void *room = (void *)user_ptr(c, scratch(c, 512));

	log_call(c, 6, NULL, 0);
	log_return(c, read(f->fd, room, len));
}

static void op_poll(struct ctx *c)
{
	struct pollfd p[2] = {
		{ .fd = any_file(c)->fd, .events = POLLIN },
		{ .fd = (int)pick(c, &c->s->dmabuf), .events = POLLIN | POLLOUT },
	};

	log_call(c, 7, NULL, 0);
	log_return(c, poll(p, 2, 0));
}

static void op_fdinfo(struct ctx *c)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", any_file(c)->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	log_call(c, 8, NULL, 0);
	log_return(c, read(fd, scratch(c, 4096), 4096));
	close(fd);
}

static int heap_buffer(size_t len)
{
	struct dma_heap_allocation_data a = { .len = len, .fd_flags = O_RDWR | O_CLOEXEC };
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	int ret = -1;

	if (heap >= 0 && !ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &a))
		ret = (int)a.fd;
	if (heap >= 0)
		close(heap);
	return ret;
}

static int udmabuf_buffer(size_t len)
{
	struct udmabuf_create a = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = len };
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int mem = memfd_create("fuzz", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	int ret = -1;

	if (dev >= 0 && mem >= 0 && !ftruncate(mem, (off_t)len) &&
	    !fcntl(mem, F_ADD_SEALS, F_SEAL_SHRINK)) {
		a.memfd = (uint32_t)mem;
		ret = ioctl(dev, UDMABUF_CREATE, &a);
	}
	if (dev >= 0)
		close(dev);
	if (mem >= 0)
		close(mem);
	return ret;
}

static int vgem_buffer(int vgem)
{
	struct drm_mode_create_dumb dumb = { .width = 64, .height = 64, .bpp = 32 };
	struct drm_prime_handle h = { .flags = DRM_CLOEXEC | DRM_RDWR };

	if (vgem < 0 || ioctl(vgem, DRM_IOCTL_MODE_CREATE_DUMB, &dumb))
		return -1;
	h.handle = dumb.handle;
	return ioctl(vgem, DRM_IOCTL_PRIME_HANDLE_TO_FD, &h) ? -1 : h.fd;
}

/* A buffer of another driver, for imports. */
static void op_foreign(struct ctx *c)
{
	size_t len = 0x1000 << below(c, 5);
	uint64_t old;
	int fd;

	log_call(c, 9, NULL, 0);
	switch (below(c, 3)) {
	case 0:
		fd = heap_buffer(len);
		break;
	case 1:
		fd = udmabuf_buffer(len);
		break;
	default:
		fd = vgem_buffer(c->s->vgem);
		break;
	}
	log_return(c, fd);
	if (fd < 0)
		return;
	old = keep(c, &c->s->dmabuf, (uint64_t)fd);
	if (old)
		close((int)old);
}

static void op_close_fds(struct ctx *c)
{
	uint64_t fd = take(c, one_in(c, 2) ? &c->s->dmabuf : &c->s->syncfd);

	/* Not one of those that the run itself needs. */
	if (fd > 16 && fd < 1024)
		close((int)fd);
}

/* An epoch's beginning: open files, each with something to work on. */
void setup(struct ctx *c)
{
	struct state *s = c->s;
	int i;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < NUM_FILES; i++)
		s->file[i].fd = open_driver("/dev/accel", "accel", "dacc");
	s->gpu = open_driver("/dev/dri", "renderD", "gpupeer");
	s->vgem = open_driver("/dev/dri", "card", "vgem");
	for (i = 0; i < NUM_USERQS; i++)
		s->userq[i] = (struct userq){ .ring = -1, .cpl = -1, .doorbell = -1 };
	for (i = 0; i < NUM_FILES; i++)
		dacc_setup(c, &s->file[i]);
	if (s->gpu >= 0)
		gpu_setup(c);
}

const struct op sys_ops[] = { { "setup", 0, NULL }, /* what setup() does is counted here */
			      { "munmap", 8, op_munmap },
			      { "scribble", 20, op_scribble },
			      { "userq_push", 40, op_userq_push },
			      { "reopen", 1, op_reopen },
			      { "dup", 4, op_dup },
			      { "fork", 1, op_fork },
			      { "read", 16, op_read },
			      { "poll", 10, op_poll },
			      { "fdinfo", 4, op_fdinfo },
			      { "foreign", 3, op_foreign },
			      { "close_fds", 6, op_close_fds },
			      {} };
