// SPDX-License-Identifier: GPL-2.0
/* What transfer jobs do, and what faults do. */
#include "dacc_util.h"

#define HOST 0x100000000ull
#define SRAM 0x200000000ull

FIXTURE(dacc_transfer)
{
	int fd;
	uint32_t vm, host, sram, q;
	uint8_t *h, *s;
};

FIXTURE_SETUP(dacc_transfer)
{
	self->fd = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(vm_create(self->fd, &self->vm), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_HOST, &self->host), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_SRAM, &self->sram), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->host, 0, HOST, SZ_1M, 0), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->sram, 0, SRAM, SZ_1M, 0), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &self->q), 0);
	self->h = bo_map(self->fd, self->host, SZ_1M);
	self->s = bo_map(self->fd, self->sram, SZ_1M);
	ASSERT_NE(self->h, NULL);
	ASSERT_NE(self->s, NULL);
}

FIXTURE_TEARDOWN(dacc_transfer)
{
	munmap(self->h, SZ_1M);
	munmap(self->s, SZ_1M);
	close(self->fd);
}

static void pattern(uint8_t *p, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		p[i] = (uint8_t)(seed >> 24);
	}
}

/* CRC-32 of IEEE 802.3, bit by bit: slow and plain. */
static uint32_t crc32_plain(const uint8_t *p, size_t n)
{
	uint32_t c = 0xffffffff;

	while (n--) {
		c ^= *p++;
		for (int k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
	}
	return ~c;
}

TEST_F(dacc_transfer, host_to_sram_and_back)
{
	struct drm_dacc_result r = {};
	uint8_t *copy = malloc(SZ_64K);

	pattern(self->h, SZ_64K, 1);
	memcpy(copy, self->h, SZ_64K);
	ASSERT_EQ(run(self->fd, self->q, job_copy(SRAM + 3, HOST, SZ_64K), &r), 0);
	ASSERT_EQ(r.error, 0);
	EXPECT_EQ(r.bytes, SZ_64K);
	EXPECT_EQ(r.link_bytes, 0);
	EXPECT_EQ(r.path, DACC_PATH_PCIE);
	EXPECT_GT(r.t_end, r.t_start);
	EXPECT_EQ(memcmp(self->s + 3, copy, SZ_64K), 0);
	ASSERT_EQ(run(self->fd, self->q, job_copy(HOST + SZ_64K + 5, SRAM + 3, SZ_64K), &r), 0);
	EXPECT_EQ(memcmp(self->h + SZ_64K + 5, copy, SZ_64K), 0);
	free(copy);
}

TEST_F(dacc_transfer, inside_sram)
{
	struct drm_dacc_result r = {};

	pattern(self->s, SZ_64K, 2);
	ASSERT_EQ(run(self->fd, self->q, job_copy(SRAM + 2 * SZ_64K, SRAM, SZ_64K), &r), 0);
	EXPECT_EQ(r.path, DACC_PATH_SRAM);
	EXPECT_EQ(memcmp(self->s, self->s + 2 * SZ_64K, SZ_64K), 0);
}

TEST_F(dacc_transfer, checksum)
{
	struct drm_dacc_job j = job_copy(SRAM, HOST, 12345);
	struct drm_dacc_result r = {};

	pattern(self->h, 12345, 3);
	ASSERT_EQ(run(self->fd, self->q, j, &r), 0);
	EXPECT_EQ(r.crc, 0);
	j.flags = DRM_DACC_JOB_CHECKSUM;
	ASSERT_EQ(run(self->fd, self->q, j, &r), 0);
	EXPECT_EQ(r.crc, crc32_plain(self->h, 12345));
}

TEST_F(dacc_transfer, fill)
{
	struct drm_dacc_result r = {};
	uint32_t *w = (uint32_t *)self->s;

	ASSERT_EQ(run(self->fd, self->q, job_fill(SRAM + 8, 4096, 0xdeadbeef), &r), 0);
	EXPECT_EQ(w[1], 0);
	EXPECT_EQ(w[2], 0xdeadbeef);
	EXPECT_EQ(w[2 + 1023], 0xdeadbeef);
	EXPECT_EQ(w[2 + 1024], 0);
}

TEST_F(dacc_transfer, block_table)
{
	struct dacc_block *t = (struct dacc_block *)(self->h + SZ_1M / 2);
	struct drm_dacc_job j = { .type = DRM_DACC_JOB_COPY_BLOCKS };
	struct drm_dacc_result r = {};

	/* 1,000 blocks of 100 bytes, reversed. */
	pattern(self->h, 100000, 4);
	for (int i = 0; i < 1000; i++) {
		t[i].src = HOST + i * 100;
		t[i].dst = SRAM + (999 - i) * 100;
		t[i].len = 100;
	}
	j.blocks.table = HOST + SZ_1M / 2;
	j.blocks.n_blocks = 1000;
	ASSERT_EQ(run(self->fd, self->q, j, &r), 0);
	ASSERT_EQ(r.error, 0);
	EXPECT_EQ(r.bytes, 100000);
	for (int i = 0; i < 1000; i++)
		ASSERT_EQ(memcmp(self->h + i * 100, self->s + (999 - i) * 100, 100), 0);
}

TEST_F(dacc_transfer, block_table_names_the_bad_block)
{
	struct dacc_block *t = (struct dacc_block *)(self->h + SZ_1M / 2);
	struct drm_dacc_job j = { .type = DRM_DACC_JOB_COPY_BLOCKS };
	struct drm_dacc_result r = {};
	struct drm_dacc_queue_info i;

	for (int k = 0; k < 10; k++) {
		t[k].src = HOST;
		t[k].dst = SRAM + k * 64;
		t[k].len = 64;
	}
	t[6].dst = 0x700000000ull;
	j.blocks.table = HOST + SZ_1M / 2;
	j.blocks.n_blocks = 10;
	ASSERT_EQ(run(self->fd, self->q, j, &r), 0);
	EXPECT_EQ(r.error, -EFAULT);
	EXPECT_EQ(r.status, DACC_STATUS_UNMAPPED);
	EXPECT_EQ(r.index, 6);
	ASSERT_EQ(queue_info(self->fd, self->q, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_FAULTED);
	EXPECT_EQ(i.fault, DACC_STATUS_UNMAPPED);
	EXPECT_EQ(i.fault_index, 6);
	EXPECT_EQ(i.fault_addr, 0x700000000ull);
}

TEST_F(dacc_transfer, unmapped_source_and_what_follows)
{
	struct drm_dacc_job j[3] = { job_copy(SRAM, 0x900000000ull, 64), job_fill(SRAM, 64, 7),
				     job_nop() };
	struct drm_dacc_result r[3] = {};
	struct drm_dacc_wait w = { .queue = self->q, .n_results = 3, .results = (uintptr_t)r };
	uint32_t q2;

	ASSERT_EQ(submit(self->fd, self->q, j, 3, &w.seq), 0);
	w.timeout_ns = now_ns() + 30 * NSEC;
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_WAIT, &w), 0);
	EXPECT_EQ(r[0].error, -EFAULT);
	EXPECT_LT(r[1].error, 0);
	EXPECT_LT(r[2].error, 0);
	EXPECT_EQ(self->s[0], 0);
	EXPECT_EQ(submit(self->fd, self->q, j, 1, NULL), -EIO);
	/* The address space is good for another queue. */
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q2), 0);
	ASSERT_EQ(run(self->fd, q2, job_fill(SRAM, 64, 7), &r[0]), 0);
	EXPECT_EQ(r[0].error, 0);
	EXPECT_EQ(queue_destroy(self->fd, self->q), 0);
}

TEST_F(dacc_transfer, read_only)
{
	struct drm_dacc_result r = {};

	ASSERT_EQ(vm_unmap(self->fd, self->vm, SRAM, SZ_1M), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->sram, 0, SRAM, SZ_1M, DRM_DACC_VM_READONLY), 0);
	ASSERT_EQ(run(self->fd, self->q, job_copy(HOST, SRAM, 64), &r), 0);
	EXPECT_EQ(r.error, 0);
	ASSERT_EQ(run(self->fd, self->q, job_copy(SRAM, HOST, 64), &r), 0);
	EXPECT_EQ(r.error, -EFAULT);
	EXPECT_EQ(r.status, DACC_STATUS_READ_ONLY);
}

TEST_F(dacc_transfer, unmapped_is_unreachable_at_once)
{
	struct drm_dacc_result r = {};

	ASSERT_EQ(run(self->fd, self->q, job_copy(SRAM, HOST, SZ_64K), &r), 0);
	ASSERT_EQ(r.error, 0);
	ASSERT_EQ(vm_unmap(self->fd, self->vm, HOST, SZ_1M), 0);
	ASSERT_EQ(run(self->fd, self->q, job_copy(SRAM, HOST, SZ_64K), &r), 0);
	EXPECT_EQ(r.error, -EFAULT);
}

TEST_F(dacc_transfer, another_address_space_is_unreachable)
{
	struct drm_dacc_result r = {};
	uint32_t vm, q;

	ASSERT_EQ(vm_create(self->fd, &vm), 0);
	ASSERT_EQ(queue_create(self->fd, vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
	ASSERT_EQ(run(self->fd, q, job_fill(SRAM, 64, 1), &r), 0);
	EXPECT_EQ(r.error, -EFAULT);
	EXPECT_EQ(self->s[0], 0);
}

TEST_F(dacc_transfer, address_wraps)
{
	struct drm_dacc_job j = job_copy(SRAM, UINT64_MAX - 32, 64);
	struct drm_dacc_result r = {};
	int ret = submit(self->fd, self->q, &j, 1, NULL);

	/* Refused at submission, or by the chip: never carried out. */
	if (!ret) {
		ASSERT_EQ(wait_job(self->fd, self->q, 1, 30, &r), 0);
		EXPECT_LT(r.error, 0);
	} else {
		EXPECT_EQ(ret, -EINVAL);
	}
}

TEST_F(dacc_transfer, device_time_goes_forward)
{
	struct drm_dacc_job j[8];
	struct drm_dacc_result r[8] = {};
	struct drm_dacc_wait w = { .queue = self->q, .n_results = 8, .results = (uintptr_t)r };

	for (int i = 0; i < 8; i++)
		j[i] = job_copy(SRAM, HOST, SZ_64K);
	j[5].not_before_ps = 50 * 1000ull * 1000 * 1000;
	ASSERT_EQ(submit(self->fd, self->q, j, 8, &w.seq), 0);
	w.timeout_ns = now_ns() + 30 * NSEC;
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_WAIT, &w), 0);
	for (int i = 0; i < 8; i++) {
		EXPECT_LE(r[i].t_issue, r[i].t_start);
		EXPECT_LT(r[i].t_start, r[i].t_end);
		if (i)
			EXPECT_GE(r[i].t_start, r[i - 1].t_end);
	}
	EXPECT_GE(r[5].t_start, j[5].not_before_ps);
	/* The same work takes the same device time. */
	EXPECT_EQ(r[1].t_end - r[1].t_start, r[7].t_end - r[7].t_start);
}

TEST_HARNESS_MAIN
