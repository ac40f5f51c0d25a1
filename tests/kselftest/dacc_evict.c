// SPDX-License-Identifier: GPL-2.0
/* SRAM that is not enough: eviction and restore, priorities, limits, clearing. */
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "dacc_life.h"

#define SRAM DRM_DACC_BO_SRAM
#define HOST DRM_DACC_BO_HOST
#define BOTH (SRAM | HOST)
#define OUT  0x200000000ull /* where host memory for results is bound */
#define STEP 512            /* a word of a pattern in each page */

/* A client with an address space, a queue and a page of host memory to copy to. */
struct client {
	int fd;
	uint32_t vm;
	uint32_t q;
	uint64_t *out;
};

static int client_open(struct client *c)
{
	uint32_t h;
	int ret;

	c->fd = open_node();
	if (c->fd < 0)
		return -errno;
	ret = vm_create(c->fd, &c->vm);
	ret = ret ? ret : queue_create(c->fd, c->vm, DRM_DACC_QUEUE_TRANSFER, 64, &c->q);
	ret = ret ? ret : bo_create(c->fd, SZ_64K, HOST, &h);
	ret = ret ? ret : vm_map(c->fd, c->vm, h, 0, OUT, SZ_64K, 0);
	if (ret)
		return ret;
	c->out = bo_map(c->fd, h, SZ_64K);
	return c->out ? 0 : -ENOMEM;
}

static void client_close(struct client *c)
{
	munmap(c->out, SZ_64K);
	close(c->fd);
}

static int create(int fd, uint64_t size, uint32_t flags, uint32_t vm, uint32_t priority,
		  uint32_t *handle, uint64_t *available)
{
	struct drm_dacc_bo_create c = {
		.size = size,
		.flags = flags,
		.vm = vm,
		.priority = priority,
	};
	int ret = xioctl(fd, DRM_IOCTL_DACC_BO_CREATE, &c);

	*handle = c.handle;
	if (available)
		*available = c.available;
	return ret;
}

static int normal(int fd, uint64_t size, uint32_t *handle)
{
	return create(fd, size, SRAM, 0, DRM_DACC_PRIORITY_NORMAL, handle, NULL);
}

static bool is(int fd, uint32_t handle, uint32_t flag)
{
	uint32_t flags = 0;
	uint64_t size;

	return !bo_info(fd, handle, &flags, &size) && flags & flag;
}

static bool resident(int fd, uint32_t handle)
{
	return is(fd, handle, DRM_DACC_BO_RESIDENT);
}

/* Mappings keep buffers alive, so the teardown takes them away. */
static struct {
	void *at;
	uint64_t size;
} maps[16];
static int n_maps;

static uint64_t *map(int fd, uint32_t handle, uint64_t size)
{
	void *at = bo_map(fd, handle, size);

	if (at && n_maps < 16) {
		maps[n_maps].at = at;
		maps[n_maps++].size = size;
	}
	return at;
}

static void unmap_all(void)
{
	while (n_maps) {
		n_maps--;
		munmap(maps[n_maps].at, maps[n_maps].size);
	}
}

static void paint(uint64_t *p, uint64_t size, uint64_t seed)
{
	for (uint64_t i = 0; i < size / 8; i += STEP)
		p[i] = seed * 0x9e3779b97f4a7c15ull + i;
}

static bool painted(const uint64_t *p, uint64_t size, uint64_t seed)
{
	for (uint64_t i = 0; i < size / 8; i += STEP) {
		if (p[i] != seed * 0x9e3779b97f4a7c15ull + i)
			return false;
	}
	return true;
}

static bool zero(const uint64_t *p, uint64_t size)
{
	for (uint64_t i = 0; i < size / 8; i += STEP / 8) {
		if (p[i])
			return false;
	}
	return true;
}

/* The chip's own view: the first page at @va, copied to host memory by a job. */
static int chip_reads(struct client *c, uint64_t va)
{
	struct drm_dacc_result r = {};
	int ret;

	memset(c->out, 0x5a, SZ_4K);
	ret = run(c->fd, c->q, job_copy(OUT, va, SZ_4K), &r);
	return ret ? ret : r.error;
}

/* Hardware queue of a process's first queue, 0 being the driver; -1: none. */
static int hardware_queue(int pid)
{
	int hw, id, of, found = -1;
	FILE *f = debugfs_open("queues", "r");
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%d %d %d", &hw, &id, &of) == 3 && of == pid && found < 0)
			found = hw;
	if (f)
		fclose(f);
	return found;
}

/* Leaves of 2 MiB in all page tables. */
static int large_leaves(void)
{
	FILE *f = debugfs_open("pagetables", "r");
	char line[256];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += !!strstr(line, " 2048 KiB -> sram");
	if (f)
		fclose(f);
	return n;
}

static int limits(int fd, struct drm_dacc_limit_info *info)
{
	struct drm_dacc_query q = {
		.type = DRM_DACC_QUERY_LIMITS,
		.pointer = (uintptr_t)info,
		.size = DRM_DACC_LIMIT_COUNT * sizeof(*info),
	};

	return xioctl(fd, DRM_IOCTL_DACC_QUERY, &q);
}

FIXTURE(dacc_evict)
{
	struct client a;
	struct client b;
	uint64_t quarter;
	unsigned int evict_timeout;
	unsigned int job_timeout;
};

FIXTURE_SETUP(dacc_evict)
{
	struct drm_dacc_device_info info = {};

	ASSERT_EQ(get_parameter("evict_timeout_ms", &self->evict_timeout), 0);
	ASSERT_EQ(get_parameter("job_timeout_ms", &self->job_timeout), 0);
	ASSERT_EQ(client_open(&self->a), 0);
	ASSERT_EQ(client_open(&self->b), 0);
	ASSERT_EQ(query_device(self->a.fd, &info), 0);
	ASSERT_EQ(info.sram_free, info.sram_size);
	self->quarter = info.sram_size / 4;
}

FIXTURE_TEARDOWN(dacc_evict)
{
	unmap_all();
	client_close(&self->a);
	client_close(&self->b);
	set_parameter("evict_timeout_ms", self->evict_timeout);
	set_parameter("job_timeout_ms", self->job_timeout);
	set_parameter("cpu_moves", 0);
	for (int i = 0; i < 100 && counter("sram_used"); i++)
		usleep(100000);
	EXPECT_EQ(counter("sram_used"), 0);
	EXPECT_EQ(counter("evicted_bytes"), 0);
}

/* Four quarters in use by @c push out all else of normal priority that is idle. */
#define PUSH_OUT(c) \
	do { \
		uint32_t _h; \
\
		for (int _i = 0; _i < 4; _i++) \
			ASSERT_EQ(normal((c)->fd, self->quarter, &_h), 0); \
	} while (0)

TEST_F(dacc_evict, contents_survive)
{
	struct client *a = &self->a;
	long long evictions = counter("evictions");
	uint64_t *p;
	uint32_t h;

	ASSERT_EQ(normal(a->fd, self->quarter, &h), 0);
	EXPECT_TRUE(resident(a->fd, h));
	p = map(a->fd, h, self->quarter);
	ASSERT_NE(p, NULL);
	paint(p, self->quarter, 1);
	PUSH_OUT(&self->b);
	EXPECT_FALSE(resident(a->fd, h));
	EXPECT_GT(counter("evictions"), evictions);
	EXPECT_TRUE(painted(p, self->quarter, 1));
}

TEST_F(dacc_evict, contents_survive_moves_by_the_cpu)
{
	struct client *a = &self->a;
	uint64_t *p;
	uint32_t h;

	ASSERT_EQ(set_parameter("cpu_moves", 1), 0);
	ASSERT_EQ(normal(a->fd, self->quarter, &h), 0);
	ASSERT_EQ(vm_map(a->fd, a->vm, h, 0, VA, self->quarter, 0), 0);
	p = map(a->fd, h, self->quarter);
	ASSERT_NE(p, NULL);
	EXPECT_TRUE(zero(p, self->quarter));
	paint(p, self->quarter, 2);
	PUSH_OUT(&self->b);
	EXPECT_FALSE(resident(a->fd, h));
	EXPECT_TRUE(painted(p, self->quarter, 2));
	ASSERT_EQ(chip_reads(a, VA), 0);
	EXPECT_TRUE(resident(a->fd, h));
	EXPECT_TRUE(painted(p, self->quarter, 2));
	EXPECT_TRUE(painted(a->out, SZ_4K, 2));
}

TEST_F(dacc_evict, restored_by_submit)
{
	struct client *a = &self->a;
	uint64_t *p;
	uint32_t h;

	ASSERT_EQ(normal(a->fd, self->quarter, &h), 0);
	ASSERT_EQ(vm_map(a->fd, a->vm, h, 0, VA, self->quarter, 0), 0);
	p = map(a->fd, h, self->quarter);
	paint(p, self->quarter, 3);
	PUSH_OUT(&self->b);
	ASSERT_FALSE(resident(a->fd, h));
	ASSERT_EQ(chip_reads(a, VA), 0);
	EXPECT_TRUE(painted(a->out, SZ_4K, 3));
	EXPECT_TRUE(resident(a->fd, h));
	EXPECT_TRUE(painted(p, self->quarter, 3));
}

TEST_F(dacc_evict, written_while_evicted)
{
	struct client *a = &self->a;
	uint64_t *p;
	uint32_t h;

	ASSERT_EQ(normal(a->fd, self->quarter, &h), 0);
	ASSERT_EQ(vm_map(a->fd, a->vm, h, 0, VA, self->quarter, 0), 0);
	p = map(a->fd, h, self->quarter);
	paint(p, self->quarter, 4);
	PUSH_OUT(&self->b);
	ASSERT_FALSE(resident(a->fd, h));
	paint(p, self->quarter, 5);
	ASSERT_EQ(chip_reads(a, VA), 0);
	EXPECT_TRUE(painted(a->out, SZ_4K, 5));
	EXPECT_TRUE(painted(p, self->quarter, 5));
}

TEST_F(dacc_evict, bound_while_evicted)
{
	struct client *a = &self->a;
	uint64_t *p;
	uint32_t h;

	ASSERT_EQ(normal(a->fd, self->quarter, &h), 0);
	p = map(a->fd, h, self->quarter);
	paint(p, self->quarter, 6);
	PUSH_OUT(&self->b);
	ASSERT_FALSE(resident(a->fd, h));
	ASSERT_EQ(vm_map(a->fd, a->vm, h, 0, VA, self->quarter, 0), 0);
	ASSERT_EQ(chip_reads(a, VA), 0);
	EXPECT_TRUE(painted(a->out, SZ_4K, 6));
}

/* TTM swaps out all that it may when a buffer of host memory is populated. */
static int swap_all_out(int fd)
{
	static const char limit[] = "/sys/module/ttm/parameters/pages_limit";
	char before[32] = "";
	FILE *f = fopen(limit, "r");
	uint32_t h;
	int ret;

	if (!f)
		return -ENOENT;
	ret = fgets(before, sizeof(before), f) ? 0 : -EIO;
	fclose(f);
	ret = ret ? ret : write_file(limit, "1");
	if (ret)
		return ret;
	ret = bo_create(fd, SZ_4K, HOST, &h);
	write_file(limit, before);
	return ret;
}

/* One of both kinds that was swapped out has no pages until it is brought back. */
TEST_F(dacc_evict, bound_while_swapped_out)
{
	struct client *a = &self->a;
	struct drm_dacc_result r = {};
	uint64_t *p;
	uint32_t h;

	ASSERT_EQ(create(self->b.fd, 4 * self->quarter, SRAM, 0, DRM_DACC_PRIORITY_HIGH, &h, NULL),
		  0);
	ASSERT_EQ(create(a->fd, SZ_1M, BOTH, 0, DRM_DACC_PRIORITY_NORMAL, &h, NULL), 0);
	ASSERT_FALSE(resident(a->fd, h));
	p = map(a->fd, h, SZ_1M);
	ASSERT_NE(p, NULL);
	paint(p, SZ_1M, 41);
	ASSERT_EQ(swap_all_out(self->b.fd), 0);
	ASSERT_EQ(vm_map(a->fd, a->vm, h, 0, VA, SZ_1M, 0), 0);
	ASSERT_EQ(chip_reads(a, VA), 0);
	EXPECT_TRUE(painted(a->out, SZ_4K, 41));
	ASSERT_EQ(run(a->fd, a->q, job_fill(VA, SZ_64K, 0x77777777), &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(p[0], 0x7777777777777777ull);
	EXPECT_EQ(p[SZ_64K / 8 - 1], 0x7777777777777777ull);
	EXPECT_EQ(p[SZ_64K / 8], 41 * 0x9e3779b97f4a7c15ull + SZ_64K / 8);
	/* While it is bound, too. */
	ASSERT_EQ(swap_all_out(self->b.fd), 0);
	ASSERT_EQ(chip_reads(a, VA), 0);
	EXPECT_EQ(a->out[0], 0x7777777777777777ull);
}

TEST_F(dacc_evict, unbound_while_evicted)
{
	struct client *a = &self->a;
	uint32_t h;

	ASSERT_EQ(normal(a->fd, self->quarter, &h), 0);
	ASSERT_EQ(vm_map(a->fd, a->vm, h, 0, VA, self->quarter, 0), 0);
	PUSH_OUT(&self->b);
	ASSERT_FALSE(resident(a->fd, h));
	ASSERT_EQ(vm_unmap(a->fd, a->vm, VA, self->quarter), 0);
	EXPECT_EQ(chip_reads(a, VA), -EFAULT);
	EXPECT_FALSE(resident(a->fd, h));
}

TEST_F(dacc_evict, private_buffers_share_a_lock)
{
	struct client *a = &self->a;
	uint32_t h[3];

	for (int i = 0; i < 3; i++) {
		uint64_t *p;

		ASSERT_EQ(create(a->fd, self->quarter, SRAM, a->vm, DRM_DACC_PRIORITY_NORMAL, &h[i],
				 NULL),
			  0);
		ASSERT_EQ(vm_map(a->fd, a->vm, h[i], 0, VA + i * self->quarter, self->quarter, 0),
			  0);
		p = map(a->fd, h[i], self->quarter);
		paint(p, self->quarter, 10 + i);
	}
	PUSH_OUT(&self->b);
	EXPECT_FALSE(resident(a->fd, h[0]));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(chip_reads(a, VA + i * self->quarter), 0);
		EXPECT_TRUE(painted(a->out, SZ_4K, 10 + i));
	}
	for (int i = 0; i < 3; i++)
		EXPECT_TRUE(resident(a->fd, h[i]));
}

TEST_F(dacc_evict, private_cannot_be_exported)
{
	struct client *a = &self->a;
	uint32_t h;
	int out;

	ASSERT_EQ(create(a->fd, SZ_64K, SRAM, a->vm, DRM_DACC_PRIORITY_NORMAL, &h, NULL), 0);
	EXPECT_NE(drmPrimeHandleToFD(a->fd, h, DRM_CLOEXEC, &out), 0);
	EXPECT_EQ(errno, EINVAL);
}

TEST_F(dacc_evict, private_cannot_be_bound_elsewhere)
{
	struct client *a = &self->a;
	uint32_t h, other;

	ASSERT_EQ(vm_create(a->fd, &other), 0);
	ASSERT_EQ(create(a->fd, SZ_64K, SRAM, a->vm, DRM_DACC_PRIORITY_NORMAL, &h, NULL), 0);
	EXPECT_EQ(vm_map(a->fd, other, h, 0, VA, SZ_64K, 0), -EINVAL);
	EXPECT_EQ(vm_map(a->fd, a->vm, h, 0, VA, SZ_64K, 0), 0);
	EXPECT_EQ(create(a->fd, SZ_64K, SRAM, 12345, DRM_DACC_PRIORITY_NORMAL, &h, NULL), -ENOENT);
}

TEST_F(dacc_evict, low_goes_first)
{
	struct client *a = &self->a;
	uint32_t first, low, third, h;

	ASSERT_EQ(normal(a->fd, self->quarter, &first), 0);
	ASSERT_EQ(create(a->fd, self->quarter, SRAM, 0, DRM_DACC_PRIORITY_LOW, &low, NULL), 0);
	ASSERT_EQ(normal(a->fd, 2 * self->quarter, &third), 0);
	ASSERT_EQ(normal(self->b.fd, self->quarter, &h), 0);
	EXPECT_TRUE(resident(a->fd, first));
	EXPECT_FALSE(resident(a->fd, low));
	EXPECT_TRUE(resident(a->fd, third));
}

TEST_F(dacc_evict, high_stays)
{
	uint64_t available = 1;
	uint32_t high, h;

	ASSERT_EQ(create(self->a.fd, 4 * self->quarter, SRAM, 0, DRM_DACC_PRIORITY_HIGH, &high,
			 NULL),
		  0);
	EXPECT_EQ(create(self->b.fd, SZ_64K, SRAM, 0, DRM_DACC_PRIORITY_NORMAL, &h, &available),
		  -ENOSPC);
	EXPECT_EQ(available, 0);
	EXPECT_TRUE(resident(self->a.fd, high));
	EXPECT_EQ(create(self->b.fd, SZ_64K, SRAM, 0, DRM_DACC_PRIORITY_HIGH, &h, NULL), 0);
	EXPECT_FALSE(resident(self->a.fd, high));
}

TEST_F(dacc_evict, enospc_says_what_there_is)
{
	uint64_t available = 0;
	uint32_t high, n, h;

	ASSERT_EQ(create(self->a.fd, 2 * self->quarter, SRAM, 0, DRM_DACC_PRIORITY_HIGH, &high,
			 NULL),
		  0);
	ASSERT_EQ(create(self->a.fd, self->quarter, SRAM, 0, DRM_DACC_PRIORITY_NORMAL, &n,
			 &available),
		  0);
	EXPECT_EQ(available, 2 * self->quarter);
	EXPECT_EQ(create(self->b.fd, 3 * self->quarter, SRAM, 0, DRM_DACC_PRIORITY_NORMAL, &h,
			 &available),
		  -ENOSPC);
	EXPECT_EQ(available, 2 * self->quarter);
	EXPECT_EQ(create(self->b.fd, self->quarter, SRAM, 0, DRM_DACC_PRIORITY_LOW, &h, &available),
		  0);
	EXPECT_EQ(create(self->b.fd, 2 * self->quarter, SRAM, 0, DRM_DACC_PRIORITY_LOW, &h,
			 &available),
		  -ENOSPC);
	EXPECT_EQ(available, self->quarter);
}

static int as_nobody(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_setresuid, 65534, 65534, 65534))
		return -errno;
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

/* Runs in a child without privileges; what it returns is in the exit status. */
#define UNPRIVILEGED(body) \
	({ \
		pid_t _pid = fork(); \
		int _status = -1; \
\
		if (!_pid) \
			_exit(as_nobody() ? 99 : (body)); \
		waitpid(_pid, &_status, 0); \
		WIFEXITED(_status) ? WEXITSTATUS(_status) : -1; \
	})

static int high_in_child(int fd)
{
	uint32_t h;

	if (create(fd, SZ_64K, SRAM, 0, DRM_DACC_PRIORITY_HIGH, &h, NULL) != -EACCES)
		return 1;
	return create(fd, SZ_64K, SRAM, 0, DRM_DACC_PRIORITY_NORMAL, &h, NULL) ? 2 : 0;
}

TEST_F(dacc_evict, high_needs_a_capability)
{
	EXPECT_EQ(UNPRIVILEGED(high_in_child(self->a.fd)), 0);
}

TEST_F(dacc_evict, both_places_in_sram_if_there_is_room)
{
	struct client *a = &self->a;
	uint64_t *p;
	uint32_t h;

	ASSERT_EQ(create(a->fd, SZ_1M, BOTH, a->vm, DRM_DACC_PRIORITY_NORMAL, &h, NULL), 0);
	EXPECT_TRUE(resident(a->fd, h));
	ASSERT_EQ(vm_map(a->fd, a->vm, h, 0, VA, SZ_1M, 0), 0);
	p = map(a->fd, h, SZ_1M);
	EXPECT_TRUE(zero(p, SZ_1M));
	paint(p, SZ_1M, 20);
	ASSERT_EQ(chip_reads(a, VA), 0);
	EXPECT_TRUE(painted(a->out, SZ_4K, 20));
}

TEST_F(dacc_evict, both_places_in_host_memory_if_there_is_none)
{
	struct client *a = &self->a;
	uint64_t *p;
	uint32_t h;

	PUSH_OUT(&self->b);
	ASSERT_EQ(create(a->fd, SZ_1M, BOTH, a->vm, DRM_DACC_PRIORITY_NORMAL, &h, NULL), 0);
	EXPECT_FALSE(resident(a->fd, h));
	ASSERT_EQ(vm_map(a->fd, a->vm, h, 0, VA, SZ_1M, 0), 0);
	p = map(a->fd, h, SZ_1M);
	EXPECT_TRUE(zero(p, SZ_1M));
	paint(p, SZ_1M, 21);
	ASSERT_EQ(chip_reads(a, VA), 0);
	EXPECT_TRUE(painted(a->out, SZ_4K, 21));
	EXPECT_FALSE(resident(a->fd, h));
}

TEST_F(dacc_evict, both_places_push_out_lower_ones_only)
{
	struct client *a = &self->a;
	uint32_t low, h, second;

	ASSERT_EQ(create(self->b.fd, 4 * self->quarter, SRAM, 0, DRM_DACC_PRIORITY_LOW, &low, NULL),
		  0);
	ASSERT_EQ(create(a->fd, 4 * self->quarter, BOTH, 0, DRM_DACC_PRIORITY_NORMAL, &h, NULL), 0);
	EXPECT_TRUE(resident(a->fd, h));
	EXPECT_FALSE(resident(self->b.fd, low));
	ASSERT_EQ(create(a->fd, SZ_64K, BOTH, 0, DRM_DACC_PRIORITY_NORMAL, &second, NULL), 0);
	EXPECT_FALSE(resident(a->fd, second));
	EXPECT_TRUE(resident(a->fd, h));
}

TEST_F(dacc_evict, both_places_used_from_host_memory_when_evicted)
{
	struct client *a = &self->a;
	uint64_t *p;
	uint32_t h, high;

	ASSERT_EQ(create(a->fd, SZ_1M, BOTH, a->vm, DRM_DACC_PRIORITY_NORMAL, &h, NULL), 0);
	ASSERT_EQ(vm_map(a->fd, a->vm, h, 0, VA, SZ_1M, 0), 0);
	p = map(a->fd, h, SZ_1M);
	paint(p, SZ_1M, 22);
	ASSERT_EQ(create(self->b.fd, 4 * self->quarter, SRAM, 0, DRM_DACC_PRIORITY_HIGH, &high,
			 NULL),
		  0);
	EXPECT_FALSE(resident(a->fd, h));
	ASSERT_EQ(chip_reads(a, VA), 0);
	EXPECT_TRUE(painted(a->out, SZ_4K, 22));
	EXPECT_FALSE(resident(a->fd, h));
	EXPECT_TRUE(painted(p, SZ_1M, 22));
	/* With room again it moves in when it is next looked after. */
	drmCloseBufferHandle(self->b.fd, high);
	ASSERT_EQ(chip_reads(a, VA), 0);
	EXPECT_TRUE(painted(a->out, SZ_4K, 22));
}

TEST_F(dacc_evict, more_than_fits_at_once)
{
	struct client *a = &self->a;
	struct drm_dacc_job job = job_nop();
	uint32_t h;

	for (int i = 0; i < 5; i++) {
		ASSERT_EQ(create(a->fd, self->quarter, SRAM, a->vm, DRM_DACC_PRIORITY_NORMAL, &h,
				 NULL),
			  0);
		ASSERT_EQ(vm_map(a->fd, a->vm, h, 0, VA + i * self->quarter, self->quarter, 0), 0);
	}
	EXPECT_EQ(submit(a->fd, a->q, &job, 1, NULL), -ENOSPC);
	ASSERT_EQ(vm_unmap(a->fd, a->vm, VA, self->quarter), 0);
	EXPECT_EQ(submit(a->fd, a->q, &job, 1, NULL), 0);
}

TEST_F(dacc_evict, next_client_reads_zeros)
{
	struct client *b = &self->b;
	struct client dirty;
	uint64_t *p;
	uint32_t h;

	ASSERT_EQ(client_open(&dirty), 0);
	ASSERT_EQ(normal(dirty.fd, 4 * self->quarter, &h), 0);
	p = map(dirty.fd, h, 4 * self->quarter);
	ASSERT_NE(p, NULL);
	for (uint64_t i = 0; i < self->quarter / 2; i += STEP / 8)
		p[i] = ~0ull;
	unmap_all();
	client_close(&dirty);
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(normal(b->fd, self->quarter, &h), 0);
		p = map(b->fd, h, self->quarter);
		EXPECT_TRUE(zero(p, self->quarter));
		ASSERT_EQ(vm_map(b->fd, b->vm, h, 0, VA + i * self->quarter, self->quarter, 0), 0);
	}
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(chip_reads(b, VA + i * self->quarter), 0);
		EXPECT_TRUE(zero(b->out, SZ_4K));
	}
}

TEST_F(dacc_evict, what_was_evicted_is_not_seen)
{
	struct client *a = &self->a, *b = &self->b;
	uint64_t *p;
	uint32_t h;

	ASSERT_EQ(normal(a->fd, 4 * self->quarter, &h), 0);
	p = map(a->fd, h, 4 * self->quarter);
	paint(p, 4 * self->quarter, 23);
	for (int i = 0; i < 4; i++) {
		uint64_t *q;
		uint32_t mine;

		ASSERT_EQ(normal(b->fd, self->quarter, &mine), 0);
		q = map(b->fd, mine, self->quarter);
		EXPECT_TRUE(zero(q, self->quarter));
	}
	EXPECT_TRUE(painted(p, 4 * self->quarter, 23));
}

TEST_F(dacc_evict, in_flight_stays)
{
	struct client *a = &self->a, *b = &self->b;
	struct drm_dacc_job job = job_fill(VA, SZ_64K, 7);
	uint64_t available = 1;
	uint32_t h, mine;

	ASSERT_EQ(set_parameter("evict_timeout_ms", 300), 0);
	ASSERT_EQ(create(a->fd, 4 * self->quarter, SRAM, a->vm, DRM_DACC_PRIORITY_NORMAL, &h, NULL),
		  0);
	ASSERT_EQ(vm_map(a->fd, a->vm, h, 0, VA, 4 * self->quarter, 0), 0);
	ASSERT_EQ(queue_destroy(a->fd, a->q), 0);
	ASSERT_EQ(queue_destroy(b->fd, b->q), 0);
	ASSERT_EQ(queue_create(a->fd, a->vm, DRM_DACC_QUEUE_TRANSFER, 16, &a->q), 0);
	ASSERT_GE(hardware_queue(getpid()), 0);
	ASSERT_EQ(inject(DACC_INJECT_HANG, (uint32_t)hardware_queue(getpid())), 0);
	ASSERT_EQ(submit(a->fd, a->q, &job, 1, NULL), 0);
	let_it_start();
	EXPECT_EQ(create(b->fd, SZ_64K, SRAM, 0, DRM_DACC_PRIORITY_NORMAL, &mine, &available),
		  -ENOSPC);
	EXPECT_EQ(available, 0);
	EXPECT_TRUE(resident(a->fd, h));
	ASSERT_EQ(queue_destroy(a->fd, a->q), 0);
	EXPECT_EQ(create(b->fd, SZ_64K, SRAM, 0, DRM_DACC_PRIORITY_NORMAL, &mine, NULL), 0);
	EXPECT_FALSE(resident(a->fd, h));
}

TEST_F(dacc_evict, jobs_are_waited_for)
{
	struct client *a = &self->a, *b = &self->b;
	struct drm_dacc_job job = job_fill(VA, SZ_64K, 7);
	uint32_t h, mine;

	ASSERT_EQ(set_parameter("evict_timeout_ms", 120000), 0);
	ASSERT_EQ(set_parameter("job_timeout_ms", 1000), 0);
	ASSERT_EQ(create(a->fd, 4 * self->quarter, SRAM, a->vm, DRM_DACC_PRIORITY_NORMAL, &h, NULL),
		  0);
	ASSERT_EQ(vm_map(a->fd, a->vm, h, 0, VA, 4 * self->quarter, 0), 0);
	ASSERT_EQ(queue_destroy(a->fd, a->q), 0);
	ASSERT_EQ(queue_destroy(b->fd, b->q), 0);
	ASSERT_EQ(queue_create(a->fd, a->vm, DRM_DACC_QUEUE_TRANSFER, 16, &a->q), 0);
	ASSERT_EQ(inject(DACC_INJECT_HANG, (uint32_t)hardware_queue(getpid())), 0);
	ASSERT_EQ(submit(a->fd, a->q, &job, 1, NULL), 0);
	let_it_start();
	EXPECT_EQ(create(b->fd, SZ_64K, SRAM, 0, DRM_DACC_PRIORITY_NORMAL, &mine, NULL), 0);
	EXPECT_FALSE(resident(a->fd, h));
}

/* The driver's own queue hangs in a move: it is reset, and the CPU does the move. */
TEST_F(dacc_evict, queue_reset_during_a_move)
{
	struct client *a = &self->a;
	long long resets = counter("queue_resets");
	uint64_t *p;
	uint32_t h, mine;

	ASSERT_EQ(set_parameter("job_timeout_ms", 1000), 0);
	ASSERT_EQ(normal(a->fd, self->quarter, &h), 0);
	ASSERT_EQ(vm_map(a->fd, a->vm, h, 0, VA, self->quarter, 0), 0);
	p = map(a->fd, h, self->quarter);
	paint(p, self->quarter, 24);
	ASSERT_GE(hardware_queue(0), 0);
	ASSERT_EQ(inject(DACC_INJECT_HANG, (uint32_t)hardware_queue(0)), 0);
	ASSERT_EQ(normal(self->b.fd, 4 * self->quarter, &mine), 0);
	EXPECT_FALSE(resident(a->fd, h));
	EXPECT_TRUE(painted(p, self->quarter, 24));
	EXPECT_GT(counter("queue_resets"), resets);
	ASSERT_EQ(chip_reads(a, VA), 0);
	EXPECT_TRUE(painted(a->out, SZ_4K, 24));
	/* It has a new queue. */
	EXPECT_GE(hardware_queue(0), 0);
}

/* Keeps the chip busy with one job of @a for hours, or until its queue goes. */
static int start_long_job(struct client *a, uint64_t len, uint64_t *seq)
{
	struct drm_dacc_job job = { .type = DRM_DACC_JOB_COPY_BLOCKS };
	const uint32_t n = 65536;
	struct dacc_block *block;
	__u64 at = 0;
	uint32_t h;
	int ret;

	ret = bo_create(a->fd, n * sizeof(*block), HOST, &h);
	ret = ret ? ret : vm_map(a->fd, a->vm, h, 0, 4 * VA, n * sizeof(*block), 0);
	block = ret ? NULL : (void *)map(a->fd, h, n * sizeof(*block));
	ret = ret ? ret : bo_create(a->fd, 2 * len, HOST, &h);
	ret = ret ? ret : vm_map(a->fd, a->vm, h, 0, VA, 2 * len, 0);
	if (ret || !block)
		return ret ? ret : -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		block[i] = (struct dacc_block){ .src = VA, .dst = VA + len, .len = len };
	job.blocks.table = 4 * VA;
	job.blocks.n_blocks = n;
	ret = submit(a->fd, a->q, &job, 1, &at);
	*seq = at;
	return ret;
}

/* A chip that is busy with someone's job holds up nobody's memory. */
TEST_F(dacc_evict, moves_do_not_wait_for_jobs)
{
	struct client *a = &self->a, *b = &self->b;
	struct drm_dacc_result r = {};
	unsigned int limit;
	uint32_t h, mine;
	uint64_t *p, seq;

	ASSERT_EQ(get_parameter("job_limit_ms", &limit), 0);
	ASSERT_EQ(normal(b->fd, 4 * self->quarter, &h), 0);
	p = map(b->fd, h, 4 * self->quarter);
	paint(p, 4 * self->quarter, 25);
	ASSERT_EQ(set_parameter("job_limit_ms", 36000000), 0);
	EXPECT_EQ(start_long_job(a, 16 * SZ_1M, &seq), 0);
	let_it_start();
	/* One is moved out, one is cleared. */
	EXPECT_EQ(normal(b->fd, self->quarter, &mine), 0);
	EXPECT_FALSE(resident(b->fd, h));
	EXPECT_TRUE(painted(p, 4 * self->quarter, 25));
	EXPECT_TRUE(zero(map(b->fd, mine, self->quarter), self->quarter));
	EXPECT_EQ(wait_job(a->fd, a->q, seq, 0, &r), -ETIME);
	EXPECT_EQ(queue_destroy(a->fd, a->q), 0);
	set_parameter("job_limit_ms", limit);
	/* It has a new queue later on. */
	for (int i = 0; i < 600 && hardware_queue(0) < 0; i++) {
		usleep(100000);
		drmCloseBufferHandle(b->fd, mine);
		ASSERT_EQ(normal(b->fd, self->quarter, &mine), 0);
	}
	EXPECT_GE(hardware_queue(0), 0);
}

TEST_F(dacc_evict, alignment_survives)
{
	struct client *a = &self->a;
	uint64_t base = 0x40000000;
	uint32_t h;
	int leaves;

	ASSERT_EQ(normal(a->fd, self->quarter, &h), 0);
	ASSERT_EQ(vm_map(a->fd, a->vm, h, 0, base, self->quarter, 0), 0);
	leaves = large_leaves();
	EXPECT_GE(leaves, self->quarter / (2 * SZ_1M));
	PUSH_OUT(&self->b);
	ASSERT_FALSE(resident(a->fd, h));
	EXPECT_EQ(large_leaves(), leaves - (int)(self->quarter / (2 * SZ_1M)));
	ASSERT_EQ(chip_reads(a, base), 0);
	EXPECT_EQ(large_leaves(), leaves);
}

/* Two that do not fit in together: each waits for the other's jobs, both get on. */
static int take_turns(uint64_t size, int rounds, uint64_t seed)
{
	struct client c;
	uint64_t *p;
	uint32_t h;

	if (client_open(&c) || create(c.fd, size, SRAM, c.vm, DRM_DACC_PRIORITY_NORMAL, &h, NULL) ||
	    vm_map(c.fd, c.vm, h, 0, VA, size, 0))
		return 1;
	p = map(c.fd, h, size);
	if (!p)
		return 2;
	paint(p, size, seed);
	for (int i = 0; i < rounds; i++) {
		if (chip_reads(&c, VA + size - SZ_4K) || c.out[0] != p[(size - SZ_4K) / 8])
			return 3;
	}
	if (!painted(p, size, seed))
		return 4;
	client_close(&c);
	return 0;
}

TEST_F(dacc_evict, two_that_do_not_fit_take_turns)
{
	long long restores = counter("restores");
	pid_t pid[3];
	int status;

	for (int i = 0; i < 3; i++) {
		pid[i] = fork();
		ASSERT_GE(pid[i], 0);
		if (!pid[i])
			_exit(take_turns(3 * self->quarter, 6, 30 + (uint64_t)i));
	}
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(waitpid(pid[i], &status, 0), pid[i]);
		EXPECT_EQ(status, 0);
	}
	EXPECT_GT(counter("restores"), restores);
}

TEST_F(dacc_evict, evicted_memory_is_charged)
{
	struct drm_dacc_limit_info before[DRM_DACC_LIMIT_COUNT] = {},
				   after[DRM_DACC_LIMIT_COUNT] = {};
	uint32_t h;

	ASSERT_EQ(normal(self->a.fd, self->quarter, &h), 0);
	ASSERT_EQ(limits(self->a.fd, before), 0);
	PUSH_OUT(&self->b);
	ASSERT_EQ(limits(self->a.fd, after), 0);
	EXPECT_EQ(after[DRM_DACC_LIMIT_HOST_BYTES].used,
		  before[DRM_DACC_LIMIT_HOST_BYTES].used + self->quarter);
	drmCloseBufferHandle(self->a.fd, h);
	ASSERT_EQ(limits(self->a.fd, after), 0);
	EXPECT_EQ(after[DRM_DACC_LIMIT_HOST_BYTES].used, before[DRM_DACC_LIMIT_HOST_BYTES].used);
}

static int limits_in_child(void)
{
	struct drm_dacc_limit_info info[DRM_DACC_LIMIT_COUNT] = {};
	uint32_t h, vm;
	int fd = open_node();

	if (fd < 0)
		return 1;
	if (limits(fd, info) || info[DRM_DACC_LIMIT_VMS].limit != 2 ||
	    info[DRM_DACC_LIMIT_VMS].used || info[DRM_DACC_LIMIT_HOST_BYTES].limit != SZ_1M)
		return 2;
	if (vm_create(fd, &vm) || vm_create(fd, &vm) || vm_create(fd, &h) != -EDQUOT)
		return 3;
	if (vm_destroy(fd, vm) || vm_create(fd, &vm))
		return 4;
	if (bo_create(fd, SZ_1M, HOST, &h) || bo_create(fd, SZ_4K, HOST, &vm) != -EDQUOT)
		return 5;
	if (limits(fd, info) || info[DRM_DACC_LIMIT_HOST_BYTES].used != SZ_1M)
		return 6;
	drmCloseBufferHandle(fd, h);
	return bo_create(fd, SZ_4K, HOST, &h) ? 7 : 0;
}

/* One of both kinds that SRAM has no room for: no memory is taken beyond the limit. */
static int both_kinds_in_child(uint64_t size)
{
	struct drm_dacc_limit_info info[DRM_DACC_LIMIT_COUNT] = {};
	uint32_t h;
	int ret, fd = open_node();

	if (fd < 0)
		return 1;
	ret = bo_create(fd, size, BOTH, &h);
	if (ret != -EDQUOT) {
		ksft_print_msg("%llu bytes: %s\n", (unsigned long long)size, strerror(-ret));
		return 2;
	}
	if (limits(fd, info) || info[DRM_DACC_LIMIT_HOST_BYTES].used)
		return 3;
	if (bo_create(fd, SZ_1M, BOTH, &h))
		return 4;
	if (limits(fd, info) || info[DRM_DACC_LIMIT_HOST_BYTES].used != SZ_1M)
		return 5;
	drmCloseBufferHandle(fd, h);
	return limits(fd, info) || info[DRM_DACC_LIMIT_HOST_BYTES].used ? 6 : 0;
}

TEST_F(dacc_evict, limit_before_memory)
{
	/* More than there is: whoever tries to take it first says -ENOMEM. */
	uint64_t size = (uint64_t)sysconf(_SC_PHYS_PAGES) / 32 * 31 * SZ_4K;
	uint32_t h;

	ASSERT_EQ(create(self->b.fd, 4 * self->quarter, SRAM, 0, DRM_DACC_PRIORITY_HIGH, &h, NULL),
		  0);
	ASSERT_EQ(chmod(NODE, 0666), 0);
	ASSERT_EQ(set_parameter("limit_host_bytes", SZ_1M), 0);
	EXPECT_EQ(UNPRIVILEGED(both_kinds_in_child(size)), 0);
	set_parameter("limit_host_bytes", 0);
}

TEST_F(dacc_evict, limits_by_user)
{
	uint32_t vm;

	ASSERT_EQ(chmod(NODE, 0666), 0);
	ASSERT_EQ(set_parameter("limit_vms", 2), 0);
	ASSERT_EQ(set_parameter("limit_host_bytes", SZ_1M), 0);
	EXPECT_EQ(UNPRIVILEGED(limits_in_child()), 0);
	/* Whoever may exceed resource limits may exceed these. */
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(vm_create(self->a.fd, &vm), 0);
	set_parameter("limit_vms", 0);
	set_parameter("limit_host_bytes", 0);
}

TEST_F(dacc_evict, user_queues_pin)
{
	struct client *a = &self->a;
	struct drm_dacc_queue_create c = {
		.vm = a->vm,
		.queue_class = DRM_DACC_QUEUE_TRANSFER,
		.depth = 16,
		.flags = DRM_DACC_QUEUE_USER,
		.ring = VA,
		.completion = VA + SZ_4K,
	};
	struct drm_dacc_limit_info before[DRM_DACC_LIMIT_COUNT] = {},
				   after[DRM_DACC_LIMIT_COUNT] = {};
	uint64_t available = 1;
	uint32_t h, other;
	int ret;

	ASSERT_EQ(set_parameter("evict_timeout_ms", 300), 0);
	ASSERT_EQ(limits(a->fd, before), 0);
	ASSERT_EQ(create(a->fd, 4 * self->quarter, SRAM, a->vm, DRM_DACC_PRIORITY_NORMAL, &h, NULL),
		  0);
	ASSERT_EQ(vm_map(a->fd, a->vm, h, 0, VA, 4 * self->quarter, 0), 0);
	ret = xioctl(a->fd, DRM_IOCTL_DACC_QUEUE_CREATE, &c);
	if (ret == -EINVAL || ret == -EOPNOTSUPP)
		SKIP(return, "no user queues");
	ASSERT_EQ(ret, 0);
	EXPECT_TRUE(is(a->fd, h, DRM_DACC_BO_PINNED));
	ASSERT_EQ(limits(a->fd, after), 0);
	EXPECT_EQ(after[DRM_DACC_LIMIT_PINNED_BYTES].used,
		  before[DRM_DACC_LIMIT_PINNED_BYTES].used + 4 * self->quarter);
	EXPECT_EQ(create(self->b.fd, SZ_64K, SRAM, 0, DRM_DACC_PRIORITY_HIGH, &other, &available),
		  -ENOSPC);
	EXPECT_EQ(available, 0);
	EXPECT_TRUE(resident(a->fd, h));
	ASSERT_EQ(queue_destroy(a->fd, c.queue), 0);
	EXPECT_FALSE(is(a->fd, h, DRM_DACC_BO_PINNED));
	ASSERT_EQ(limits(a->fd, after), 0);
	EXPECT_EQ(after[DRM_DACC_LIMIT_PINNED_BYTES].used,
		  before[DRM_DACC_LIMIT_PINNED_BYTES].used);
	EXPECT_EQ(create(self->b.fd, SZ_64K, SRAM, 0, DRM_DACC_PRIORITY_HIGH, &other, NULL), 0);
	EXPECT_FALSE(resident(a->fd, h));
}

/* Last: afterwards there is another DRM device. */
TEST(unbound_during_eviction)
{
	char dir[24], node[64];
	pid_t pid[3];
	int status;

	ASSERT_EQ(pci_dir(dir, sizeof(dir)), 0);
	for (int i = 0; i < 3; i++) {
		pid[i] = fork();
		ASSERT_GE(pid[i], 0);
		if (!pid[i]) {
			take_turns(0x3000000, 1000, 40);
			_exit(0);
		}
	}
	sleep(2);
	snprintf(node, sizeof(node), "/sys/bus/pci/drivers/dacc/unbind");
	EXPECT_EQ(write_file(node, dir), 0);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(waitpid(pid[i], &status, 0), pid[i]);
	snprintf(node, sizeof(node), "/sys/bus/pci/drivers/dacc/bind");
	EXPECT_EQ(write_file(node, dir), 0);
	EXPECT_EQ(bystander(), 0);
}

TEST_HARNESS_MAIN
