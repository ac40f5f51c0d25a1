// SPDX-License-Identifier: GPL-2.0
/* BO_CREATE, BO_MMAP, BO_INFO. */
#include "dacc_util.h"

FIXTURE(dacc_bo)
{
	int fd, other;
};

FIXTURE_SETUP(dacc_bo)
{
	self->fd = open(NODE, O_RDWR | O_CLOEXEC);
	self->other = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	ASSERT_GE(self->other, 0);
}

FIXTURE_TEARDOWN(dacc_bo)
{
	close(self->fd);
	close(self->other);
}

TEST_F(dacc_bo, sram_is_rounded_and_zero)
{
	struct drm_dacc_bo_create c = { .size = 1, .flags = DRM_DACC_BO_SRAM };
	uint8_t *p;

	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_BO_CREATE, &c), 0);
	EXPECT_EQ(c.size, SZ_64K);
	p = bo_map(self->fd, c.handle, SZ_64K);
	ASSERT_NE(p, NULL);
	for (size_t i = 0; i < SZ_64K; i += 97)
		ASSERT_EQ(p[i], 0);
	munmap(p, SZ_64K);
}

TEST_F(dacc_bo, host_is_rounded_and_zero)
{
	struct drm_dacc_bo_create c = { .size = 5000, .flags = DRM_DACC_BO_HOST };
	uint8_t *p;

	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_BO_CREATE, &c), 0);
	EXPECT_EQ(c.size, 2 * SZ_4K);
	p = bo_map(self->fd, c.handle, 2 * SZ_4K);
	ASSERT_NE(p, NULL);
	for (size_t i = 0; i < 2 * SZ_4K; i++)
		ASSERT_EQ(p[i], 0);
	munmap(p, 2 * SZ_4K);
}

TEST_F(dacc_bo, sram_does_not_leak_to_the_next_client)
{
	uint32_t a, b;
	uint64_t *p;

	/* The same bytes come back from the allocator: fill, free, take again. */
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_SRAM, &a), 0);
	p = bo_map(self->fd, a, SZ_1M);
	ASSERT_NE(p, NULL);
	memset(p, 0x5a, SZ_1M);
	munmap(p, SZ_1M);
	close(self->fd);
	self->fd = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_EQ(bo_create(self->other, SZ_1M, DRM_DACC_BO_SRAM, &b), 0);
	p = bo_map(self->other, b, SZ_1M);
	ASSERT_NE(p, NULL);
	for (size_t i = 0; i < SZ_1M / 8; i++)
		ASSERT_EQ(p[i], 0);
	munmap(p, SZ_1M);
}

TEST_F(dacc_bo, data_stays)
{
	uint32_t flags[] = { DRM_DACC_BO_SRAM, DRM_DACC_BO_HOST };

	for (int k = 0; k < 2; k++) {
		uint32_t h;
		uint32_t *p;

		ASSERT_EQ(bo_create(self->fd, SZ_64K, flags[k], &h), 0);
		p = bo_map(self->fd, h, SZ_64K);
		ASSERT_NE(p, NULL);
		for (uint32_t i = 0; i < SZ_64K / 4; i++)
			p[i] = i * 2654435761u;
		munmap(p, SZ_64K);
		p = bo_map(self->fd, h, SZ_64K);
		ASSERT_NE(p, NULL);
		for (uint32_t i = 0; i < SZ_64K / 4; i++)
			ASSERT_EQ(p[i], i * 2654435761u);
		munmap(p, SZ_64K);
	}
}

TEST_F(dacc_bo, size_zero)
{
	uint32_t h;

	EXPECT_EQ(bo_create(self->fd, 0, DRM_DACC_BO_SRAM, &h), -EINVAL);
	EXPECT_EQ(bo_create(self->fd, 0, DRM_DACC_BO_HOST, &h), -EINVAL);
}

TEST_F(dacc_bo, size_overflow)
{
	uint32_t h;

	EXPECT_LT(bo_create(self->fd, UINT64_MAX, DRM_DACC_BO_SRAM, &h), 0);
	EXPECT_LT(bo_create(self->fd, UINT64_MAX - SZ_4K + 2, DRM_DACC_BO_HOST, &h), 0);
	EXPECT_LT(bo_create(self->fd, 1ull << 60, DRM_DACC_BO_HOST, &h), 0);
}

TEST_F(dacc_bo, more_than_sram)
{
	struct drm_dacc_device_info info = {};
	uint32_t h;

	ASSERT_EQ(query_device(self->fd, &info), 0);
	EXPECT_EQ(bo_create(self->fd, info.sram_size + 1, DRM_DACC_BO_SRAM, &h), -ENOSPC);
}

TEST_F(dacc_bo, sram_fills_and_comes_back)
{
	struct drm_dacc_device_info before = {}, full = {}, after = {};
	uint32_t h[1024];
	int n = 0, ret = 0;

	ASSERT_EQ(query_device(self->fd, &before), 0);
	while (n < 1024 && (uint64_t)n < before.sram_free / SZ_1M && !ret) {
		ret = bo_create(self->fd, SZ_1M, DRM_DACC_BO_SRAM, &h[n]);
		n += !ret;
	}
	EXPECT_EQ(ret, 0);
	ASSERT_EQ(query_device(self->fd, &full), 0);
	EXPECT_LT(full.sram_free, SZ_1M);
	while (n)
		drmCloseBufferHandle(self->fd, h[--n]);
	ASSERT_EQ(query_device(self->fd, &after), 0);
	EXPECT_EQ(after.sram_free, before.sram_free);
}

TEST_F(dacc_bo, bad_flags)
{
	uint32_t h;

	EXPECT_EQ(bo_create(self->fd, SZ_4K, 0, &h), -EINVAL);
	EXPECT_EQ(bo_create(self->fd, SZ_4K, DRM_DACC_BO_HOST | 1u << 30, &h), -EINVAL);
	EXPECT_EQ(bo_create(self->fd, SZ_4K, DRM_DACC_BO_IMPORTED, &h), -EINVAL);
}

TEST_F(dacc_bo, mmap_bad_handle)
{
	struct drm_dacc_bo_mmap m = { .handle = 4711 };

	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_BO_MMAP, &m), -ENOENT);
}

TEST_F(dacc_bo, mmap_pad)
{
	struct drm_dacc_bo_mmap m = { .pad = 1 };

	ASSERT_EQ(bo_create(self->fd, SZ_4K, DRM_DACC_BO_HOST, &m.handle), 0);
	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_BO_MMAP, &m), -EINVAL);
}

TEST_F(dacc_bo, mmap_of_another_client)
{
	struct drm_dacc_bo_mmap m = {};
	void *p;

	ASSERT_EQ(bo_create(self->fd, SZ_4K, DRM_DACC_BO_HOST, &m.handle), 0);
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_BO_MMAP, &m), 0);
	p = mmap(NULL, SZ_4K, PROT_READ, MAP_SHARED, self->other, (off_t)m.offset);
	EXPECT_EQ(p, MAP_FAILED);
	EXPECT_EQ(errno, EACCES);
}

TEST_F(dacc_bo, mmap_longer_than_the_buffer)
{
	struct drm_dacc_bo_mmap m = {};

	ASSERT_EQ(bo_create(self->fd, SZ_4K, DRM_DACC_BO_HOST, &m.handle), 0);
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_BO_MMAP, &m), 0);
	EXPECT_EQ(mmap(NULL, 4 * SZ_4K, PROT_READ, MAP_SHARED, self->fd, (off_t)m.offset),
		  MAP_FAILED);
}

TEST_F(dacc_bo, info)
{
	uint32_t h, flags;
	uint64_t size;

	ASSERT_EQ(bo_create(self->fd, 100, DRM_DACC_BO_SRAM, &h), 0);
	ASSERT_EQ(bo_info(self->fd, h, &flags, &size), 0);
	EXPECT_EQ(flags, DRM_DACC_BO_SRAM | DRM_DACC_BO_RESIDENT);
	EXPECT_EQ(size, SZ_64K);
	EXPECT_EQ(bo_info(self->fd, h + 100, &flags, &size), -ENOENT);
}

TEST_F(dacc_bo, handle_of_another_client)
{
	uint32_t h, flags;
	uint64_t size;

	ASSERT_EQ(bo_create(self->fd, 100, DRM_DACC_BO_SRAM, &h), 0);
	EXPECT_EQ(bo_info(self->other, h, &flags, &size), -ENOENT);
}

TEST_F(dacc_bo, counters_return)
{
	long long bos = live_bos();
	uint32_t h[8];

	ASSERT_GE(bos, 0);
	for (int i = 0; i < 8; i++)
		ASSERT_EQ(bo_create(self->fd, SZ_64K, i & 1 ? DRM_DACC_BO_SRAM : DRM_DACC_BO_HOST,
				    &h[i]),
			  0);
	EXPECT_EQ(live_bos(), bos + 8);
	for (int i = 0; i < 8; i++)
		drmCloseBufferHandle(self->fd, h[i]);
	EXPECT_EQ(live_bos(), bos);
}

TEST_HARNESS_MAIN
