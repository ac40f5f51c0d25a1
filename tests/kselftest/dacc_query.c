// SPDX-License-Identifier: GPL-2.0
/* QUERY, and the rules that all ioctls share. */
#include "dacc_util.h"

FIXTURE(dacc_query)
{
	int fd;
};

FIXTURE_SETUP(dacc_query)
{
	self->fd = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(dacc_query)
{
	close(self->fd);
}

TEST_F(dacc_query, driver_name)
{
	drmVersionPtr v = drmGetVersion(self->fd);

	ASSERT_NE(v, NULL);
	EXPECT_STREQ(v->name, "dacc");
	drmFreeVersion(v);
}

TEST_F(dacc_query, device)
{
	struct drm_dacc_device_info info = {};

	ASSERT_EQ(query_device(self->fd, &info), 0);
	EXPECT_EQ(info.hw_version >> 16, DACC_VERSION_MAJOR);
	EXPECT_GT(info.sram_size, 0);
	EXPECT_LE(info.sram_free, info.sram_size);
	EXPECT_GT(info.num_queues, 0);
	EXPECT_LE(info.num_queues, DACC_MAX_QUEUES);
	EXPECT_GT(info.max_blocks, 0);
	EXPECT_GT(info.max_insns, 0);
	EXPECT_EQ(info.va_bits, DACC_VA_BITS);
	EXPECT_EQ(info.page_size, DACC_PAGE_SIZE);
}

TEST_F(dacc_query, size_only)
{
	struct drm_dacc_query q = { .type = DRM_DACC_QUERY_DEVICE };

	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), 0);
	EXPECT_EQ(q.size, sizeof(struct drm_dacc_device_info));
}

TEST_F(dacc_query, short_room_is_not_overrun)
{
	uint8_t room[16];
	struct drm_dacc_query q = {
		.type = DRM_DACC_QUERY_DEVICE,
		.pointer = (uintptr_t)room,
		.size = 8,
	};

	memset(room, 0xa5, sizeof(room));
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), 0);
	EXPECT_EQ(q.size, sizeof(struct drm_dacc_device_info));
	for (int i = 8; i < 16; i++)
		EXPECT_EQ(room[i], 0xa5);
}

TEST_F(dacc_query, long_room_is_zeroed)
{
	uint8_t room[sizeof(struct drm_dacc_device_info) + 16];
	struct drm_dacc_query q = {
		.type = DRM_DACC_QUERY_DEVICE,
		.pointer = (uintptr_t)room,
		.size = sizeof(room),
	};

	memset(room, 0xa5, sizeof(room));
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), 0);
	for (size_t i = sizeof(struct drm_dacc_device_info); i < sizeof(room); i++)
		EXPECT_EQ(room[i], 0);
}

TEST_F(dacc_query, link)
{
	struct drm_dacc_link_info link = {};
	struct drm_dacc_query q = {
		.type = DRM_DACC_QUERY_LINK,
		.pointer = (uintptr_t)&link,
		.size = sizeof(link),
	};

	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), 0);
	EXPECT_EQ(link.status, DACC_LINK_PRESENT | DACC_LINK_UP);
	EXPECT_EQ(link.peer, 0xdac91234u);
	EXPECT_NE(link.peer_bdf, 0);
	EXPECT_NE(link.uid, 0);
	EXPECT_GT(link.bandwidth, 0);
	EXPECT_GT(link.peer_size, 0);
}

TEST_F(dacc_query, no_such_link)
{
	struct drm_dacc_query q = { .type = DRM_DACC_QUERY_LINK, .index = 99 };

	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), -ENOENT);
}

TEST_F(dacc_query, timing)
{
	uint64_t t[DACC_TIMING_COUNT] = {};
	struct drm_dacc_query q = {
		.type = DRM_DACC_QUERY_TIMING,
		.pointer = (uintptr_t)t,
		.size = sizeof(t),
	};

	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), 0);
	EXPECT_EQ(q.size, sizeof(t));
	EXPECT_GT(t[DACC_TIMING_SRAM_BW], 0);
	EXPECT_GT(t[DACC_TIMING_PEAK], 0);
}

TEST_F(dacc_query, bad_type)
{
	struct drm_dacc_query q = { .type = 77 };

	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), -EINVAL);
}

TEST_F(dacc_query, bad_pad_and_index)
{
	struct drm_dacc_query q = { .type = DRM_DACC_QUERY_DEVICE, .pad = 1 };

	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), -EINVAL);
	q.pad = 0;
	q.index = 1;
	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), -EINVAL);
}

TEST_F(dacc_query, bad_pointer)
{
	struct drm_dacc_query q = {
		.type = DRM_DACC_QUERY_DEVICE,
		.pointer = 0x10,
		.size = 64,
	};

	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), -EFAULT);
}

TEST_F(dacc_query, unknown_ioctl)
{
	struct drm_dacc_query q = {};

	EXPECT_NE(xioctl(self->fd, DRM_IOWR(DRM_COMMAND_BASE + 0x3f, struct drm_dacc_query), &q),
		  0);
}

/* An accel node has no master, which the DRM core forgets in these two. */
TEST_F(dacc_query, nothing_for_masters)
{
	struct drm_unique unique = {};
	struct drm_auth auth = {};

	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_GET_UNIQUE, &unique), -EACCES);
	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_GET_MAGIC, &auth), -EACCES);
	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_AUTH_MAGIC, &auth), -EACCES);
}

TEST_F(dacc_query, fdinfo)
{
	char path[64], line[256];
	bool driver = false, client = false, pdev = false, engine = false, memory = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->fd);
	f = fopen(path, "r");
	ASSERT_NE(f, NULL);
	while (fgets(line, sizeof(line), f)) {
		driver |= !strncmp(line, "drm-driver:\tdacc", 16);
		client |= !strncmp(line, "drm-client-id:", 14);
		pdev |= !strncmp(line, "drm-pdev:", 9);
		engine |= !strncmp(line, "drm-engine-", 11);
		memory |= !strncmp(line, "drm-total-", 10) || !strncmp(line, "drm-memory-", 11);
	}
	fclose(f);
	EXPECT_TRUE(driver);
	EXPECT_TRUE(client);
	EXPECT_TRUE(pdev);
	EXPECT_TRUE(engine);
	EXPECT_TRUE(memory);
}

TEST_HARNESS_MAIN
