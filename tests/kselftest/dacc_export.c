// SPDX-License-Identifier: GPL-2.0
/* Export: SRAM to the GPU peer, to another client, to those who cannot have it. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "dacc_peer.h"

FIXTURE(dacc_export)
{
	int fd, gpu;
	uint32_t vm, q, sram, hbm;
	uint8_t *s, *h;
	long long sram_bos, gpu_bos;
};

/* Files that end in a test are closed in the kernel's own time. */
FIXTURE_SETUP(dacc_export)
{
	self->sram_bos = counter("sram_bos");
	self->gpu_bos = gpu_counter("bos");
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
}

FIXTURE_TEARDOWN(dacc_export)
{
	munmap(self->s, SZ_1M);
	munmap(self->h, SZ_1M);
	close(self->fd);
	close(self->gpu);
	EXPECT_TRUE(becomes(counter, "sram_bos", self->sram_bos));
	EXPECT_TRUE(becomes(gpu_counter, "bos", self->gpu_bos));
}

/* The SRAM buffer as the GPU peer's: its handle there. */
static int to_gpu(int fd, uint32_t sram, int gpu, uint32_t *there)
{
	int ret, buf = export_fd(fd, sram, DRM_CLOEXEC | DRM_RDWR);

	if (buf < 0)
		return buf;
	ret = import_fd(gpu, buf, there);
	close(buf);
	return ret;
}

TEST_F(dacc_export, the_gpu_writes_sram)
{
	uint32_t there;

	pattern(self->h, SZ_1M);
	ASSERT_EQ(to_gpu(self->fd, self->sram, self->gpu, &there), 0);
	ASSERT_EQ(gpu_copy(self->gpu, there, 0, self->hbm, 0, SZ_1M), 0);
	EXPECT_EQ(memcmp(self->s, self->h, SZ_1M), 0);
}

TEST_F(dacc_export, the_gpu_reads_sram)
{
	uint32_t there;

	pattern(self->s, SZ_1M);
	ASSERT_EQ(to_gpu(self->fd, self->sram, self->gpu, &there), 0);
	ASSERT_EQ(gpu_copy(self->gpu, self->hbm, 0, there, 0, SZ_1M), 0);
	EXPECT_EQ(memcmp(self->s, self->h, SZ_1M), 0);
}

TEST_F(dacc_export, any_part_of_it)
{
	uint32_t there;

	pattern(self->h, SZ_1M);
	ASSERT_EQ(to_gpu(self->fd, self->sram, self->gpu, &there), 0);
	ASSERT_EQ(gpu_copy(self->gpu, there, 70001, self->hbm, 13, 4099), 0);
	EXPECT_EQ(memcmp(self->s + 70001, self->h + 13, 4099), 0);
	EXPECT_EQ(self->s[70000], 0);
	EXPECT_EQ(self->s[70001 + 4099], 0);
}

TEST_F(dacc_export, not_beyond_its_end)
{
	uint32_t there;

	ASSERT_EQ(to_gpu(self->fd, self->sram, self->gpu, &there), 0);
	EXPECT_EQ(gpu_copy(self->gpu, there, SZ_1M - 4, self->hbm, 0, 8), -EINVAL);
	EXPECT_EQ(gpu_copy(self->gpu, there, ~0ull, self->hbm, 0, 8), -EINVAL);
	/* One of the two is in HBM. */
	EXPECT_EQ(gpu_copy(self->gpu, there, 0, there, 0, 8), -EINVAL);
}

/* A job that was under way before there was a dma-buf is one to wait for. */
TEST_F(dacc_export, earlier_jobs_are_seen)
{
	struct drm_dacc_job job = job_fill(SRAM, SZ_64K, 7);
	struct drm_dacc_result r = {};
	struct pollfd p = { .events = POLLIN };
	__u64 seq;

	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	ASSERT_EQ(submit(self->fd, self->q, &job, 1, &seq), 0);
	let_it_start();
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	p.fd = export_fd(self->fd, self->sram, DRM_CLOEXEC | DRM_RDWR);
	ASSERT_GE(p.fd, 0);
	EXPECT_EQ(wait_job(self->fd, self->q, seq, 0, &r), -ETIME);
	EXPECT_EQ(poll(&p, 1, 0), 0);
	ASSERT_EQ(queue_destroy(self->fd, self->q), 0);
	EXPECT_EQ(poll(&p, 1, 10000), 1);
	close(p.fd);
}

TEST_F(dacc_export, a_reader_waits_for_the_peers_write)
{
	struct drm_dacc_result r = {};
	uint32_t there, other;
	long long job;
	uint8_t *p;

	pattern(self->h, SZ_1M);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_SRAM, &other), 0);
	p = bo_map(self->fd, other, SZ_1M);
	ASSERT_NE(p, NULL);
	ASSERT_EQ(vm_map(self->fd, self->vm, other, 0, VA, SZ_1M, 0), 0);
	ASSERT_EQ(to_gpu(self->fd, self->sram, self->gpu, &there), 0);
	/* No syncobj: the reservation object has the fence. */
	for (int i = 0; i < 4; i++) {
		self->h[SZ_1M - 1] = (uint8_t)i;
		job = gpu_copy_start(self->gpu, there, 0, self->hbm, 0, SZ_1M);
		ASSERT_GT(job, 0);
		ASSERT_EQ(run(self->fd, self->q, job_copy(VA, SRAM, SZ_1M), &r), 0);
		ASSERT_EQ(r.error, 0);
		EXPECT_EQ(memcmp(p, self->h, SZ_1M), 0);
		EXPECT_EQ(gpu_copy_end(self->gpu, job, 60), 0);
	}
	munmap(p, SZ_1M);
}

TEST_F(dacc_export, to_another_client)
{
	int other = open_node(), buf = export_fd(self->fd, self->sram, DRM_CLOEXEC | DRM_RDWR);
	struct drm_dacc_result r = {};
	uint32_t theirs, vm, q, flags;
	uint64_t size;

	ASSERT_GE(other, 0);
	ASSERT_GE(buf, 0);
	ASSERT_EQ(import_fd(other, buf, &theirs), 0);
	close(buf);
	ASSERT_EQ(bo_info(other, theirs, &flags, &size), 0);
	/* The same memory, by its own right: nothing is imported. */
	EXPECT_EQ(flags & (DRM_DACC_BO_SRAM | DRM_DACC_BO_IMPORTED), DRM_DACC_BO_SRAM);
	EXPECT_EQ(size, SZ_1M);
	ASSERT_EQ(vm_create(other, &vm), 0);
	ASSERT_EQ(vm_map(other, vm, theirs, 0, VA, SZ_1M, 0), 0);
	ASSERT_EQ(queue_create(other, vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
	ASSERT_EQ(run(other, q, job_fill(VA, SZ_1M, 0x61626364), &r), 0);
	ASSERT_EQ(r.error, 0);
	EXPECT_EQ(((uint32_t *)self->s)[SZ_1M / 4 - 1], 0x61626364);
	close(other);
}

TEST_F(dacc_export, and_back_it_is_the_same_handle)
{
	int buf = export_fd(self->fd, self->sram, DRM_CLOEXEC | DRM_RDWR);
	uint32_t again;

	ASSERT_GE(buf, 0);
	ASSERT_EQ(import_fd(self->fd, buf, &again), 0);
	EXPECT_EQ(again, self->sram);
	close(buf);
}

TEST_F(dacc_export, twice_is_the_same_dmabuf)
{
	int a = export_fd(self->fd, self->sram, DRM_CLOEXEC | DRM_RDWR);
	int b = export_fd(self->fd, self->sram, DRM_CLOEXEC | DRM_RDWR);
	struct stat sa = {}, sb = {};

	ASSERT_GE(a, 0);
	ASSERT_GE(b, 0);
	ASSERT_EQ(fstat(a, &sa), 0);
	ASSERT_EQ(fstat(b, &sb), 0);
	EXPECT_EQ(sa.st_ino, sb.st_ino);
	close(a);
	close(b);
}

TEST_F(dacc_export, the_exporters_file_may_close_first)
{
	int other = open_node(), buf;
	uint32_t h, there;
	uint8_t *p;

	ASSERT_GE(other, 0);
	ASSERT_EQ(bo_create(other, SZ_64K, DRM_DACC_BO_SRAM, &h), 0);
	buf = export_fd(other, h, DRM_CLOEXEC | DRM_RDWR);
	ASSERT_GE(buf, 0);
	ASSERT_EQ(import_fd(self->gpu, buf, &there), 0);
	close(other);
	pattern(self->h, SZ_64K);
	ASSERT_EQ(gpu_copy(self->gpu, there, 0, self->hbm, 0, SZ_64K), 0);
	p = mmap(NULL, SZ_64K, PROT_READ, MAP_SHARED, buf, 0);
	ASSERT_NE(p, MAP_FAILED);
	EXPECT_EQ(memcmp(p, self->h, SZ_64K), 0);
	munmap(p, SZ_64K);
	close(buf);
}

/* Handle, dma-buf and import, closed in all orders: nothing is left, nothing breaks. */
TEST_F(dacc_export, any_order_of_closing)
{
	static const char orders[][4] = { "hbi", "hib", "bhi", "bih", "ihb", "ibh" };

	for (size_t n = 0; n < 6; n++) {
		uint32_t h, there;
		int buf;

		ASSERT_EQ(bo_create(self->fd, SZ_64K, DRM_DACC_BO_SRAM, &h), 0);
		buf = export_fd(self->fd, h, DRM_CLOEXEC | DRM_RDWR);
		ASSERT_GE(buf, 0);
		ASSERT_EQ(import_fd(self->gpu, buf, &there), 0);
		ASSERT_EQ(gpu_copy(self->gpu, there, 0, self->hbm, 0, SZ_64K), 0);
		for (const char *c = orders[n]; *c; c++) {
			if (*c == 'h')
				drmCloseBufferHandle(self->fd, h);
			else if (*c == 'b')
				close(buf);
			else
				drmCloseBufferHandle(self->gpu, there);
		}
		EXPECT_TRUE(becomes(counter, "sram_bos", self->sram_bos + 1));
		EXPECT_TRUE(becomes(gpu_counter, "bos", self->gpu_bos + 1));
	}
}

TEST_F(dacc_export, a_job_keeps_its_import)
{
	uint32_t there;
	long long job;

	pattern(self->h, SZ_1M);
	ASSERT_EQ(to_gpu(self->fd, self->sram, self->gpu, &there), 0);
	job = gpu_copy_start(self->gpu, there, 0, self->hbm, 0, SZ_1M);
	ASSERT_GT(job, 0);
	ASSERT_EQ(drmCloseBufferHandle(self->gpu, there), 0);
	EXPECT_EQ(gpu_copy_end(self->gpu, job, 60), 0);
	EXPECT_EQ(memcmp(self->s, self->h, SZ_1M), 0);
}

TEST_F(dacc_export, a_killed_importer_leaves_nothing)
{
	int buf = export_fd(self->fd, self->sram, DRM_RDWR), status;
	pid_t pid;

	ASSERT_GE(buf, 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		int gpu = open_driver("gpupeer");
		uint32_t h, there;

		if (gpu < 0 || gpu_bo(gpu, SZ_1M, DRM_GPUPEER_BO_HBM, &h) ||
		    import_fd(gpu, buf, &there))
			_exit(1);
		for (int i = 0; i < 8; i++)
			if (gpu_copy_start(gpu, there, 0, h, 0, SZ_1M) < 0)
				_exit(2);
		raise(SIGKILL);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFSIGNALED(status));
	close(buf);
	EXPECT_TRUE(becomes(gpu_counter, "bos", self->gpu_bos + 1));
	pattern(self->s, SZ_4K);
	EXPECT_EQ(bystander(), 0);
}

/* --- who may not have it --- */

TEST_F(dacc_export, sram_is_not_for_importers_that_want_pages)
{
	int vgem = open_driver("vgem"), buf = export_fd(self->fd, self->sram, DRM_CLOEXEC);
	uint32_t h;

	ASSERT_GE(buf, 0);
	if (vgem < 0)
		SKIP(return, "vgem is not loaded (modprobe vgem)");
	EXPECT_EQ(import_fd(vgem, buf, &h), -EOPNOTSUPP);
	close(vgem);
	close(buf);
}

TEST_F(dacc_export, host_memory_is)
{
	int vgem = open_driver("vgem"), buf;
	uint32_t mine, h;

	if (vgem < 0)
		SKIP(return, "vgem is not loaded (modprobe vgem)");
	ASSERT_EQ(bo_create(self->fd, SZ_64K, DRM_DACC_BO_HOST, &mine), 0);
	buf = export_fd(self->fd, mine, DRM_CLOEXEC | DRM_RDWR);
	ASSERT_GE(buf, 0);
	EXPECT_EQ(import_fd(vgem, buf, &h), 0);
	close(vgem);
	close(buf);
}

TEST_F(dacc_export, not_with_peer_to_peer_off)
{
	uint32_t there;

	ASSERT_EQ(set_module_parameter("dacc", "p2p", "0"), 0);
	EXPECT_EQ(to_gpu(self->fd, self->sram, self->gpu, &there), -EOPNOTSUPP);
	ASSERT_EQ(set_module_parameter("dacc", "p2p", "1"), 0);
	EXPECT_EQ(to_gpu(self->fd, self->sram, self->gpu, &there), 0);
}

TEST_F(dacc_export, not_to_a_peer_that_does_none)
{
	uint32_t there;

	ASSERT_EQ(set_module_parameter("gpupeer", "p2p", "0"), 0);
	EXPECT_EQ(to_gpu(self->fd, self->sram, self->gpu, &there), -EOPNOTSUPP);
	ASSERT_EQ(set_module_parameter("gpupeer", "p2p", "1"), 0);
	EXPECT_EQ(to_gpu(self->fd, self->sram, self->gpu, &there), 0);
}

TEST_F(dacc_export, not_what_is_private_to_a_vm)
{
	struct drm_dacc_bo_create c = {
		.size = SZ_64K,
		.flags = DRM_DACC_BO_SRAM,
		.vm = self->vm,
	};

	if (xioctl(self->fd, DRM_IOCTL_DACC_BO_CREATE, &c))
		SKIP(return, "the driver makes no private buffers");
	EXPECT_EQ(export_fd(self->fd, c.handle, DRM_CLOEXEC), -EINVAL);
}

/* --- the file --- */

TEST_F(dacc_export, size_and_flags_of_the_file)
{
	int a = export_fd(self->fd, self->sram, DRM_CLOEXEC), b;

	ASSERT_GE(a, 0);
	EXPECT_EQ(lseek(a, 0, SEEK_END), SZ_1M);
	EXPECT_EQ(fcntl(a, F_GETFD), FD_CLOEXEC);
	b = export_fd(self->fd, self->sram, 0);
	ASSERT_GE(b, 0);
	EXPECT_EQ(fcntl(b, F_GETFD), 0);
	EXPECT_EQ(export_fd(self->fd, self->sram, ~0u), -EINVAL);
	close(a);
	close(b);
}

TEST_F(dacc_export, readonly_is_not_mapped_writable)
{
	int buf = export_fd(self->fd, self->sram, DRM_CLOEXEC);
	void *p;

	ASSERT_GE(buf, 0);
	p = mmap(NULL, SZ_64K, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
	EXPECT_EQ(p, MAP_FAILED);
	EXPECT_EQ(errno, EACCES);
	p = mmap(NULL, SZ_64K, PROT_READ, MAP_SHARED, buf, 0);
	EXPECT_NE(p, MAP_FAILED);
	munmap(p, SZ_64K);
	close(buf);
}

TEST_F(dacc_export, mapped_by_the_dmabuf)
{
	int buf = export_fd(self->fd, self->sram, DRM_CLOEXEC | DRM_RDWR);
	uint8_t *p;

	ASSERT_GE(buf, 0);
	p = mmap(NULL, SZ_64K, PROT_READ | PROT_WRITE, MAP_SHARED, buf, SZ_64K);
	ASSERT_NE(p, MAP_FAILED);
	pattern(p, SZ_64K);
	EXPECT_EQ(memcmp(self->s + SZ_64K, p, SZ_64K), 0);
	munmap(p, SZ_64K);
	EXPECT_EQ(mmap(NULL, 2 * SZ_1M, PROT_READ, MAP_SHARED, buf, 0), MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(mmap(NULL, SZ_64K, PROT_READ, MAP_SHARED, buf, SZ_1M), MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
	close(buf);
}

TEST_F(dacc_export, no_such_handle)
{
	EXPECT_EQ(export_fd(self->fd, 4711, DRM_CLOEXEC), -ENOENT);
	EXPECT_EQ(export_fd(self->fd, 0, DRM_CLOEXEC), -ENOENT);
}

/* --- the GPU peer as an importer of other memory --- */

TEST_F(dacc_export, our_host_memory_to_the_gpu)
{
	uint32_t mine, there;
	uint8_t *p;

	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_HOST, &mine), 0);
	p = bo_map(self->fd, mine, SZ_1M);
	ASSERT_NE(p, NULL);
	ASSERT_EQ(to_gpu(self->fd, mine, self->gpu, &there), 0);
	pattern(self->h, SZ_1M);
	ASSERT_EQ(gpu_copy(self->gpu, there, 0, self->hbm, 0, SZ_1M), 0);
	EXPECT_EQ(memcmp(p, self->h, SZ_1M), 0);
	memset(p, 0x5a, SZ_1M);
	ASSERT_EQ(gpu_copy(self->gpu, self->hbm, 0, there, 0, SZ_1M), 0);
	EXPECT_EQ(self->h[SZ_1M - 1], 0x5a);
	munmap(p, SZ_1M);
}

TEST_F(dacc_export, one_udmabuf_in_both)
{
	struct drm_dacc_result r = {};
	uint32_t theirs, mine;
	void *p = NULL;
	int buf = udmabuf_fd(SZ_1M, &p);

	ASSERT_GE(buf, 0);
	ASSERT_EQ(import_fd(self->gpu, buf, &theirs), 0);
	ASSERT_EQ(import_fd(self->fd, buf, &mine), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, mine, 0, VA, SZ_1M, 0), 0);
	pattern(self->h, SZ_1M);
	ASSERT_EQ(gpu_copy(self->gpu, theirs, 0, self->hbm, 0, SZ_1M), 0);
	EXPECT_EQ(memcmp(p, self->h, SZ_1M), 0);
	ASSERT_EQ(run(self->fd, self->q, job_copy(SRAM, VA, SZ_1M), &r), 0);
	ASSERT_EQ(r.error, 0);
	EXPECT_EQ(memcmp(self->s, self->h, SZ_1M), 0);
	munmap(p, SZ_1M);
	close(buf);
}

TEST_F(dacc_export, one_dma_heap_buffer_in_both)
{
	struct drm_dacc_result r = {};
	uint32_t theirs, mine;
	int buf = heap_fd(SZ_1M);

	if (buf < 0)
		SKIP(return, "no /dev/dma_heap/system");
	ASSERT_EQ(import_fd(self->gpu, buf, &theirs), 0);
	ASSERT_EQ(import_fd(self->fd, buf, &mine), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, mine, 0, VA, SZ_1M, 0), 0);
	pattern(self->h, SZ_1M);
	ASSERT_EQ(gpu_copy(self->gpu, theirs, 0, self->hbm, 0, SZ_1M), 0);
	ASSERT_EQ(run(self->fd, self->q, job_copy(SRAM, VA, SZ_1M), &r), 0);
	ASSERT_EQ(r.error, 0);
	EXPECT_EQ(memcmp(self->s, self->h, SZ_1M), 0);
	close(buf);
}

/* --- when the device goes away, or is reset --- */

static int rebind(const char *driver, const char *bdf)
{
	int ret = driver_bind(driver, "bind", bdf);

	for (int i = 0; !ret && i < 200; i++) {
		int fd = strcmp(driver, "dacc") ? open_driver(driver) : open_node();

		if (fd >= 0) {
			close(fd);
			return 0;
		}
		usleep(50000);
	}
	return ret ? ret : -ETIME;
}

TEST_F(dacc_export, a_function_level_reset_keeps_it)
{
	char bdf[24], path[64];
	uint32_t there;

	ASSERT_EQ(driver_device("dacc", bdf, sizeof(bdf)), 0);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", bdf);
	pattern(self->h, SZ_1M);
	ASSERT_EQ(to_gpu(self->fd, self->sram, self->gpu, &there), 0);
	ASSERT_EQ(gpu_copy(self->gpu, there, 0, self->hbm, 0, SZ_1M / 2), 0);
	ASSERT_EQ(write_file(path, "1"), 0);
	ASSERT_EQ(gpu_copy(self->gpu, there, SZ_1M / 2, self->hbm, SZ_1M / 2, SZ_1M / 2), 0);
	EXPECT_EQ(memcmp(self->s, self->h, SZ_1M), 0);
}

struct load {
	int gpu;
	uint32_t dst, src;
	atomic_bool stop;
	int ended, failed;
};

static void *copy_on(void *arg)
{
	struct load *l = arg;

	while (!l->stop) {
		int ret = gpu_copy(l->gpu, l->dst, 0, l->src, 0, SZ_64K);

		if (ret == -ETIME)
			break;
		if (ret)
			l->failed++;
		else
			l->ended++;
	}
	return NULL;
}

/* The dma-buf of a buffer made by a file that is closed again, with no handle left. */
static int orphan(void)
{
	int buf = -1, fd = open_node();
	uint32_t h;

	if (fd < 0)
		return fd;
	if (!bo_create(fd, SZ_64K, DRM_DACC_BO_SRAM, &h))
		buf = export_fd(fd, h, DRM_CLOEXEC | DRM_RDWR);
	close(fd);
	return buf;
}

/* Alone with their own files: what follows finds other devices. */
TEST(unbinding_the_exporter_revokes_under_load)
{
	int gpu = open_driver("gpupeer"), buf = orphan();
	struct load load = { .gpu = gpu };
	pthread_t thread;
	char bdf[24];
	uint32_t h;

	ASSERT_GE(gpu, 0);
	ASSERT_GE(buf, 0);
	ASSERT_EQ(driver_device("dacc", bdf, sizeof(bdf)), 0);
	ASSERT_EQ(gpu_bo(gpu, SZ_64K, DRM_GPUPEER_BO_HBM, &load.src), 0);
	ASSERT_EQ(import_fd(gpu, buf, &load.dst), 0);
	ASSERT_EQ(pthread_create(&thread, NULL, copy_on, &load), 0);
	usleep(500000);
	ASSERT_EQ(driver_bind("dacc", "unbind", bdf), 0);
	/* It is not mapped for anyone now, and not given again. */
	EXPECT_EQ(gpu_copy(gpu, load.dst, 0, load.src, 0, SZ_64K), -ENODEV);
	load.stop = true;
	pthread_join(thread, NULL);
	EXPECT_GT(load.ended, 0);
	/* The GPU goes on. */
	ASSERT_EQ(gpu_bo(gpu, SZ_64K, DRM_GPUPEER_BO_SYSTEM, &h), 0);
	EXPECT_EQ(gpu_copy(gpu, h, 0, load.src, 0, SZ_64K), 0);
	close(buf);
	close(gpu);
	ASSERT_EQ(rebind("dacc", bdf), 0);
	EXPECT_EQ(bystander(), 0);
}

TEST(unbinding_the_importer_lets_go)
{
	int gpu = open_driver("gpupeer"), fd = open_node(), buf;
	struct load load = { .gpu = gpu };
	long long before = counter("sram_bos");
	pthread_t thread;
	uint32_t h, again;
	char bdf[24];

	ASSERT_GE(gpu, 0);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(driver_device("gpupeer", bdf, sizeof(bdf)), 0);
	ASSERT_EQ(bo_create(fd, SZ_64K, DRM_DACC_BO_SRAM, &h), 0);
	buf = export_fd(fd, h, DRM_CLOEXEC | DRM_RDWR);
	ASSERT_GE(buf, 0);
	ASSERT_EQ(gpu_bo(gpu, SZ_64K, DRM_GPUPEER_BO_HBM, &load.src), 0);
	ASSERT_EQ(import_fd(gpu, buf, &load.dst), 0);
	ASSERT_EQ(pthread_create(&thread, NULL, copy_on, &load), 0);
	usleep(500000);
	ASSERT_EQ(driver_bind("gpupeer", "unbind", bdf), 0);
	EXPECT_EQ(gpu_copy(gpu, load.dst, 0, load.src, 0, SZ_64K), -ENODEV);
	load.stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(import_fd(gpu, buf, &again), -ENODEV);
	close(gpu);
	close(buf);
	ASSERT_EQ(drmCloseBufferHandle(fd, h), 0);
	EXPECT_TRUE(becomes(counter, "sram_bos", before));
	close(fd);
	ASSERT_EQ(rebind("gpupeer", bdf), 0);
	EXPECT_EQ(bystander(), 0);
}

TEST(unbinding_both_in_either_order)
{
	char dacc[24], gpupeer[24];

	ASSERT_EQ(driver_device("dacc", dacc, sizeof(dacc)), 0);
	ASSERT_EQ(driver_device("gpupeer", gpupeer, sizeof(gpupeer)), 0);
	for (int first = 0; first < 2; first++) {
		int gpu = open_driver("gpupeer"), buf = orphan();
		uint32_t hbm, there;

		ASSERT_GE(gpu, 0);
		ASSERT_GE(buf, 0);
		ASSERT_EQ(gpu_bo(gpu, SZ_64K, DRM_GPUPEER_BO_HBM, &hbm), 0);
		ASSERT_EQ(import_fd(gpu, buf, &there), 0);
		ASSERT_EQ(gpu_copy(gpu, there, 0, hbm, 0, SZ_64K), 0);
		ASSERT_EQ(first ? driver_bind("gpupeer", "unbind", gpupeer) :
				  driver_bind("dacc", "unbind", dacc),
			  0);
		ASSERT_EQ(first ? driver_bind("dacc", "unbind", dacc) :
				  driver_bind("gpupeer", "unbind", gpupeer),
			  0);
		if (first)
			close(gpu);
		close(buf);
		if (!first)
			close(gpu);
		ASSERT_EQ(rebind("dacc", dacc), 0);
		ASSERT_EQ(rebind("gpupeer", gpupeer), 0);
	}
	EXPECT_EQ(bystander(), 0);
}

TEST_HARNESS_MAIN
