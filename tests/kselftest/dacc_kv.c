// SPDX-License-Identifier: GPL-2.0
/* KV transfers: what they write, who owns the pages, and how they end. */
#include <linux/sync_file.h>
#include <poll.h>
#include <pthread.h>

#include "dacc_kv_util.h"
#include "dacc_life.h"
#include "dacc_uq.h"

#define HOST 0x100000000ull
#define SRAM 0x200000000ull
#define HOLE 0x900000000ull
#define PAGE 65536u
#define N    16u

FIXTURE(dacc_kv)
{
	int fd;
	uint32_t vm, host, sram, q, pool, line, in;
	uint64_t page[N];
	uint8_t *h, *s;
	unsigned int timeout;
};

FIXTURE_SETUP(dacc_kv)
{
	/* What hangs here is ended by the tests, however slow the machine is. */
	ASSERT_EQ(get_parameter("job_timeout_ms", &self->timeout), 0);
	ASSERT_EQ(set_parameter("job_timeout_ms", 3600000), 0);
	self->fd = open_node();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(vm_create(self->fd, &self->vm), 0);
	ASSERT_EQ(bo_create(self->fd, 2 * SZ_1M, DRM_DACC_BO_HOST, &self->host), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_SRAM, &self->sram), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->host, 0, HOST, 2 * SZ_1M, 0), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->sram, 0, SRAM, SZ_1M, 0), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 64, &self->q), 0);
	ASSERT_EQ(pool_create(self->fd, self->vm, SRAM, PAGE, N, 0, &self->pool), 0);
	ASSERT_EQ(pool_alloc(self->fd, self->pool, self->page, N, NULL), 0);
	ASSERT_EQ(drmSyncobjCreate(self->fd, 0, &self->line), 0);
	ASSERT_EQ(drmSyncobjCreate(self->fd, 0, &self->in), 0);
	self->h = bo_map(self->fd, self->host, 2 * SZ_1M);
	self->s = bo_map(self->fd, self->sram, SZ_1M);
	ASSERT_NE(self->h, NULL);
	ASSERT_NE(self->s, NULL);
	fill_pattern(self->h, 2 * SZ_1M, 5);
}

FIXTURE_TEARDOWN(dacc_kv)
{
	munmap(self->h, 2 * SZ_1M);
	munmap(self->s, SZ_1M);
	close(self->fd);
	set_parameter("job_timeout_ms", self->timeout);
}

/* Layers of 4 blocks of @len bytes; block i of a layer goes to page i. */
static int make_list(FIXTURE_DATA(dacc_kv) * self, uint32_t layers, uint32_t len, uint32_t *list)
{
	static uint32_t src[4] = { 2, 0, 3, 1 };
	struct drm_dacc_list_create c = {
		.vm = self->vm,
		.pool = self->pool,
		.form = DRM_DACC_LIST_INDEXED,
		.n_layers = layers,
		.pages = (uintptr_t)self->page,
		.n_pages = 4,
	};

	c.indexed.src = HOST;
	c.indexed.src_layer = 4 * len;
	c.indexed.src_stride = len;
	c.indexed.dst_layer = len;
	c.indexed.src_index = (uintptr_t)src;
	c.indexed.len = len;
	return list_create(self->fd, &c, list);
}

/* What such a transfer must have written; the first layer that it has not. */
static uint32_t layers_right(FIXTURE_DATA(dacc_kv) * self, uint32_t layers, uint32_t len)
{
	static const uint32_t src[4] = { 2, 0, 3, 1 };

	for (uint32_t l = 0; l < layers; l++)
		for (uint32_t i = 0; i < 4; i++)
			if (memcmp(self->s + DRM_DACC_PAGE_INDEX(self->page[i]) * PAGE + l * len,
				   self->h + l * 4 * len + src[i] * len, len))
				return l;
	return layers;
}

/* @layers of 4096 times 64 KiB into page 0: seconds of work. */
static int make_long_list(FIXTURE_DATA(dacc_kv) * self, uint32_t layers, uint32_t *list)
{
	struct drm_dacc_list_create c = {
		.vm = self->vm,
		.pool = self->pool,
		.form = DRM_DACC_LIST_STRIDED,
		.n_layers = layers,
		.pages = (uintptr_t)self->page,
		.n_pages = 1,
	};

	c.strided.src = HOST;
	c.strided.dst = SRAM + DRM_DACC_PAGE_INDEX(self->page[0]) * PAGE;
	c.strided.len = PAGE;
	c.strided.n_blocks = 65536;
	return list_create(self->fd, &c, list);
}

static struct drm_dacc_transfer base(FIXTURE_DATA(dacc_kv) * self, uint32_t list, uint32_t layers)
{
	return (struct drm_dacc_transfer){
		.queue = self->q, .list = list, .n_layers = layers, .cookie = 0x1234567890ull
	};
}

/* Hardware queue of one of this process's queues; -1: none. */
static int hardware_queue(uint32_t q)
{
	FILE *f = debugfs_open("queues", "r");
	int hw, pid, found = -1;
	char line[512];
	uint32_t id;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%d %u %d", &hw, &id, &pid) == 3 && pid == getpid() && id == q)
			found = hw;
	if (f)
		fclose(f);
	return found;
}

/* A job on a queue of its own that does not end until that queue is destroyed: the
 * fixture has put the driver's timeout off.
 */
static int pending_fence(FIXTURE_DATA(dacc_kv) * self, uint64_t point, uint32_t *q)
{
	struct drm_dacc_sync out = { .handle = self->in, .point = point };
	struct drm_dacc_job hang = job_nop();
	int ret = queue_create(self->fd, self->vm, DRM_DACC_QUEUE_DECODE, 16, q);
	int hw = ret ? -1 : hardware_queue(*q);

	if (hw < 0)
		return ret ? ret : -ENOENT;
	ret = inject(DACC_INJECT_HANG, (uint32_t)hw);
	return ret ? ret : submit_full(self->fd, *q, &hang, 1, NULL, 0, &out, 1, NULL);
}

/* 0, the error with which a point has signalled, or -ETIME. */
static int point_status(int fd, uint32_t handle, uint64_t point, int seconds)
{
	struct sync_fence_info fences[64] = {};
	struct sync_file_info info = { .num_fences = 64, .sync_fence_info = (uintptr_t)fences };
	struct drm_syncobj_timeline_wait w = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.timeout_nsec = seconds ? now_ns() + seconds * NSEC : 0,
		.count_handles = 1,
	};
	uint32_t binary;
	int file = -1, ret = xioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &w);

	if (ret)
		return ret;
	/* A node of the chain has no error; the fences in it, which a sync file lists, have. */
	if (drmSyncobjCreate(fd, 0, &binary))
		return -EIO;
	if (drmSyncobjTransfer(fd, binary, 0, handle, point, 0) ||
	    drmSyncobjExportSyncFile(fd, binary, &file))
		ret = -EIO;
	if (!ret && ioctl(file, SYNC_IOC_FILE_INFO, &info))
		ret = -errno;
	for (uint32_t i = 0; !ret && i < info.num_fences; i++)
		if (fences[i].status < 0)
			ret = fences[i].status;
	if (file >= 0)
		close(file);
	drmSyncobjDestroy(fd, binary);
	return ret;
}

/* The error that a job gets that waits for a point. */
static int job_status(FIXTURE_DATA(dacc_kv) * self, uint64_t point)
{
	struct drm_dacc_sync in = { .handle = self->line, .point = point };
	struct drm_dacc_job nop = job_nop();
	struct drm_dacc_result r = {};
	__u64 seq;
	int ret = submit_full(self->fd, self->q, &nop, 1, &in, 1, NULL, 0, &seq);

	ret = ret ? ret : wait_job(self->fd, self->q, seq, 30, &r);
	return ret ? ret : r.error;
}

TEST_F(dacc_kv, every_field_is_checked)
{
	uint32_t list, decode, vm, other;
	uint32_t crcs[2] = {};
	struct drm_dacc_transfer t;

	ASSERT_EQ(make_list(self, 2, 256, &list), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_DECODE, 16, &decode), 0);
	ASSERT_EQ(vm_create(self->fd, &vm), 0);
	ASSERT_EQ(queue_create(self->fd, vm, DRM_DACC_QUEUE_TRANSFER, 16, &other), 0);
#define BAD(change, error) \
	do { \
		t = base(self, list, 2); \
		change; \
		EXPECT_EQ(transfer(self->fd, &t), error) \
		TH_LOG("%s", #change); \
	} while (0)
	BAD(t.queue = 4711, -ENOENT);
	BAD(t.list = 4711, -ENOENT);
	BAD(t.queue = decode, -EINVAL);
	BAD(t.queue = other, -EINVAL);
	BAD(t.first_layer = 1, -EINVAL);
	BAD(t.first_layer = 2, -EINVAL);
	BAD(t.first_layer = 0xffffffff, -EINVAL);
	BAD(t.n_layers = 0, -EINVAL);
	BAD(t.n_layers = 3, -EINVAL);
	BAD(t.n_layers = 0xffffffff, -EINVAL);
	BAD(t.flags = 1u << 4, -EINVAL);
	BAD(t.flags = DRM_DACC_TRANSFER_VERIFY, -EINVAL);
	BAD((t.flags = DRM_DACC_TRANSFER_CHECKSUM, t.crcs = (uintptr_t)crcs), -EINVAL);
	BAD((t.flags = DRM_DACC_TRANSFER_CHECKSUM | DRM_DACC_TRANSFER_VERIFY, t.crcs = 0x10),
	    -EFAULT);
	BAD(t.in_step = 1, -EINVAL);
	BAD((t.in.handle = self->in, t.in.point = 1, t.in_step = 2), -EINVAL);
	BAD((t.in.handle = self->in, t.in_step = 1), -EINVAL);
	BAD((t.in.handle = self->in, t.in.point = 1), -EINVAL); /* no fence yet */
	BAD((t.in.handle = 4711, t.in.point = 1), -ENOENT);
	BAD(t.in.pad = 1, -EINVAL);
	BAD(t.in.point = 1, -EINVAL);
	BAD(t.out.pad = 1, -EINVAL);
	BAD(t.out.point = 1, -EINVAL);
	BAD(t.out.handle = self->line, -EINVAL);
	BAD((t.out.handle = self->line, t.out.point = UINT64_MAX), -EINVAL);
	BAD((t.out.handle = 4711, t.out.point = 1), -ENOENT);
	BAD(t.deadline_ns = -1, -EINVAL);
	BAD(t.pad = 1, -EINVAL);
#undef BAD
	/* Nothing of it left a page owned. */
	t = base(self, list, 2);
	EXPECT_EQ(transfer_run(self->fd, &t, NULL), 0);
}

/*
 * A timeline's point that is not there, though an earlier one is. The kernel's log tells
 * of a reference that was dropped twice.
 */
TEST_F(dacc_kv, refused_points_cost_no_reference)
{
	struct drm_dacc_sync late = { .handle = self->in, .point = 5 };
	struct drm_dacc_job nop = job_nop();
	struct drm_dacc_transfer t;
	uint64_t point = 1;
	__u64 seq;
	uint32_t list;
	struct uq uq;

	ASSERT_EQ(make_list(self, 2, 256, &list), 0);
	ASSERT_EQ(uq_create(&uq, self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 0), 0);
	ASSERT_EQ(drmSyncobjTimelineSignal(self->fd, &self->in, &point, 1), 0);
	for (int i = 0; i < 10; i++) {
		t = base(self, list, 2);
		t.in = late;
		EXPECT_EQ(transfer(self->fd, &t), -EINVAL);
		t.in.point = 1;
		t.in_step = 1;
		EXPECT_EQ(transfer(self->fd, &t), -EINVAL);
		EXPECT_EQ(submit_full(self->fd, self->q, &nop, 1, &late, 1, NULL, 0, &seq),
			  -EINVAL);
		EXPECT_EQ(uq_gate(&uq, 1, late.handle, late.point), -EINVAL);
	}
	t = base(self, list, 2);
	t.in = late;
	t.in.point = 1;
	EXPECT_EQ(transfer_run(self->fd, &t, NULL), 0);
	EXPECT_EQ(drmSyncobjDestroy(self->fd, self->in), 0);
}

TEST_F(dacc_kv, indexed_bytes_and_result)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer t;
	uint32_t list;

	ASSERT_EQ(make_list(self, 8, 4096, &list), 0);
	t = base(self, list, 8);
	ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(r.id, t.id);
	EXPECT_EQ(r.cookie, 0x1234567890ull);
	EXPECT_EQ(r.layers_done, 8);
	EXPECT_EQ(r.pages_done, 4);
	EXPECT_EQ(r.pages_failed, 0);
	EXPECT_EQ(r.bytes, 8 * 4 * 4096);
	EXPECT_EQ(r.link_bytes, 0);
	EXPECT_EQ(r.path, DACC_PATH_PCIE);
	EXPECT_EQ(r.crc, 0);
	EXPECT_GE(r.t_start, r.t_issue);
	EXPECT_GT(r.t_end, r.t_start);
	EXPECT_EQ(layers_right(self, 8, 4096), 8);
}

TEST_F(dacc_kv, strided_bytes)
{
	struct drm_dacc_list_create c = { .vm = self->vm,
					  .form = DRM_DACC_LIST_STRIDED,
					  .n_layers = 3 };
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer t;
	uint32_t list;

	c.strided.src = HOST + 5;
	c.strided.dst = SRAM + 11;
	c.strided.src_layer = 100000;
	c.strided.dst_layer = 50000;
	c.strided.src_stride = 1000;
	c.strided.dst_stride = 300;
	c.strided.len = 300;
	c.strided.n_blocks = 100;
	ASSERT_EQ(list_create(self->fd, &c, &list), 0);
	t = base(self, list, 3);
	ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
	ASSERT_EQ(r.error, 0);
	EXPECT_EQ(r.bytes, 3 * 100 * 300);
	EXPECT_EQ(r.pages_done, 300); /* blocks, without a pool */
	for (int l = 0; l < 3; l++)
		for (int i = 0; i < 100; i++)
			ASSERT_EQ(memcmp(self->s + 11 + l * 50000 + i * 300,
					 self->h + 5 + l * 100000 + i * 1000, 300),
				  0);
}

TEST_F(dacc_kv, sg_bytes)
{
	struct drm_dacc_list_create c = { .vm = self->vm, .form = DRM_DACC_LIST_SG, .n_layers = 2 };
	struct drm_dacc_transfer_result r = {};
	uint32_t end[2] = { 10, 500 }, list;
	struct drm_dacc_transfer t;
	struct dacc_block b[500];

	for (int i = 0; i < 500; i++)
		b[i] = (struct dacc_block){ HOST + (499 - i) * 1000, SRAM + i * 1000, 1 + i };
	c.sg.blocks = (uintptr_t)b;
	c.sg.layer_end = (uintptr_t)end;
	c.sg.n_blocks = 500;
	ASSERT_EQ(list_create(self->fd, &c, &list), 0);
	/* It was copied. */
	memset(b, 0xff, sizeof(b));
	t = base(self, list, 2);
	ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
	ASSERT_EQ(r.error, 0);
	for (int i = 0; i < 500; i++) {
		ASSERT_EQ(memcmp(self->s + i * 1000, self->h + (499 - i) * 1000, 1 + i), 0);
		ASSERT_EQ(self->s[i * 1000 + 1 + i], 0);
	}
}

TEST_F(dacc_kv, some_layers_of_a_list)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer t;
	uint32_t list;

	ASSERT_EQ(make_list(self, 6, 1024, &list), 0);
	t = base(self, list, 2);
	t.first_layer = 3;
	ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
	EXPECT_EQ(r.layers_done, 2);
	EXPECT_EQ(r.bytes, 2 * 4 * 1024);
	EXPECT_EQ(layers_right(self, 6, 1024), 0);
	t.first_layer = 0;
	t.n_layers = 3;
	ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
	EXPECT_EQ(layers_right(self, 6, 1024), 5);
}

TEST_F(dacc_kv, a_list_is_used_again)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer t;
	uint32_t list;

	ASSERT_EQ(make_list(self, 2, 8192, &list), 0);
	for (int i = 0; i < 20; i++) {
		fill_pattern(self->h, SZ_64K, 100 + i);
		t = base(self, list, 2);
		ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
		ASSERT_EQ(r.error, 0);
		ASSERT_EQ(layers_right(self, 2, 8192), 2);
	}
}

TEST_F(dacc_kv, one_point_for_each_layer)
{
	struct drm_dacc_transfer t;
	uint64_t value = 0;
	uint32_t list;

	ASSERT_EQ(make_list(self, 8, 4096, &list), 0);
	t = base(self, list, 8);
	t.out.handle = self->line;
	t.out.point = 100;
	ASSERT_EQ(transfer_run(self->fd, &t, NULL), 0);
	for (int l = 0; l < 8; l++)
		EXPECT_EQ(point_status(self->fd, self->line, 100 + l, 10), 0);
	ASSERT_EQ(drmSyncobjQuery(self->fd, &self->line, &value, 1), 0);
	EXPECT_EQ(value, 107);
}

TEST_F(dacc_kv, a_job_waits_for_a_layer)
{
	struct drm_dacc_sync in = { .handle = self->line, .point = 2 };
	struct drm_dacc_result r = {};
	struct drm_dacc_transfer t;
	struct drm_dacc_job copy;
	uint32_t list, q;
	__u64 seq;

	ASSERT_EQ(make_list(self, 4, 16384, &list), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
	t = base(self, list, 4);
	t.out.handle = self->line;
	t.out.point = 1;
	ASSERT_EQ(transfer(self->fd, &t), 0);
	/* Layer 1 of page 0, out again. */
	copy = job_copy(HOST + SZ_1M, SRAM + DRM_DACC_PAGE_INDEX(self->page[0]) * PAGE + 16384,
			16384);
	ASSERT_EQ(submit_full(self->fd, q, &copy, 1, &in, 1, NULL, 0, &seq), 0);
	ASSERT_EQ(wait_job(self->fd, q, seq, 30, &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(memcmp(self->h + SZ_1M, self->h + 4 * 16384 + 2 * 16384, 16384), 0);
	EXPECT_EQ(transfer_wait(self->fd, t.id, 30, NULL), 0);
}

TEST_F(dacc_kv, each_layer_waits_for_its_point)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_job j = job_fill(HOST + SZ_1M, 64, 1);
	struct drm_dacc_transfer t;
	uint32_t list, hung;

	ASSERT_EQ(make_list(self, 3, 4096, &list), 0);
	for (int l = 0; l < 2; l++) {
		struct drm_dacc_sync out = { .handle = self->in, .point = 10 + l };

		ASSERT_EQ(submit_full(self->fd, self->q, &j, 1, NULL, 0, &out, 1, NULL), 0);
	}
	ASSERT_EQ(pending_fence(self, 12, &hung), 0);
	t = base(self, list, 3);
	t.in.handle = self->in;
	t.in.point = 10;
	t.in_step = 1;
	t.out.handle = self->line;
	t.out.point = 1;
	ASSERT_EQ(transfer(self->fd, &t), 0);
	EXPECT_EQ(point_status(self->fd, self->line, 2, 30), 0);
	EXPECT_EQ(transfer_wait(self->fd, t.id, 1, &r), -ETIME);
	EXPECT_EQ(layers_right(self, 3, 4096), 2);
	/* What the third waits for ends with an error, which is the layer's. */
	ASSERT_EQ(queue_destroy(self->fd, hung), 0);
	ASSERT_EQ(transfer_wait(self->fd, t.id, 30, &r), 0);
	EXPECT_EQ(r.error, -ECANCELED);
	EXPECT_EQ(r.layers_done, 2);
	EXPECT_EQ(r.failed_layer, 2);
	EXPECT_EQ(r.pages_done, 0);
	EXPECT_EQ(r.pages_failed, 4);
	EXPECT_EQ(point_status(self->fd, self->line, 3, 0), -ECANCELED);
	EXPECT_EQ(layers_right(self, 3, 4096), 2);
}

TEST_F(dacc_kv, waiting_transfers_let_others_pass)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer a, b;
	struct drm_dacc_result jr = {};
	uint32_t la, lb, hung;

	ASSERT_EQ(make_list(self, 1, 4096, &la), 0);
	memmove(self->page, self->page + 4, 4 * sizeof(self->page[0]));
	ASSERT_EQ(make_list(self, 1, 4096, &lb), 0);
	ASSERT_EQ(pending_fence(self, 1, &hung), 0);
	a = base(self, la, 1);
	a.in.handle = self->in;
	a.in.point = 1;
	ASSERT_EQ(transfer(self->fd, &a), 0);
	b = base(self, lb, 1);
	ASSERT_EQ(transfer_run(self->fd, &b, &r), 0);
	EXPECT_EQ(r.error, 0);
	/* And jobs of the same queue. */
	ASSERT_EQ(run(self->fd, self->q, job_fill(HOST + SZ_1M, 64, 7), &jr), 0);
	EXPECT_EQ(jr.error, 0);
	EXPECT_EQ(transfer_wait(self->fd, a.id, 0, &r), -ETIME);
	ASSERT_EQ(transfer_cancel(self->fd, a.id), 0);
	EXPECT_EQ(transfer_wait(self->fd, a.id, 30, &r), 0);
	EXPECT_EQ(r.error, -ECANCELED);
	EXPECT_EQ(queue_destroy(self->fd, hung), 0);
}

TEST_F(dacc_kv, stale_handles)
{
	struct drm_dacc_transfer t;
	uint32_t list;

	ASSERT_EQ(make_list(self, 1, 4096, &list), 0);
	ASSERT_EQ(pool_free(self->fd, self->pool, &self->page[2], 1, NULL), 0);
	t = base(self, list, 1);
	EXPECT_EQ(transfer(self->fd, &t), -ESTALE);
	EXPECT_EQ(t.index, 2);
	/* Also when the page is out again, under another handle. */
	ASSERT_EQ(pool_alloc(self->fd, self->pool, &self->page[2], 1, NULL), 0);
	EXPECT_EQ(transfer(self->fd, &t), -ESTALE);
	EXPECT_EQ(layers_right(self, 1, 4096), 0);
	/* The other pages are nobody's. */
	ASSERT_EQ(make_list(self, 1, 4096, &list), 0);
	t = base(self, list, 1);
	EXPECT_EQ(transfer_run(self->fd, &t, NULL), 0);
	EXPECT_EQ(layers_right(self, 1, 4096), 1);
}

TEST_F(dacc_kv, a_page_has_one_owner)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer a, b;
	uint32_t list, other, hung;

	ASSERT_EQ(make_list(self, 2, 4096, &list), 0);
	memmove(&self->page[0], &self->page[3], 4 * sizeof(self->page[0]));
	ASSERT_EQ(make_list(self, 2, 4096, &other), 0);
	ASSERT_EQ(pending_fence(self, 1, &hung), 0);
	a = base(self, list, 1);
	a.in.handle = self->in;
	a.in.point = 1;
	ASSERT_EQ(transfer(self->fd, &a), 0);
	/* The same list, also other layers of it; one that shares a page. */
	b = base(self, list, 1);
	b.first_layer = 1;
	EXPECT_EQ(transfer(self->fd, &b), -EBUSY);
	b = base(self, other, 1);
	EXPECT_EQ(transfer(self->fd, &b), -EBUSY);
	ASSERT_EQ(transfer_cancel(self->fd, a.id), 0);
	ASSERT_EQ(transfer_wait(self->fd, a.id, 30, &r), 0);
	EXPECT_EQ(transfer_run(self->fd, &b, &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(queue_destroy(self->fd, hung), 0);
}

TEST_F(dacc_kv, free_is_deferred)
{
	struct drm_dacc_transfer_result r = {};
	uint32_t list, hung, index = 0;
	struct drm_dacc_transfer t;
	uint64_t got[4];

	ASSERT_EQ(make_list(self, 1, 4096, &list), 0);
	ASSERT_EQ(pending_fence(self, 1, &hung), 0);
	t = base(self, list, 1);
	t.in.handle = self->in;
	t.in.point = 1;
	ASSERT_EQ(transfer(self->fd, &t), 0);
	ASSERT_EQ(pool_free(self->fd, self->pool, self->page, 4, &index), 0);
	EXPECT_EQ(index, 4);
	EXPECT_EQ(pool_free(self->fd, self->pool, self->page, 1, &index), -ESTALE);
	/* Every page is used or owned. */
	EXPECT_EQ(pool_alloc(self->fd, self->pool, got, 1, &index), -ENOSPC);
	EXPECT_EQ(index, 0);
	ASSERT_EQ(transfer_cancel(self->fd, t.id), 0);
	ASSERT_EQ(transfer_wait(self->fd, t.id, 30, &r), 0);
	EXPECT_EQ(r.error, -ECANCELED);
	ASSERT_EQ(pool_alloc(self->fd, self->pool, got, 4, &index), 0);
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 4; k++)
			EXPECT_NE(got[i], self->page[k]);
	EXPECT_EQ(queue_destroy(self->fd, hung), 0);
}

TEST_F(dacc_kv, cancel_before_it_runs)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer t;
	uint32_t list, hung;

	ASSERT_EQ(make_list(self, 4, 4096, &list), 0);
	ASSERT_EQ(pending_fence(self, 1, &hung), 0);
	t = base(self, list, 4);
	t.in.handle = self->in;
	t.in.point = 1;
	t.out.handle = self->line;
	t.out.point = 1;
	ASSERT_EQ(transfer(self->fd, &t), 0);
	ASSERT_EQ(transfer_cancel(self->fd, t.id), 0);
	/* At once: what it waited for has not ended. */
	EXPECT_EQ(point_status(self->fd, self->line, 4, 0), -ECANCELED);
	ASSERT_EQ(transfer_wait(self->fd, t.id, 10, &r), 0);
	EXPECT_EQ(r.error, -ECANCELED);
	EXPECT_EQ(r.layers_done, 0);
	EXPECT_EQ(r.failed_layer, 0);
	EXPECT_EQ(r.bytes, 0);
	EXPECT_EQ(r.pages_failed, 4);
	ASSERT_EQ(queue_destroy(self->fd, hung), 0);
	EXPECT_EQ(layers_right(self, 4, 4096), 0);
}

TEST_F(dacc_kv, cancel_while_it_runs)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_queue_info i;
	struct drm_dacc_transfer t;
	struct drm_dacc_result jr = {};
	uint32_t list;

	ASSERT_EQ(make_long_list(self, 8, &list), 0);
	t = base(self, list, 8);
	t.out.handle = self->line;
	t.out.point = 1;
	ASSERT_EQ(transfer(self->fd, &t), 0);
	let_it_start();
	ASSERT_EQ(transfer_cancel(self->fd, t.id), 0);
	ASSERT_EQ(transfer_cancel(self->fd, t.id), 0);
	ASSERT_EQ(transfer_wait(self->fd, t.id, 60, &r), 0);
	EXPECT_EQ(r.error, -ECANCELED);
	EXPECT_LT(r.layers_done, 8);
	EXPECT_EQ(r.failed_layer, r.layers_done);
	EXPECT_LT(r.bytes, 8ull * 65536 * PAGE);
	EXPECT_EQ(r.pages_done, 0);
	EXPECT_EQ(point_status(self->fd, self->line, 8, 0), -ECANCELED);
	/* No write lands any more. */
	memset(self->s + DRM_DACC_PAGE_INDEX(self->page[0]) * PAGE, 0xee, PAGE);
	usleep(100000);
	for (uint32_t k = 0; k < PAGE; k++)
		ASSERT_EQ(self->s[DRM_DACC_PAGE_INDEX(self->page[0]) * PAGE + k], 0xee);
	/* The queue goes on. */
	ASSERT_EQ(queue_info(self->fd, self->q, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_OK);
	ASSERT_EQ(run(self->fd, self->q, job_fill(HOST, 64, 1), &jr), 0);
	EXPECT_EQ(jr.error, 0);
}

TEST_F(dacc_kv, a_reset_of_the_device_loses_nothing)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer t;
	uint32_t list, index;

	ASSERT_EQ(make_list(self, 8, 4096, &list), 0);
	for (uint64_t n = 0; n < 10; n++) {
		memset(self->s, 0, SZ_1M);
		t = base(self, list, 8);
		t.out.handle = self->line;
		t.out.point = 1 + 8 * n;
		ASSERT_EQ(transfer(self->fd, &t), 0);
		ASSERT_EQ(reset_function(), 0);
		ASSERT_EQ(transfer_wait(self->fd, t.id, 60, &r), 0);
		EXPECT_EQ(r.error, 0);
		EXPECT_EQ(r.layers_done, 8);
		EXPECT_EQ(r.bytes, 8 * 4 * 4096);
		EXPECT_EQ(point_status(self->fd, self->line, 8 + 8 * n, 0), 0);
		EXPECT_EQ(layers_right(self, 8, 4096), 8);
	}
	EXPECT_EQ(pool_free(self->fd, self->pool, self->page, 4, &index), 0);
}

static void *reset_soon(void *arg)
{
	usleep(20000);
	return (void *)(intptr_t)reset_function();
}

/* However the two meet: one end, and no write after it. */
TEST_F(dacc_kv, cancel_across_a_reset_of_the_device)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer t;
	pthread_t thread;
	uint32_t list;
	uint8_t *page;
	void *ret;

	ASSERT_EQ(make_long_list(self, 8, &list), 0);
	page = self->s + DRM_DACC_PAGE_INDEX(self->page[0]) * PAGE;
	for (uint64_t n = 0; n < 8; n++) {
		t = base(self, list, 8);
		t.out.handle = self->line;
		t.out.point = 1 + 8 * n;
		ASSERT_EQ(transfer(self->fd, &t), 0);
		let_it_start();
		ASSERT_EQ(pthread_create(&thread, NULL, reset_soon, NULL), 0);
		usleep(8000 * n);
		ASSERT_EQ(transfer_cancel(self->fd, t.id), 0);
		ASSERT_EQ(transfer_wait(self->fd, t.id, 60, &r), 0);
		EXPECT_EQ(r.error, -ECANCELED);
		EXPECT_LT(r.layers_done, 8);
		EXPECT_EQ(transfer_wait(self->fd, t.id, 0, NULL), -ENOENT);
		EXPECT_EQ(point_status(self->fd, self->line, 8 + 8 * n, 0), -ECANCELED);
		ASSERT_EQ(pthread_join(thread, &ret), 0);
		EXPECT_EQ((intptr_t)ret, 0);
		memset(page, 0xee, PAGE);
		usleep(50000);
		EXPECT_EQ(page[0], 0xee);
		EXPECT_EQ(memcmp(page, page + 1, PAGE - 1), 0);
	}
	EXPECT_EQ(bystander(), 0);
}

TEST_F(dacc_kv, cancel_what_stands_behind)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer a, b;
	uint32_t first, second;

	ASSERT_EQ(make_long_list(self, 1, &first), 0);
	memmove(&self->page[0], &self->page[4], 4 * sizeof(self->page[0]));
	ASSERT_EQ(make_list(self, 2, 4096, &second), 0);
	a = base(self, first, 1);
	ASSERT_EQ(transfer(self->fd, &a), 0);
	b = base(self, second, 2);
	ASSERT_EQ(transfer(self->fd, &b), 0);
	ASSERT_EQ(transfer_cancel(self->fd, b.id), 0);
	ASSERT_EQ(transfer_cancel(self->fd, a.id), 0);
	ASSERT_EQ(transfer_wait(self->fd, b.id, 60, &r), 0);
	EXPECT_EQ(r.error, -ECANCELED);
	EXPECT_EQ(r.bytes, 0);
	EXPECT_EQ(layers_right(self, 2, 4096), 0);
	ASSERT_EQ(transfer_wait(self->fd, a.id, 60, &r), 0);
	EXPECT_EQ(r.error, -ECANCELED);
}

TEST_F(dacc_kv, cancel_after_it_has_ended)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer t;
	uint32_t list;

	ASSERT_EQ(make_list(self, 2, 4096, &list), 0);
	t = base(self, list, 2);
	t.out.handle = self->line;
	t.out.point = 1;
	ASSERT_EQ(transfer(self->fd, &t), 0);
	ASSERT_EQ(point_status(self->fd, self->line, 2, 30), 0);
	EXPECT_EQ(transfer_cancel(self->fd, t.id), 0);
	ASSERT_EQ(transfer_wait(self->fd, t.id, 30, &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(r.layers_done, 2);
	EXPECT_EQ(transfer_cancel(self->fd, t.id), -ENOENT);
	EXPECT_EQ(transfer_cancel(self->fd, 0), -ENOENT);
	EXPECT_EQ(transfer_cancel(self->fd, UINT64_MAX), -ENOENT);
}

TEST_F(dacc_kv, deadlines)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer t;
	uint32_t list, hung;
	int64_t start;

	ASSERT_EQ(make_list(self, 2, 4096, &list), 0);
	ASSERT_EQ(pending_fence(self, 1, &hung), 0);
	t = base(self, list, 2);
	t.in.handle = self->in;
	t.in.point = 1;
	start = now_ns();
	t.deadline_ns = start + NSEC / 2;
	ASSERT_EQ(transfer(self->fd, &t), 0);
	ASSERT_EQ(transfer_wait(self->fd, t.id, 30, &r), 0);
	EXPECT_EQ(r.error, -ETIME);
	EXPECT_GE(now_ns() - start, NSEC / 2);
	/* One that has passed already. */
	t.deadline_ns = 1;
	ASSERT_EQ(transfer(self->fd, &t), 0);
	ASSERT_EQ(transfer_wait(self->fd, t.id, 30, &r), 0);
	EXPECT_EQ(r.error, -ETIME);
	/* One that is met. */
	t = base(self, list, 2);
	t.deadline_ns = now_ns() + 60 * NSEC;
	ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(queue_destroy(self->fd, hung), 0);
}

TEST_F(dacc_kv, a_deadline_while_it_runs)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer t;
	uint32_t list;

	ASSERT_EQ(make_long_list(self, 8, &list), 0);
	t = base(self, list, 8);
	t.deadline_ns = now_ns() + 3 * NSEC / 10;
	ASSERT_EQ(transfer(self->fd, &t), 0);
	ASSERT_EQ(transfer_wait(self->fd, t.id, 60, &r), 0);
	EXPECT_EQ(r.error, -ETIME);
	EXPECT_LT(r.layers_done, 8);
}

/* The CRC of a layer in the order of its blocks. */
static uint32_t layer_crc(FIXTURE_DATA(dacc_kv) * self, uint32_t l, uint32_t len)
{
	static const uint32_t src[4] = { 2, 0, 3, 1 };
	uint32_t crc = 0;

	for (uint32_t i = 0; i < 4; i++)
		crc = crc32_add(crc, self->h + (l * 4 + src[i]) * len, len);
	return crc;
}

TEST_F(dacc_kv, checksums)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer t;
	uint32_t list, crcs[3];

	ASSERT_EQ(make_list(self, 3, 5000, &list), 0);
	for (uint32_t l = 0; l < 3; l++)
		crcs[l] = layer_crc(self, l, 5000);
	t = base(self, list, 3);
	t.flags = DRM_DACC_TRANSFER_CHECKSUM;
	ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
	EXPECT_EQ(r.crc, crcs[2]);
	t.flags |= DRM_DACC_TRANSFER_VERIFY;
	t.crcs = (uintptr_t)crcs;
	ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(r.layers_done, 3);
}

TEST_F(dacc_kv, a_bad_checksum_stops_what_waits_for_it)
{
	struct drm_dacc_sync in = { .handle = self->line, .point = 2 };
	struct drm_dacc_job j = job_fill(HOST + SZ_1M, 64, 0x77777777);
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_result jr = {};
	struct drm_dacc_queue_info i;
	struct drm_dacc_transfer t;
	uint32_t list, crcs[3], q;
	__u64 seq;

	ASSERT_EQ(make_list(self, 3, 5000, &list), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
	for (uint32_t l = 0; l < 3; l++)
		crcs[l] = layer_crc(self, l, 5000);
	crcs[1] ^= 1;
	t = base(self, list, 3);
	t.flags = DRM_DACC_TRANSFER_CHECKSUM | DRM_DACC_TRANSFER_VERIFY;
	t.crcs = (uintptr_t)crcs;
	t.out.handle = self->line;
	t.out.point = 1;
	ASSERT_EQ(transfer(self->fd, &t), 0);
	ASSERT_EQ(submit_full(self->fd, q, &j, 1, &in, 1, NULL, 0, &seq), 0);
	ASSERT_EQ(transfer_wait(self->fd, t.id, 30, &r), 0);
	EXPECT_EQ(r.error, -EBADMSG);
	EXPECT_EQ(r.layers_done, 1);
	EXPECT_EQ(r.failed_layer, 1);
	EXPECT_EQ(point_status(self->fd, self->line, 1, 0), 0);
	EXPECT_EQ(job_status(self, 2), -EBADMSG);
	EXPECT_EQ(job_status(self, 3), -EBADMSG);
	EXPECT_EQ(point_status(self->fd, self->line, 3, 0), -EBADMSG);
	ASSERT_EQ(wait_job(self->fd, q, seq, 30, &jr), 0);
	EXPECT_EQ(jr.error, -EBADMSG);
	EXPECT_NE(*(uint32_t *)(self->h + SZ_1M), 0x77777777);
	ASSERT_EQ(queue_info(self->fd, self->q, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_OK);
}

TEST_F(dacc_kv, a_fault_names_layer_and_block)
{
	struct drm_dacc_list_create c = { .vm = self->vm, .form = DRM_DACC_LIST_SG, .n_layers = 3 };
	struct drm_dacc_transfer_result r = {};
	uint32_t end[3] = { 4, 8, 12 }, list;
	struct drm_dacc_queue_info i;
	struct drm_dacc_transfer t;
	struct dacc_block b[12];

	for (int k = 0; k < 12; k++)
		b[k] = (struct dacc_block){ HOST + k * 64, SRAM + (uint64_t)k % 4 * PAGE + k * 64,
					    64 };
	b[6].src = HOLE;
	c.sg.blocks = (uintptr_t)b;
	c.sg.layer_end = (uintptr_t)end;
	c.sg.n_blocks = 12;
	c.pool = self->pool;
	c.pages = (uintptr_t)self->page;
	c.n_pages = 5;
	ASSERT_EQ(list_create(self->fd, &c, &list), 0);
	t = base(self, list, 3);
	t.out.handle = self->line;
	t.out.point = 1;
	ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
	EXPECT_EQ(r.error, -EFAULT);
	EXPECT_EQ(r.layers_done, 1);
	EXPECT_EQ(r.failed_layer, 1);
	EXPECT_EQ(r.failed_block, 2);
	/* Layer 2 has blocks in pages 0 to 3, nothing is in the fifth. */
	EXPECT_EQ(r.pages_failed, 4);
	EXPECT_EQ(r.pages_done, 1);
	EXPECT_GE(r.bytes, 6 * 64);
	EXPECT_EQ(point_status(self->fd, self->line, 1, 0), 0);
	EXPECT_EQ(job_status(self, 2), -EFAULT);
	EXPECT_EQ(point_status(self->fd, self->line, 3, 0), -EFAULT);
	ASSERT_EQ(queue_info(self->fd, self->q, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_OK);
	/* Only what was done counts: the last layer alone. */
	t.n_layers = 2;
	ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
	EXPECT_EQ(r.pages_failed, 2);
	EXPECT_EQ(r.pages_done, 3);
}

TEST_F(dacc_kv, a_queue_destroyed_meanwhile)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer a, b;
	uint32_t first, second, index;

	ASSERT_EQ(make_long_list(self, 16, &first), 0);
	memmove(&self->page[0], &self->page[4], 4 * sizeof(self->page[0]));
	ASSERT_EQ(make_list(self, 2, 4096, &second), 0);
	a = base(self, first, 16);
	a.out.handle = self->line;
	a.out.point = 1;
	ASSERT_EQ(transfer(self->fd, &a), 0);
	b = base(self, second, 2);
	ASSERT_EQ(transfer(self->fd, &b), 0);
	let_it_start();
	ASSERT_EQ(queue_destroy(self->fd, self->q), 0);
	EXPECT_EQ(transfer_wait(self->fd, a.id, 0, &r), 0);
	EXPECT_EQ(r.error, -ECANCELED);
	EXPECT_EQ(transfer_wait(self->fd, b.id, 0, &r), 0);
	EXPECT_EQ(r.error, -ECANCELED);
	EXPECT_EQ(point_status(self->fd, self->line, 16, 0), -ECANCELED);
	/* The pages are nobody's. */
	EXPECT_EQ(pool_free(self->fd, self->pool, self->page, 4, &index), 0);
	EXPECT_EQ(index, 0);
}

TEST_F(dacc_kv, a_pool_destroyed_meanwhile)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer t;
	uint32_t list;

	ASSERT_EQ(make_long_list(self, 16, &list), 0);
	t = base(self, list, 16);
	ASSERT_EQ(transfer(self->fd, &t), 0);
	let_it_start();
	ASSERT_EQ(pool_destroy(self->fd, self->pool), 0);
	ASSERT_EQ(transfer_wait(self->fd, t.id, 30, &r), 0);
	EXPECT_EQ(r.error, -ECANCELED);
	t.id = 0;
	EXPECT_EQ(transfer(self->fd, &t), -ESTALE);
	/* Its memory can go. */
	EXPECT_EQ(vm_unmap(self->fd, self->vm, SRAM, SZ_1M), 0);
}

TEST_F(dacc_kv, a_list_destroyed_meanwhile)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer t;
	uint32_t list;

	ASSERT_EQ(make_list(self, 8, 8192, &list), 0);
	t = base(self, list, 8);
	ASSERT_EQ(transfer(self->fd, &t), 0);
	ASSERT_EQ(list_destroy(self->fd, list), 0);
	ASSERT_EQ(transfer_wait(self->fd, t.id, 30, &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(layers_right(self, 8, 8192), 8);
}

/* Waits until a counter has a value. */
static bool settles(const char *name, long long value)
{
	for (int i = 0; i < 600; i++) {
		if (counter(name) == value)
			return true;
		usleep(100000);
	}
	return false;
}

TEST_F(dacc_kv, a_file_closed_meanwhile)
{
	long long pools = counter("pools"), lists = counter("lists");
	struct drm_dacc_transfer t;
	uint32_t list;

	ASSERT_EQ(make_long_list(self, 4, &list), 0);
	t = base(self, list, 4);
	ASSERT_EQ(transfer(self->fd, &t), 0);
	t.flags = DRM_DACC_TRANSFER_EVENT;
	EXPECT_EQ(transfer(self->fd, &t), -EBUSY);
	let_it_start();
	munmap(self->h, 2 * SZ_1M);
	munmap(self->s, SZ_1M);
	close(self->fd);
	EXPECT_TRUE(settles("transfers", 0));
	EXPECT_TRUE(settles("lists", lists));
	EXPECT_TRUE(settles("pools", pools - 1));
	EXPECT_EQ(counter("jobs"), 0);
	EXPECT_EQ(bystander(), 0);
	self->fd = open_node();
	self->h = mmap(NULL, 2 * SZ_1M, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	self->s = mmap(NULL, SZ_1M, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

TEST(a_process_killed_meanwhile)
{
	for (int round = 0; round < 5; round++) {
		int status, ready[2];
		char c;
		pid_t pid;

		ASSERT_EQ(pipe(ready), 0);
		pid = fork();
		if (!pid) {
			FIXTURE_DATA(dacc_kv) self = {};
			struct drm_dacc_transfer t;
			uint32_t list;

			self.fd = open_node();
			if (vm_create(self.fd, &self.vm) ||
			    bo_create(self.fd, SZ_1M, DRM_DACC_BO_HOST, &self.host) ||
			    bo_create(self.fd, SZ_1M, DRM_DACC_BO_SRAM, &self.sram) ||
			    vm_map(self.fd, self.vm, self.host, 0, HOST, SZ_1M, 0) ||
			    vm_map(self.fd, self.vm, self.sram, 0, SRAM, SZ_1M, 0) ||
			    queue_create(self.fd, self.vm, DRM_DACC_QUEUE_TRANSFER, 64, &self.q) ||
			    pool_create(self.fd, self.vm, SRAM, PAGE, N, 0, &self.pool) ||
			    pool_alloc(self.fd, self.pool, self.page, N, NULL) ||
			    make_long_list(&self, 8, &list))
				_exit(1);
			t = base(&self, list, 8);
			t.flags = round & 1 ? DRM_DACC_TRANSFER_EVENT : 0;
			if (transfer(self.fd, &t) || write(ready[1], "x", 1) != 1)
				_exit(2);
			pause();
			_exit(3);
		}
		close(ready[1]);
		ASSERT_EQ(read(ready[0], &c, 1), 1);
		usleep(50000 * round);
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		close(ready[0]);
		ASSERT_TRUE(settles("transfers", 0));
	}
	EXPECT_EQ(bystander(), 0);
}

static int read_event(int fd, struct drm_dacc_event *e, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int ret = poll(&p, 1, ms);

	if (ret <= 0)
		return ret ? -errno : -ETIME;
	ret = (int)read(fd, e, sizeof(*e));
	return ret == sizeof(*e) ? 0 : ret < 0 ? -errno : -EIO;
}

TEST_F(dacc_kv, events)
{
	struct drm_dacc_event e = {};
	struct drm_dacc_transfer t;
	uint32_t list;

	ASSERT_EQ(make_list(self, 2, 4096, &list), 0);
	t = base(self, list, 2);
	t.flags = DRM_DACC_TRANSFER_EVENT;
	ASSERT_EQ(transfer(self->fd, &t), 0);
	EXPECT_EQ(transfer_wait(self->fd, t.id, 30, NULL), -ENOENT);
	ASSERT_EQ(read_event(self->fd, &e, 30000), 0);
	EXPECT_EQ(e.base.type, DRM_DACC_EVENT_TRANSFER);
	EXPECT_EQ(e.base.length, sizeof(e));
	EXPECT_EQ(e.result.id, t.id);
	EXPECT_EQ(e.result.cookie, t.cookie);
	EXPECT_EQ(e.result.error, 0);
	EXPECT_EQ(e.result.layers_done, 2);
	/* Once. */
	EXPECT_EQ(read_event(self->fd, &e, 300), -ETIME);
	EXPECT_EQ(transfer_cancel(self->fd, t.id), -ENOENT);
}

TEST_F(dacc_kv, an_event_of_a_cancelled_transfer)
{
	struct drm_dacc_event e = {};
	struct drm_dacc_transfer t;
	uint32_t list;

	ASSERT_EQ(make_long_list(self, 8, &list), 0);
	t = base(self, list, 8);
	t.flags = DRM_DACC_TRANSFER_EVENT;
	ASSERT_EQ(transfer(self->fd, &t), 0);
	for (int i = 0; i < 10; i++)
		transfer_cancel(self->fd, t.id);
	ASSERT_EQ(read_event(self->fd, &e, 60000), 0);
	EXPECT_EQ(e.result.error, -ECANCELED);
	EXPECT_EQ(read_event(self->fd, &e, 300), -ETIME);
}

TEST_F(dacc_kv, unread_events_are_bounded)
{
	struct drm_dacc_event e = {};
	struct drm_dacc_transfer t;
	uint32_t list, posted = 0;
	int ret = 0;

	ASSERT_EQ(make_list(self, 1, 64, &list), 0);
	for (posted = 0; posted < 1000; posted++) {
		t = base(self, list, 1);
		t.flags = DRM_DACC_TRANSFER_EVENT;
		t.out.handle = self->line;
		t.out.point = posted + 1;
		do {
			ret = transfer(self->fd, &t);
		} while (ret == -EBUSY);
		if (ret)
			break;
	}
	EXPECT_EQ(ret, -EAGAIN);
	ASSERT_GT(posted, 10);
	ASSERT_EQ(read_event(self->fd, &e, 30000), 0);
	do {
		ret = transfer(self->fd, &t);
	} while (ret == -EBUSY);
	EXPECT_EQ(ret, 0);
}

TEST_F(dacc_kv, a_result_is_taken_once)
{
	struct drm_dacc_transfer t;
	uint32_t list;
	int got = 0;

	ASSERT_EQ(make_list(self, 1, 4096, &list), 0);
	t = base(self, list, 1);
	ASSERT_EQ(transfer(self->fd, &t), 0);
	for (int i = 0; i < 4; i++) {
		if (fork())
			continue;
		_exit(transfer_wait(self->fd, t.id, 30, NULL) ? 1 : 0);
	}
	for (int i = 0; i < 4; i++) {
		int status;

		wait(&status);
		got += !WEXITSTATUS(status);
	}
	EXPECT_EQ(got, 1);
	EXPECT_EQ(transfer_wait(self->fd, t.id, 1, NULL), -ENOENT);
}

TEST_F(dacc_kv, waiting)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer t;
	uint32_t list, hung;

	ASSERT_EQ(make_list(self, 1, 4096, &list), 0);
	EXPECT_EQ(transfer_wait(self->fd, 4711, 1, &r), -ENOENT);
	ASSERT_EQ(pending_fence(self, 1, &hung), 0);
	t = base(self, list, 1);
	t.in.handle = self->in;
	t.in.point = 1;
	ASSERT_EQ(transfer(self->fd, &t), 0);
	EXPECT_EQ(transfer_wait(self->fd, t.id, 0, &r), -ETIME);
	EXPECT_EQ(transfer_wait(self->fd, t.id, 1, &r), -ETIME);
	ASSERT_EQ(transfer_cancel(self->fd, t.id), 0);
	EXPECT_EQ(transfer_wait(self->fd, t.id, 30, &r), 0);
	EXPECT_EQ(queue_destroy(self->fd, hung), 0);
}

TEST_F(dacc_kv, the_queue_is_full)
{
	struct drm_dacc_job nops[16] = {};
	struct drm_dacc_transfer t[70];
	uint32_t lists[16], hung;
	int n = 0, ret = 0;

	ASSERT_EQ(pending_fence(self, 1, &hung), 0);
	for (int i = 0; i < 16; i++) {
		struct drm_dacc_list_create c = { .vm = self->vm,
						  .form = DRM_DACC_LIST_STRIDED,
						  .n_layers = 5 };

		c.strided.src = HOST;
		c.strided.dst = SRAM;
		c.strided.len = 64;
		c.strided.n_blocks = 1;
		ASSERT_EQ(list_create(self->fd, &c, &lists[i]), 0);
	}
	/* The ring has 64 slots: 12 times 5 layers. */
	for (n = 0; n < 70 && !ret; n++) {
		t[n] = base(self, lists[n % 16], 5);
		t[n].in.handle = self->in;
		t[n].in.point = 1;
		ret = transfer(self->fd, &t[n]);
	}
	EXPECT_EQ(ret, -EAGAIN);
	EXPECT_EQ(n, 13);
	EXPECT_EQ(submit(self->fd, self->q, nops, 5, NULL), -EAGAIN);
	EXPECT_EQ(submit(self->fd, self->q, nops, 4, NULL), 0);
	for (int i = 0; i < 12; i++) {
		ASSERT_EQ(transfer_cancel(self->fd, t[i].id), 0);
		ASSERT_EQ(transfer_wait(self->fd, t[i].id, 30, NULL), 0);
	}
	EXPECT_EQ(submit(self->fd, self->q, nops, 16, NULL), 0);
	EXPECT_EQ(queue_destroy(self->fd, hung), 0);
}

TEST_F(dacc_kv, more_layers_than_the_ring_has)
{
	struct drm_dacc_list_create c = { .vm = self->vm,
					  .form = DRM_DACC_LIST_STRIDED,
					  .n_layers = 65 };
	struct drm_dacc_transfer t;
	uint32_t list;

	c.strided.src = HOST;
	c.strided.dst = SRAM;
	c.strided.len = 64;
	c.strided.n_blocks = 1;
	ASSERT_EQ(list_create(self->fd, &c, &list), 0);
	t = base(self, list, 65);
	EXPECT_EQ(transfer(self->fd, &t), -EINVAL);
	t = base(self, list, 64);
	EXPECT_EQ(transfer_run(self->fd, &t, NULL), 0);
}

TEST_F(dacc_kv, one_doorbell_for_all_layers)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer t;
	long long before, after;
	uint32_t list;

	ASSERT_EQ(make_list(self, 16, 1024, &list), 0);
	before = counter("doorbells");
	t = base(self, list, 16);
	ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
	after = counter("doorbells");
	EXPECT_EQ(r.layers_done, 16);
	EXPECT_EQ(after, before + 1);
}

TEST_F(dacc_kv, many_transfers)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer t[4];
	uint32_t list[4];
	uint64_t ids = 0;

	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(make_list(self, 2, 64, &list[i]), 0);
		memmove(&self->page[0], &self->page[4], 12 * sizeof(self->page[0]));
	}
	for (int round = 0; round < 500; round++) {
		for (int i = 0; i < 4; i++) {
			t[i] = base(self, list[i], 2);
			ASSERT_EQ(transfer(self->fd, &t[i]), 0);
			EXPECT_NE(t[i].id, 0);
			EXPECT_NE(t[i].id, ids);
			ids = t[i].id;
		}
		for (int i = 0; i < 4; i++) {
			ASSERT_EQ(transfer_wait(self->fd, t[i].id, 60, &r), 0);
			ASSERT_EQ(r.error, 0);
		}
	}
	EXPECT_EQ(counter("jobs"), 0);
}

TEST_F(dacc_kv, bytes_in_flight_are_limited)
{
	struct drm_dacc_limit_info limits[DRM_DACC_LIMIT_COUNT] = {};
	struct drm_dacc_query q = { .type = DRM_DACC_QUERY_LIMITS,
				    .size = sizeof(limits),
				    .pointer = (uintptr_t)limits };
	struct drm_dacc_transfer t;
	uint32_t list, hung;
	int status;

	ASSERT_EQ(make_list(self, 2, 4096, &list), 0);
	ASSERT_EQ(pending_fence(self, 1, &hung), 0);
	t = base(self, list, 2);
	t.in.handle = self->in;
	t.in.point = 1;
	ASSERT_EQ(transfer(self->fd, &t), 0);
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), 0);
	EXPECT_EQ(limits[DRM_DACC_LIMIT_TRANSFER_BYTES].used, 2 * 4 * 4096);
	ASSERT_EQ(transfer_cancel(self->fd, t.id), 0);
	ASSERT_EQ(transfer_wait(self->fd, t.id, 30, NULL), 0);
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), 0);
	EXPECT_EQ(limits[DRM_DACC_LIMIT_TRANSFER_BYTES].used, 0);
	EXPECT_EQ(queue_destroy(self->fd, hung), 0);
	/* Whoever may do all has no limit. */
	ASSERT_EQ(set_parameter("limit_transfer_bytes", 2 * 4 * 4096 - 1), 0);
	t = base(self, list, 2);
	EXPECT_EQ(transfer_run(self->fd, &t, NULL), 0);
	if (!fork()) {
		t = base(self, list, 2);
		if (setresuid(1000, 1000, 1000) || transfer(self->fd, &t) != -EDQUOT)
			_exit(1);
		t.n_layers = 1;
		_exit(transfer_run(self->fd, &t, NULL) ? 2 : 0);
	}
	wait(&status);
	EXPECT_EQ(WEXITSTATUS(status), 0);
	ASSERT_EQ(set_parameter("limit_transfer_bytes", 0), 0);
}

TEST_F(dacc_kv, a_queue_that_hangs)
{
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_transfer t;
	uint32_t list, index;

	ASSERT_EQ(make_list(self, 2, 4096, &list), 0);
	ASSERT_EQ(set_parameter("job_timeout_ms", 1000), 0);
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	t = base(self, list, 2);
	ASSERT_EQ(transfer(self->fd, &t), 0);
	ASSERT_EQ(transfer_wait(self->fd, t.id, 60, &r), 0);
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	EXPECT_EQ(r.error, -ETIME);
	EXPECT_EQ(transfer(self->fd, &t), -EIO);
	EXPECT_EQ(pool_free(self->fd, self->pool, self->page, 4, &index), 0);
	EXPECT_EQ(index, 0);
	EXPECT_EQ(bystander(), 0);
}

/* A transfer on its way into a queue, and the queue's end. */
#define RACE_LAYERS 1024

struct race {
	int fd;
	uint32_t q, list, out, delay;
	int ret;
};

static void *post_one(void *arg)
{
	struct race *r = arg;
	struct drm_dacc_transfer t = {
		.queue = r->q,
		.list = r->list,
		.n_layers = RACE_LAYERS,
		.flags = DRM_DACC_TRANSFER_EVENT,
		.out = { .handle = r->out, .point = 1 },
	};

	r->ret = transfer(r->fd, &t);
	return NULL;
}

static int race_begin(struct race *r)
{
	struct drm_dacc_list_create c = {
		.form = DRM_DACC_LIST_STRIDED,
		.n_layers = RACE_LAYERS,
	};
	uint32_t host, sram;
	int ret;

	r->fd = open_node();
	if (r->fd < 0)
		return -errno;
	c.strided.src = HOST;
	c.strided.dst = SRAM;
	c.strided.len = 64;
	c.strided.n_blocks = 1;
	ret = vm_create(r->fd, &c.vm);
	ret = ret ? ret : bo_create(r->fd, SZ_64K, DRM_DACC_BO_HOST, &host);
	ret = ret ? ret : bo_create(r->fd, SZ_64K, DRM_DACC_BO_SRAM, &sram);
	ret = ret ? ret : vm_map(r->fd, c.vm, host, 0, HOST, SZ_64K, 0);
	ret = ret ? ret : vm_map(r->fd, c.vm, sram, 0, SRAM, SZ_64K, 0);
	ret = ret ? ret : queue_create(r->fd, c.vm, DRM_DACC_QUEUE_TRANSFER, RACE_LAYERS, &r->q);
	ret = ret ? ret : list_create(r->fd, &c, &r->list);
	return ret ? ret : drmSyncobjCreate(r->fd, 0, &r->out);
}

TEST(a_queue_that_goes_under_a_post)
{
	int posted = 0;

	for (uint32_t i = 0; i < 40; i++) {
		struct race r = { .delay = i * 50 };
		pthread_t poster;

		ASSERT_EQ(race_begin(&r), 0);
		ASSERT_EQ(pthread_create(&poster, NULL, post_one, &r), 0);
		usleep(r.delay);
		ASSERT_EQ(queue_destroy(r.fd, r.q), 0);
		pthread_join(poster, NULL);
		posted += !r.ret;
		if (r.ret)
			EXPECT_TRUE(r.ret == -ENOENT || r.ret == -EIO);
		/* It ends at once, whatever became of the transfer. */
		close(r.fd);
	}
	TH_LOG("%d of 40 were posted", posted);
	EXPECT_EQ(bystander(), 0);
}

TEST_HARNESS_MAIN
