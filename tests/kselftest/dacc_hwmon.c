// SPDX-License-Identifier: GPL-2.0
/* Sensors: /sys/class/hwmon of the chip. */
#include "dacc_util.h"

#define HOST_VA 0x100000000ull
#define SRAM_VA 0x200000000ull

FIXTURE(dacc_hwmon)
{
	char dir[128];
};

static bool read_text(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "r");
	bool ok = f && fgets(text, (int)size, f);

	if (f)
		fclose(f);
	return ok;
}

static bool sensor(const char *dir, const char *name, long long *value)
{
	char path[256], text[64], *end;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (!read_text(path, text, sizeof(text)))
		return false;
	*value = strtoll(text, &end, 10);
	return end != text;
}

FIXTURE_SETUP(dacc_hwmon)
{
	char path[256], text[64];
	glob_t g = {};

	glob("/sys/class/hwmon/hwmon*", 0, NULL, &g);
	for (size_t i = 0; i < g.gl_pathc && !self->dir[0]; i++) {
		snprintf(path, sizeof(path), "%.100s/name", g.gl_pathv[i]);
		if (read_text(path, text, sizeof(text)) && !strcmp(text, "dacc\n"))
			snprintf(self->dir, sizeof(self->dir), "%.120s", g.gl_pathv[i]);
	}
	globfree(&g);
	if (!self->dir[0])
		SKIP(return, "the chip has no sensors, or the kernel no hwmon");
}

FIXTURE_TEARDOWN(dacc_hwmon)
{
}

TEST_F(dacc_hwmon, temperature)
{
	long long temp, crit, alarm;

	ASSERT_TRUE(sensor(self->dir, "temp1_input", &temp));
	ASSERT_TRUE(sensor(self->dir, "temp1_crit", &crit));
	ASSERT_TRUE(sensor(self->dir, "temp1_crit_alarm", &alarm));
	EXPECT_GT(temp, -100000);
	EXPECT_LT(temp, 200000);
	EXPECT_GT(crit, 0);
	EXPECT_EQ(alarm, temp >= crit);
}

/* Work takes energy, in step with its size. */
TEST_F(dacc_hwmon, energy)
{
	long long before, after, more;
	struct drm_dacc_result r = {};
	uint32_t vm, host, sram, q;
	int fd = open_node();

	ASSERT_GE(fd, 0);
	ASSERT_EQ(vm_create(fd, &vm), 0);
	ASSERT_EQ(bo_create(fd, SZ_1M, DRM_DACC_BO_HOST, &host), 0);
	ASSERT_EQ(bo_create(fd, SZ_1M, DRM_DACC_BO_SRAM, &sram), 0);
	ASSERT_EQ(vm_map(fd, vm, host, 0, HOST_VA, SZ_1M, 0), 0);
	ASSERT_EQ(vm_map(fd, vm, sram, 0, SRAM_VA, SZ_1M, 0), 0);
	ASSERT_EQ(queue_create(fd, vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
	ASSERT_TRUE(sensor(self->dir, "energy1_input", &before));
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(run(fd, q, job_copy(SRAM_VA, HOST_VA, SZ_1M), &r), 0);
	ASSERT_TRUE(sensor(self->dir, "energy1_input", &after));
	EXPECT_GT(after, before);
	for (int i = 0; i < 16; i++)
		ASSERT_EQ(run(fd, q, job_copy(SRAM_VA, HOST_VA, SZ_1M), &r), 0);
	ASSERT_TRUE(sensor(self->dir, "energy1_input", &more));
	EXPECT_GT(more - after, after - before);
	close(fd);
}

TEST_HARNESS_MAIN
