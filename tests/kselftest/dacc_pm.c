// SPDX-License-Identifier: GPL-2.0
/* Power: an idle device is suspended, one in use is not, and sleep loses nothing. */
#include <sys/utsname.h>

#include "dacc_life.h"

#define PATIENT 900

FIXTURE(dacc_pm)
{
	char bdf[32], dir[96], delay[16];
	int fd;
};

static int read_text(const char *dir, const char *name, char *text, size_t size)
{
	char path[192];
	FILE *f;
	int ret = -EIO;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (!f)
		return -errno;
	if (fgets(text, (int)size, f)) {
		text[strcspn(text, "\n")] = 0;
		ret = 0;
	}
	fclose(f);
	return ret;
}

static int write_text(const char *dir, const char *name, const char *text)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return write_file(path, text);
}

static bool is_suspended(const char *dir)
{
	char text[32];

	return !read_text(dir, "power/runtime_status", text, sizeof(text)) &&
	       !strcmp(text, "suspended");
}

static bool gets_suspended(const char *dir)
{
	for (int i = 0; i < 1200; i++) {
		if (is_suspended(dir))
			return true;
		usleep(50000);
	}
	return false;
}

/* Ten times the delay after which it would be, had nobody a use for it. */
static bool stays_up(const char *dir)
{
	for (int i = 0; i < 20; i++) {
		if (is_suspended(dir))
			return false;
		usleep(50000);
	}
	return true;
}

FIXTURE_SETUP(dacc_pm)
{
	char text[32];

	ASSERT_EQ(pci_dir(self->bdf, sizeof(self->bdf)), 0);
	snprintf(self->dir, sizeof(self->dir), "/sys/bus/pci/devices/%s", self->bdf);
	ASSERT_EQ(read_text(self->dir, "power/autosuspend_delay_ms", self->delay,
			    sizeof(self->delay)),
		  0);
	ASSERT_EQ(write_text(self->dir, "power/autosuspend_delay_ms", "100"), 0);
	ASSERT_EQ(read_text(self->dir, "power/control", text, sizeof(text)), 0);
	ASSERT_STREQ(text, "auto");
	self->fd = open_node();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(dacc_pm)
{
	close(self->fd);
	write_text(self->dir, "power/autosuspend_delay_ms", self->delay);
	write_file("/sys/power/pm_test", "none");
}

TEST_F_TIMEOUT(dacc_pm, an_idle_device_is_suspended, PATIENT)
{
	struct drm_dacc_device_info info = {};

	EXPECT_TRUE(gets_suspended(self->dir));
	/* An open file is no use; a query resumes it, and its answer is right. */
	ASSERT_EQ(query_device(self->fd, &info), 0);
	EXPECT_NE(info.generation, ~0u);
	EXPECT_NE(info.time_ps, ~0ull);
	EXPECT_TRUE(gets_suspended(self->dir));
	EXPECT_EQ(bystander(), 0);
}

TEST_F_TIMEOUT(dacc_pm, a_queue_keeps_it_up, PATIENT)
{
	struct drm_dacc_result r = {};
	uint32_t vm, q;

	ASSERT_EQ(vm_create(self->fd, &vm), 0);
	ASSERT_EQ(queue_create(self->fd, vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
	EXPECT_TRUE(stays_up(self->dir));
	ASSERT_EQ(run(self->fd, q, job_nop(), &r), 0);
	EXPECT_EQ(r.error, 0);
	ASSERT_EQ(queue_destroy(self->fd, q), 0);
	EXPECT_TRUE(gets_suspended(self->dir));
}

TEST_F_TIMEOUT(dacc_pm, sram_keeps_it_up_and_host_memory_does_not, PATIENT)
{
	struct drm_gem_close c = {};
	uint32_t sram, host;
	uint32_t *p;

	ASSERT_EQ(bo_create(self->fd, SZ_64K, DRM_DACC_BO_HOST, &host), 0);
	EXPECT_TRUE(gets_suspended(self->dir));
	ASSERT_EQ(bo_create(self->fd, SZ_64K, DRM_DACC_BO_SRAM, &sram), 0);
	p = bo_map(self->fd, sram, SZ_64K);
	ASSERT_NE(p, NULL);
	p[5] = 0x5a5a;
	EXPECT_TRUE(stays_up(self->dir));
	EXPECT_EQ(p[5], 0x5a5a);
	munmap(p, SZ_64K);
	c.handle = sram;
	ASSERT_EQ(ioctl(self->fd, DRM_IOCTL_GEM_CLOSE, &c), 0);
	EXPECT_TRUE(gets_suspended(self->dir));
}

TEST_F_TIMEOUT(dacc_pm, address_spaces_survive_a_suspension, PATIENT)
{
	struct drm_dacc_result r = {};
	uint32_t vm, host, q;
	uint32_t *p;

	ASSERT_EQ(vm_create(self->fd, &vm), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_64K, DRM_DACC_BO_HOST, &host), 0);
	ASSERT_EQ(vm_map(self->fd, vm, host, 0, VA, SZ_64K, 0), 0);
	p = bo_map(self->fd, host, SZ_64K);
	ASSERT_NE(p, NULL);
	for (int i = 1; i < 4; i++) {
		ASSERT_TRUE(gets_suspended(self->dir));
		ASSERT_EQ(queue_create(self->fd, vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
		ASSERT_EQ(run(self->fd, q, job_fill(VA, 64, (uint32_t)i), &r), 0);
		EXPECT_EQ(r.error, 0);
		EXPECT_EQ(p[0], (uint32_t)i);
		ASSERT_EQ(queue_destroy(self->fd, q), 0);
	}
	ASSERT_TRUE(gets_suspended(self->dir));
	/* Nothing of it needs the device. */
	EXPECT_EQ(vm_unmap(self->fd, vm, VA, SZ_64K), 0);
	EXPECT_TRUE(is_suspended(self->dir));
}

TEST_F_TIMEOUT(dacc_pm, a_reset_while_suspended, PATIENT)
{
	ASSERT_TRUE(gets_suspended(self->dir));
	ASSERT_EQ(write_text(self->dir, "reset", "1"), 0);
	EXPECT_EQ(bystander(), 0);
	EXPECT_TRUE(gets_suspended(self->dir));
}

TEST_F_TIMEOUT(dacc_pm, knobs_while_suspended, PATIENT)
{
	ASSERT_TRUE(gets_suspended(self->dir));
	EXPECT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	EXPECT_TRUE(gets_suspended(self->dir));
	EXPECT_GE(counter("queues"), 0);
	EXPECT_EQ(system("cd /sys/kernel/debug/accel && cat */queues */link >/dev/null"), 0);
}

/* Whether the guest comes back: on Debian's 7.3 it stands still, for a reason not yet known. */
static bool sleep_ends(void)
{
	struct utsname u;

	return !uname(&u) && atoi(u.release) < 7;
}

#define NO_SLEEP "system sleep on this kernel stands still in the guest"

/* Freezes all, suspends as far as @level says, and back. */
static int sleep_once(const char *level)
{
	int ret = write_file("/sys/power/pm_test", level);

	write_file("/sys/module/suspend/parameters/pm_test_delay", "0");
	return ret ? ret : write_file("/sys/power/state", "freeze");
}

TEST_F_TIMEOUT(dacc_pm, sleep_keeps_sram, PATIENT)
{
	uint32_t sram;
	uint32_t *p;

	if (!sleep_ends())
		SKIP(return, NO_SLEEP);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_SRAM, &sram), 0);
	p = bo_map(self->fd, sram, SZ_1M);
	ASSERT_NE(p, NULL);
	for (uint32_t i = 0; i < SZ_1M / 4; i++)
		p[i] = i * 2654435761u;
	for (int round = 0; round < 3; round++) {
		ASSERT_EQ(sleep_once("devices"), 0);
		for (uint32_t i = 0; i < SZ_1M / 4; i++)
			ASSERT_EQ(p[i], i * 2654435761u);
	}
}

static void sleep_with_jobs(struct __test_metadata *_metadata, int fd, const char *level)
{
	struct drm_dacc_queue_info i = {};
	struct drm_dacc_result r = {};
	uint32_t vm, host, sram, q;
	__u64 seq = 0;
	uint32_t *p;

	ASSERT_EQ(vm_create(fd, &vm), 0);
	ASSERT_EQ(bo_create(fd, SZ_1M, DRM_DACC_BO_SRAM, &sram), 0);
	ASSERT_EQ(bo_create(fd, SZ_1M, DRM_DACC_BO_HOST, &host), 0);
	ASSERT_EQ(vm_map(fd, vm, sram, 0, VA, SZ_1M, 0), 0);
	ASSERT_EQ(vm_map(fd, vm, host, 0, VA + SZ_1M, SZ_1M, 0), 0);
	ASSERT_EQ(queue_create(fd, vm, DRM_DACC_QUEUE_TRANSFER, 256, &q), 0);
	p = bo_map(fd, host, SZ_1M);
	ASSERT_NE(p, NULL);
	for (int round = 1; round < 4; round++) {
		p[0] = 0x10000u * round;
		/* A chain through SRAM: each takes what the one before has written. */
		for (uint64_t n = 0; n < 100; n++) {
			struct drm_dacc_job j[2] = {
				job_copy(VA + n * SZ_4K, VA + SZ_1M + n * SZ_4K, SZ_4K),
				job_copy(VA + SZ_1M + (n + 1) * SZ_4K, VA + n * SZ_4K, SZ_4K),
			};

			ASSERT_EQ(submit(fd, q, j, 2, &seq), 0);
		}
		ASSERT_EQ(sleep_once(level), 0);
		ASSERT_EQ(wait_job(fd, q, seq, 600, &r), 0);
		EXPECT_EQ(r.error, 0);
		EXPECT_EQ(seq, 200 * round);
		EXPECT_EQ(p[100 * SZ_4K / 4], 0x10000u * round);
	}
	ASSERT_EQ(queue_info(fd, q, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_OK);
	EXPECT_EQ(i.completed, 600);
}

TEST_F_TIMEOUT(dacc_pm, sleep_keeps_jobs_and_their_order, PATIENT)
{
	if (!sleep_ends())
		SKIP(return, NO_SLEEP);
	sleep_with_jobs(_metadata, self->fd, "devices");
}

TEST_F_TIMEOUT(dacc_pm, sleep_as_far_as_the_platform, PATIENT)
{
	if (!sleep_ends())
		SKIP(return, NO_SLEEP);
	sleep_with_jobs(_metadata, self->fd, "platform");
}

TEST_F_TIMEOUT(dacc_pm, sleep_while_suspended, PATIENT)
{
	if (!sleep_ends())
		SKIP(return, NO_SLEEP);
	ASSERT_TRUE(gets_suspended(self->dir));
	ASSERT_EQ(sleep_once("devices"), 0);
	EXPECT_EQ(bystander(), 0);
	EXPECT_TRUE(gets_suspended(self->dir));
}

TEST_HARNESS_MAIN
