// SPDX-License-Identifier: GPL-2.0
/*
 * Which way data takes between the devices of this machine, if any: the bytes must be
 * right whichever it is, and where none is allowed, host memory is the way round. Says
 * what was found in lines "# path WHAT WAY", for tests/e2e/topology.sh.
 */
#include "dacc_peer.h"

#define N_IMPORTS 20

FIXTURE(dacc_topology)
{
	int fd, gpu;
	uint32_t vm, q, sram, hbm;
	uint8_t *s, *h;
};

FIXTURE_SETUP(dacc_topology)
{
	self->fd = open_node();
	ASSERT_GE(self->fd, 0);
	self->gpu = open_driver("gpupeer");
	ASSERT_GE(self->gpu, 0);
	ASSERT_EQ(vm_create(self->fd, &self->vm), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_SRAM, &self->sram), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->sram, 0, SRAM, SZ_1M, 0), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &self->q), 0);
	self->s = bo_map(self->fd, self->sram, SZ_1M);
	ASSERT_NE(self->s, NULL);
	ASSERT_EQ(gpu_bo(self->gpu, SZ_1M, DRM_GPUPEER_BO_HBM, &self->hbm), 0);
	self->h = gpu_map(self->gpu, self->hbm, SZ_1M);
	ASSERT_NE(self->h, NULL);
	pattern(self->h, SZ_1M);
}

FIXTURE_TEARDOWN(dacc_topology)
{
	munmap(self->s, SZ_1M);
	munmap(self->h, SZ_1M);
	close(self->fd);
	close(self->gpu);
}

static void say(const char *what, const char *way)
{
	printf("# path %s %s\n", what, way);
	fflush(stdout);
}

static const char *way_of(const struct drm_dacc_result *r)
{
	switch (r->path) {
	case DACC_PATH_LINK:
		return "link";
	case DACC_PATH_PCIE:
		return "pcie";
	default:
		return "mixed";
	}
}

/* Binds a dma-buf at @va: 0, or a negative errno. */
static int bind_fd(int fd, uint32_t vm, int buf, uint64_t va, uint64_t size, uint32_t *handle)
{
	int ret = import_fd(fd, buf, handle);

	return ret ? ret : vm_map(fd, vm, *handle, 0, va, size, 0);
}

/* HBM to SRAM by way of host memory that the GPU peer owns. */
static int bounce(int fd, uint32_t vm, uint32_t q, int gpu, uint32_t hbm)
{
	struct drm_dacc_result r = {};
	uint32_t host, mine;
	int ret, buf;

	ret = gpu_bo(gpu, SZ_1M, DRM_GPUPEER_BO_SYSTEM, &host);
	ret = ret ? ret : gpu_copy(gpu, host, 0, hbm, 0, SZ_1M);
	if (ret)
		return ret;
	buf = export_fd(gpu, host, DRM_CLOEXEC | DRM_RDWR);
	if (buf < 0)
		return buf;
	ret = bind_fd(fd, vm, buf, VA, SZ_1M, &mine);
	close(buf);
	ret = ret ? ret : run(fd, q, job_copy(SRAM, VA, SZ_1M), &r);
	ret = ret ? ret : r.error;
	return ret ? ret : r.path == DACC_PATH_PCIE ? 0 : -EXDEV;
}

TEST_F(dacc_topology, the_chip_reads_hbm)
{
	int ret, buf = export_fd(self->gpu, self->hbm, DRM_CLOEXEC | DRM_RDWR);
	struct drm_dacc_result r = {};
	uint32_t mine = 0, flags;
	uint64_t size;

	ASSERT_GE(buf, 0);
	ret = bind_fd(self->fd, self->vm, buf, VA, SZ_1M, &mine);
	close(buf);
	if (ret) {
		ASSERT_EQ(ret, -EREMOTEIO);
		say("hbm-to-chip", "refused");
		ASSERT_EQ(bounce(self->fd, self->vm, self->q, self->gpu, self->hbm), 0);
		EXPECT_EQ(memcmp(self->s, self->h, SZ_1M), 0);
		return;
	}
	ASSERT_EQ(run(self->fd, self->q, job_copy(SRAM, VA, SZ_1M), &r), 0);
	ASSERT_EQ(r.error, 0);
	EXPECT_EQ(memcmp(self->s, self->h, SZ_1M), 0);
	say("hbm-to-chip", way_of(&r));
	ASSERT_EQ(bo_info(self->fd, mine, &flags, &size), 0);
	EXPECT_NE(flags & DRM_DACC_BO_PEER, 0);
	if (r.path == DACC_PATH_LINK) {
		EXPECT_NE(flags & DRM_DACC_BO_LINKED, 0);
		EXPECT_EQ(r.link_bytes, SZ_1M);
	}
	/* And the other way. */
	ASSERT_EQ(run(self->fd, self->q, job_fill(VA, SZ_1M, 0x17171717), &r), 0);
	ASSERT_EQ(r.error, 0);
	EXPECT_EQ(self->h[0], 0x17);
	EXPECT_EQ(self->h[SZ_1M - 1], 0x17);
}

TEST_F(dacc_topology, the_gpu_writes_sram)
{
	int ret, buf = export_fd(self->fd, self->sram, DRM_CLOEXEC | DRM_RDWR);
	uint32_t there;

	ASSERT_GE(buf, 0);
	ret = import_fd(self->gpu, buf, &there);
	close(buf);
	if (ret) {
		ASSERT_EQ(ret, -EOPNOTSUPP);
		say("gpu-to-sram", "refused");
		ASSERT_EQ(bounce(self->fd, self->vm, self->q, self->gpu, self->hbm), 0);
	} else {
		ASSERT_EQ(gpu_copy(self->gpu, there, 0, self->hbm, 0, SZ_1M), 0);
		say("gpu-to-sram", "pcie");
	}
	EXPECT_EQ(memcmp(self->s, self->h, SZ_1M), 0);
}

/* More imports than there are decoders: the rest goes over PCIe, and is right. */
TEST_F(dacc_topology, more_imports_than_decoders)
{
	uint32_t gpu[N_IMPORTS], mine[N_IMPORTS], flags;
	struct drm_dacc_result r = {};
	int linked = 0, over_link = 0;
	uint64_t size;
	char text[32];

	for (int i = 0; i < N_IMPORTS; i++) {
		uint64_t va = VA + (uint64_t)i * SZ_1M;
		uint32_t *p;
		int ret, buf;

		ASSERT_EQ(gpu_bo(self->gpu, SZ_64K, DRM_GPUPEER_BO_HBM, &gpu[i]), 0);
		p = gpu_map(self->gpu, gpu[i], SZ_64K);
		ASSERT_NE(p, NULL);
		p[SZ_64K / 4 - 1] = 0x1000 + i;
		munmap(p, SZ_64K);
		buf = export_fd(self->gpu, gpu[i], DRM_CLOEXEC | DRM_RDWR);
		ASSERT_GE(buf, 0);
		ret = bind_fd(self->fd, self->vm, buf, va, SZ_64K, &mine[i]);
		close(buf);
		if (ret) {
			ASSERT_EQ(ret, -EREMOTEIO);
			ASSERT_EQ(i, 0);
			say("20-imports", "refused");
			return;
		}
		ASSERT_EQ(bo_info(self->fd, mine[i], &flags, &size), 0);
		linked += !!(flags & DRM_DACC_BO_LINKED);
	}
	for (int i = 0; i < N_IMPORTS; i++) {
		uint64_t va = VA + (uint64_t)i * SZ_1M;

		ASSERT_EQ(run(self->fd, self->q, job_copy(SRAM, va, SZ_64K), &r), 0);
		ASSERT_EQ(r.error, 0);
		EXPECT_EQ(((uint32_t *)self->s)[SZ_64K / 4 - 1], 0x1000 + i);
		over_link += r.path == DACC_PATH_LINK;
	}
	snprintf(text, sizeof(text), "link:%d", over_link);
	say("20-imports", text);
	EXPECT_TRUE(!over_link || over_link == linked);
	/* What is given back serves the next one. */
	for (int i = 0; i < N_IMPORTS; i++) {
		ASSERT_EQ(vm_unmap(self->fd, self->vm, VA + (uint64_t)i * SZ_1M, SZ_64K), 0);
		drmCloseBufferHandle(self->fd, mine[i]);
	}
	if (linked) {
		int buf = export_fd(self->gpu, gpu[N_IMPORTS - 1], DRM_CLOEXEC | DRM_RDWR);

		ASSERT_GE(buf, 0);
		ASSERT_EQ(bind_fd(self->fd, self->vm, buf, VA, SZ_64K, &mine[0]), 0);
		ASSERT_EQ(bo_info(self->fd, mine[0], &flags, &size), 0);
		EXPECT_NE(flags & DRM_DACC_BO_LINKED, 0);
		close(buf);
	}
}

/* A window made for an import outlives the reset of the chip. */
TEST_F(dacc_topology, the_same_way_after_a_reset)
{
	int ret, buf = export_fd(self->gpu, self->hbm, DRM_CLOEXEC | DRM_RDWR);
	struct drm_dacc_result before = {}, after = {};
	char bdf[24], path[64];
	uint32_t mine, q;

	ASSERT_GE(buf, 0);
	ret = bind_fd(self->fd, self->vm, buf, VA, SZ_1M, &mine);
	close(buf);
	if (ret)
		SKIP(return, "no way between the devices here");
	ASSERT_EQ(driver_device("dacc", bdf, sizeof(bdf)), 0);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", bdf);
	ASSERT_EQ(run(self->fd, self->q, job_copy(SRAM, VA, SZ_1M), &before), 0);
	ASSERT_EQ(before.error, 0);
	ASSERT_EQ(write_file(path, "1"), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
	/* The link trains again in its own time. */
	for (int i = 0; i < 100 && after.path != before.path; i++) {
		ASSERT_EQ(run(self->fd, q, job_copy(SRAM, VA, SZ_1M), &after), 0);
		ASSERT_EQ(after.error, 0);
		usleep(20000);
	}
	EXPECT_EQ(after.path, before.path);
	EXPECT_EQ(memcmp(self->s, self->h, SZ_1M), 0);
}

TEST_F(dacc_topology, a_second_chip_reads_sram)
{
	int other = open("/dev/accel/accel1", O_RDWR | O_CLOEXEC), ret, buf;
	struct drm_dacc_result r = {};
	uint32_t vm, q, far, mine;
	uint8_t *p;

	if (other < 0)
		SKIP(return, "there is no second chip (scripts/vm --chips 2)");
	pattern(self->s, SZ_1M);
	buf = export_fd(self->fd, self->sram, DRM_CLOEXEC | DRM_RDWR);
	ASSERT_GE(buf, 0);
	ASSERT_EQ(vm_create(other, &vm), 0);
	ASSERT_EQ(bo_create(other, SZ_1M, DRM_DACC_BO_SRAM, &mine), 0);
	ASSERT_EQ(vm_map(other, vm, mine, 0, SRAM, SZ_1M, 0), 0);
	ASSERT_EQ(queue_create(other, vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
	ret = bind_fd(other, vm, buf, VA, SZ_1M, &far);
	close(buf);
	if (ret) {
		ASSERT_EQ(ret, -EREMOTEIO);
		say("sram-to-chip", "refused");
		close(other);
		return;
	}
	p = bo_map(other, mine, SZ_1M);
	ASSERT_NE(p, NULL);
	ASSERT_EQ(run(other, q, job_copy(SRAM, VA, SZ_1M), &r), 0);
	ASSERT_EQ(r.error, 0);
	EXPECT_EQ(memcmp(p, self->s, SZ_1M), 0);
	say("sram-to-chip", way_of(&r));
	ASSERT_EQ(run(other, q, job_fill(VA, SZ_1M, 0x29292929), &r), 0);
	ASSERT_EQ(r.error, 0);
	EXPECT_EQ(self->s[SZ_1M - 1], 0x29);
	munmap(p, SZ_1M);
	close(other);
}

TEST_HARNESS_MAIN
