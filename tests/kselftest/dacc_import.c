// SPDX-License-Identifier: GPL-2.0
/* dma-bufs: import from udmabuf, vgem and the GPU peer; export; sharing. */
#include "dacc_peer.h"
#include "dacc_uq.h"

FIXTURE(dacc_import)
{
	int fd;
	uint32_t vm, sram, q;
	uint8_t *s;
};

FIXTURE_SETUP(dacc_import)
{
	self->fd = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(vm_create(self->fd, &self->vm), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_SRAM, &self->sram), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->sram, 0, SRAM, SZ_1M, 0), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &self->q), 0);
	self->s = bo_map(self->fd, self->sram, SZ_1M);
	ASSERT_NE(self->s, NULL);
}

FIXTURE_TEARDOWN(dacc_import)
{
	munmap(self->s, SZ_1M);
	close(self->fd);
}

TEST_F(dacc_import, udmabuf_both_ways)
{
	struct drm_dacc_result r = {};
	uint32_t h, flags;
	uint64_t size;
	void *p = NULL;
	int buf = udmabuf_fd(SZ_1M, &p);

	ASSERT_GE(buf, 0);
	pattern(p, SZ_1M);
	ASSERT_EQ(drmPrimeFDToHandle(self->fd, buf, &h), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, h, 0, VA, SZ_1M, 0), 0);
	ASSERT_EQ(bo_info(self->fd, h, &flags, &size), 0);
	EXPECT_EQ(flags & (DRM_DACC_BO_IMPORTED | DRM_DACC_BO_PEER | DRM_DACC_BO_LINKED),
		  DRM_DACC_BO_IMPORTED);
	EXPECT_EQ(size, SZ_1M);
	ASSERT_EQ(run(self->fd, self->q, job_copy(SRAM, VA, SZ_1M), &r), 0);
	ASSERT_EQ(r.error, 0);
	EXPECT_EQ(memcmp(self->s, p, SZ_1M), 0);
	ASSERT_EQ(run(self->fd, self->q, job_fill(VA, SZ_1M, 0x01010101), &r), 0);
	ASSERT_EQ(r.error, 0);
	EXPECT_EQ(((uint8_t *)p)[SZ_1M - 1], 1);
	close(buf);
}

TEST_F(dacc_import, part_of_a_udmabuf)
{
	struct drm_dacc_result r = {};
	uint32_t h;
	void *p = NULL;
	int buf = udmabuf_fd(SZ_64K, &p);

	ASSERT_GE(buf, 0);
	pattern(p, SZ_64K);
	ASSERT_EQ(drmPrimeFDToHandle(self->fd, buf, &h), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, h, 3 * SZ_4K, VA, 2 * SZ_4K, 0), 0);
	ASSERT_EQ(run(self->fd, self->q, job_copy(SRAM, VA, 2 * SZ_4K), &r), 0);
	EXPECT_EQ(memcmp(self->s, (uint8_t *)p + 3 * SZ_4K, 2 * SZ_4K), 0);
	EXPECT_EQ(vm_map(self->fd, self->vm, h, 0, 2 * VA, SZ_64K + SZ_4K, 0), -EINVAL);
	close(buf);
}

TEST_F(dacc_import, vgem)
{
	struct drm_mode_create_dumb c = { .width = 1024, .height = 64, .bpp = 32 };
	struct drm_mode_map_dumb m = {};
	struct drm_dacc_result r = {};
	int vgem = open_driver("vgem"), buf = -1;
	uint32_t h;
	uint8_t *p;

	if (vgem < 0)
		SKIP(return, "vgem is not loaded (modprobe vgem)");
	ASSERT_EQ(drmIoctl(vgem, DRM_IOCTL_MODE_CREATE_DUMB, &c), 0);
	m.handle = c.handle;
	ASSERT_EQ(drmIoctl(vgem, DRM_IOCTL_MODE_MAP_DUMB, &m), 0);
	p = mmap(NULL, c.size, PROT_READ | PROT_WRITE, MAP_SHARED, vgem, (off_t)m.offset);
	ASSERT_NE(p, MAP_FAILED);
	pattern(p, c.size);
	ASSERT_EQ(drmPrimeHandleToFD(vgem, c.handle, DRM_CLOEXEC | DRM_RDWR, &buf), 0);
	ASSERT_EQ(drmPrimeFDToHandle(self->fd, buf, &h), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, h, 0, VA, c.size, 0), 0);
	ASSERT_EQ(run(self->fd, self->q, job_copy(SRAM, VA, c.size), &r), 0);
	ASSERT_EQ(r.error, 0);
	EXPECT_EQ(memcmp(self->s, p, c.size), 0);
	munmap(p, c.size);
	close(buf);
	close(vgem);
}

TEST_F(dacc_import, gpupeer_over_the_link)
{
	struct drm_gpupeer_bo_create c = { .size = SZ_1M, .flags = DRM_GPUPEER_BO_HBM };
	struct drm_gpupeer_bo_mmap m = {};
	struct drm_dacc_result r = {};
	int gpu = open_driver("gpupeer"), buf = -1;
	uint32_t h, flags;
	uint64_t size;
	uint8_t *p;

	ASSERT_GE(gpu, 0);
	ASSERT_EQ(drmIoctl(gpu, DRM_IOCTL_GPUPEER_BO_CREATE, &c), 0);
	m.handle = c.handle;
	ASSERT_EQ(drmIoctl(gpu, DRM_IOCTL_GPUPEER_BO_MMAP, &m), 0);
	p = mmap(NULL, SZ_1M, PROT_READ | PROT_WRITE, MAP_SHARED, gpu, (off_t)m.offset);
	ASSERT_NE(p, MAP_FAILED);
	pattern(p, SZ_1M);
	ASSERT_EQ(drmPrimeHandleToFD(gpu, c.handle, DRM_CLOEXEC | DRM_RDWR, &buf), 0);
	ASSERT_EQ(drmPrimeFDToHandle(self->fd, buf, &h), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, h, 0, VA, SZ_1M, 0), 0);
	ASSERT_EQ(bo_info(self->fd, h, &flags, &size), 0);
	EXPECT_EQ(flags & (DRM_DACC_BO_PEER | DRM_DACC_BO_LINKED),
		  DRM_DACC_BO_PEER | DRM_DACC_BO_LINKED);
	EXPECT_EQ(gpu_counter("mappings"), 1);
	ASSERT_EQ(run(self->fd, self->q, job_copy(SRAM, VA, SZ_1M), &r), 0);
	ASSERT_EQ(r.error, 0);
	EXPECT_EQ(r.path, DACC_PATH_LINK);
	EXPECT_EQ(r.link_bytes, SZ_1M);
	EXPECT_EQ(memcmp(self->s, p, SZ_1M), 0);
	/* And back. */
	ASSERT_EQ(run(self->fd, self->q, job_fill(SRAM, SZ_1M, 0x33333333), &r), 0);
	ASSERT_EQ(run(self->fd, self->q, job_copy(VA, SRAM, SZ_1M), &r), 0);
	ASSERT_EQ(r.error, 0);
	EXPECT_EQ(p[0], 0x33);
	EXPECT_EQ(p[SZ_1M - 1], 0x33);
	ASSERT_EQ(drmCloseBufferHandle(self->fd, h), 0);
	ASSERT_EQ(vm_unmap(self->fd, self->vm, VA, SZ_1M), 0);
	EXPECT_TRUE(becomes(gpu_counter, "mappings", 0));
	munmap(p, SZ_1M);
	close(buf);
	close(gpu);
}

TEST_F(dacc_import, the_exporter_may_go_first)
{
	struct drm_gpupeer_bo_create c = { .size = SZ_64K, .flags = DRM_GPUPEER_BO_HBM };
	struct drm_dacc_result r = {};
	int gpu = open_driver("gpupeer"), buf = -1;
	uint32_t h;

	ASSERT_GE(gpu, 0);
	ASSERT_EQ(drmIoctl(gpu, DRM_IOCTL_GPUPEER_BO_CREATE, &c), 0);
	ASSERT_EQ(drmPrimeHandleToFD(gpu, c.handle, DRM_CLOEXEC | DRM_RDWR, &buf), 0);
	ASSERT_EQ(drmPrimeFDToHandle(self->fd, buf, &h), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, h, 0, VA, SZ_64K, 0), 0);
	close(buf);
	close(gpu);
	ASSERT_EQ(run(self->fd, self->q, job_fill(VA, SZ_64K, 3), &r), 0);
	EXPECT_EQ(r.error, 0);
}

TEST_F(dacc_import, revoked_by_its_exporter)
{
	struct drm_gpupeer_bo_create c = { .size = SZ_64K, .flags = DRM_GPUPEER_BO_HBM };
	int gpu = open_driver("gpupeer"), buf = -1;
	struct drm_dacc_result r = {};
	uint32_t h, flags, q;
	uint64_t size;

	ASSERT_GE(gpu, 0);
	ASSERT_EQ(drmIoctl(gpu, DRM_IOCTL_GPUPEER_BO_CREATE, &c), 0);
	ASSERT_EQ(drmPrimeHandleToFD(gpu, c.handle, DRM_CLOEXEC | DRM_RDWR, &buf), 0);
	ASSERT_EQ(drmPrimeFDToHandle(self->fd, buf, &h), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, h, 0, VA, SZ_64K, 0), 0);
	ASSERT_EQ(bo_info(self->fd, h, &flags, &size), 0);
	EXPECT_EQ(flags & DRM_DACC_BO_REVOKED, 0);

	ASSERT_EQ(revoke_hbm(buf), 0);
	ASSERT_EQ(bo_info(self->fd, h, &flags, &size), 0);
	EXPECT_NE(flags & DRM_DACC_BO_REVOKED, 0);
	/* It is asked for again, in vain; what does not use it is not disturbed. */
	ASSERT_EQ(run(self->fd, self->q, job_fill(SRAM, SZ_64K, 3), &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(vm_map(self->fd, self->vm, h, 0, 2 * VA + SZ_1M, SZ_64K, 0), -EREMOTEIO);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
	ASSERT_EQ(run(self->fd, q, job_fill(VA, SZ_64K, 3), &r), 0);
	EXPECT_EQ(r.error, -EFAULT);
	ASSERT_EQ(bo_info(self->fd, h, &flags, &size), 0);
	EXPECT_NE(flags & DRM_DACC_BO_REVOKED, 0);
	EXPECT_EQ(vm_unmap(self->fd, self->vm, VA, SZ_64K), 0);
	close(buf);
	close(gpu);
}

/* An address space with user queues has its imports pinned, or does not have them. */
TEST_F(dacc_import, pinned_for_user_queues)
{
	int gpu = open_driver("gpupeer"), buf;
	uint32_t h, hbm, vm;
	long long before;
	struct uq q;

	ASSERT_GE(gpu, 0);
	ASSERT_EQ(gpu_bo(gpu, SZ_1M, DRM_GPUPEER_BO_HBM, &hbm), 0);
	buf = export_fd(gpu, hbm, DRM_CLOEXEC | DRM_RDWR);
	ASSERT_GE(buf, 0);
	ASSERT_EQ(import_fd(self->fd, buf, &h), 0);
	close(buf);
	/* Some kernels pin what an importer maps: from here on. */
	ASSERT_EQ(vm_map(self->fd, self->vm, h, 0, VA, SZ_1M, 0), 0);
	before = gpu_counter("pins");
	ASSERT_GE(before, 0);
	ASSERT_EQ(uq_create(&q, self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 0), 0);
	EXPECT_EQ(gpu_counter("pins"), before + 1);
	EXPECT_EQ(vm_map(self->fd, self->vm, h, 0, VA + SZ_1M, SZ_1M, 0), 0);
	EXPECT_EQ(gpu_counter("pins"), before + 1);
	EXPECT_EQ(vm_unmap(self->fd, self->vm, VA, SZ_1M), 0);
	EXPECT_EQ(gpu_counter("pins"), before + 1);
	EXPECT_EQ(vm_unmap(self->fd, self->vm, VA + SZ_1M, SZ_1M), 0);
	EXPECT_EQ(gpu_counter("pins"), before);
	EXPECT_EQ(vm_map(self->fd, self->vm, h, 0, VA, SZ_1M, 0), 0);
	EXPECT_EQ(gpu_counter("pins"), before + 1);
	uq_push(&q, desc_copy(SRAM, VA, SZ_1M));
	EXPECT_EQ(uq_poll(&q, 1, UQ_SECONDS), 0);
	EXPECT_EQ(queue_destroy(self->fd, q.id), 0);
	EXPECT_EQ(gpu_counter("pins"), before);
	/* Without pins: no user queue, or no import, but jobs of SUBMIT as ever. */
	ASSERT_EQ(set_module_parameter("gpupeer", "pin", "0"), 0);
	EXPECT_EQ(uq_create(&q, self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 1), -EOPNOTSUPP);
	EXPECT_EQ(gpu_counter("pins"), before);
	EXPECT_EQ(vm_create(self->fd, &vm), 0);
	EXPECT_EQ(uq_create(&q, self->fd, vm, DRM_DACC_QUEUE_TRANSFER, 0), 0);
	EXPECT_EQ(vm_map(self->fd, vm, h, 0, VA, SZ_1M, 0), -EOPNOTSUPP);
	EXPECT_EQ(run(self->fd, self->q, job_copy(SRAM, VA, SZ_1M), NULL), 0);
	set_module_parameter("gpupeer", "pin", "1");
	EXPECT_EQ(vm_map(self->fd, vm, h, 0, VA, SZ_1M, 0), 0);
	close(gpu);
}

TEST_F(dacc_import, imported_is_not_mapped_here)
{
	struct drm_dacc_bo_mmap m = {};
	int buf = udmabuf_fd(SZ_64K, NULL);

	ASSERT_GE(buf, 0);
	ASSERT_EQ(drmPrimeFDToHandle(self->fd, buf, &m.handle), 0);
	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_BO_MMAP, &m), -EOPNOTSUPP);
	close(buf);
}

TEST_F(dacc_import, twice_is_the_same_handle)
{
	int buf = udmabuf_fd(SZ_64K, NULL);
	uint32_t a, b;

	ASSERT_GE(buf, 0);
	ASSERT_EQ(drmPrimeFDToHandle(self->fd, buf, &a), 0);
	ASSERT_EQ(drmPrimeFDToHandle(self->fd, buf, &b), 0);
	EXPECT_EQ(a, b);
	close(buf);
}

TEST_F(dacc_import, two_imports_of_one_dmabuf_in_one_vm)
{
	struct drm_dacc_result r = {};
	uint32_t first, second;
	void *p = NULL;
	int buf = udmabuf_fd(SZ_64K, &p);

	ASSERT_GE(buf, 0);
	ASSERT_EQ(drmPrimeFDToHandle(self->fd, buf, &first), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, first, 0, VA, SZ_64K, DRM_DACC_VM_READONLY), 0);
	/* The mapping keeps the first; without its handle the second is another object. */
	drmCloseBufferHandle(self->fd, first);
	ASSERT_EQ(drmPrimeFDToHandle(self->fd, buf, &second), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, second, 0, 2 * VA + SZ_1M, SZ_64K, 0), 0);

	ASSERT_EQ(run(self->fd, self->q, job_fill(2 * VA + SZ_1M, SZ_64K, 0x51525354), &r), 0);
	ASSERT_EQ(r.error, 0);
	EXPECT_EQ(((uint32_t *)p)[5], 0x51525354);
	ASSERT_EQ(run(self->fd, self->q, job_copy(SRAM, VA, SZ_64K), &r), 0);
	ASSERT_EQ(r.error, 0);
	EXPECT_EQ(memcmp(self->s, p, SZ_64K), 0);
	close(buf);
}

TEST_F(dacc_import, a_writer_by_any_import_counts_as_one)
{
	struct drm_dacc_job hang = job_nop(), j = job_nop();
	int other = open(NODE, O_RDWR | O_CLOEXEC);
	int buf = udmabuf_fd(SZ_64K, NULL);
	uint32_t first, second, theirs, vm, q;
	__u64 seq;

	ASSERT_GE(buf, 0);
	ASSERT_GE(other, 0);
	ASSERT_EQ(drmPrimeFDToHandle(self->fd, buf, &first), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, first, 0, VA, SZ_64K, DRM_DACC_VM_READONLY), 0);
	drmCloseBufferHandle(self->fd, first);
	ASSERT_EQ(drmPrimeFDToHandle(self->fd, buf, &second), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, second, 0, 2 * VA + SZ_1M, SZ_64K, 0), 0);
	ASSERT_EQ(vm_create(other, &vm), 0);
	ASSERT_EQ(drmPrimeFDToHandle(other, buf, &theirs), 0);
	ASSERT_EQ(vm_map(other, vm, theirs, 0, VA, SZ_64K, DRM_DACC_VM_READONLY), 0);
	ASSERT_EQ(queue_create(other, vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);

	/* A reader waits for a client with a writable mapping, and that one ends. */
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	ASSERT_EQ(submit(self->fd, self->q, &hang, 1, NULL), 0);
	usleep(300000);
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	ASSERT_EQ(submit(other, q, &j, 1, &seq), 0);
	EXPECT_EQ(wait_job(other, q, seq, 1, NULL), -ETIME);
	ASSERT_EQ(queue_destroy(self->fd, self->q), 0);
	EXPECT_EQ(wait_job(other, q, seq, 30, NULL), 0);
	close(other);
	close(buf);
}

TEST_F(dacc_import, a_writer_waits_for_readers)
{
	int other = open(NODE, O_RDWR | O_CLOEXEC);
	struct drm_dacc_job hang = job_nop(), j = job_nop();
	int buf = udmabuf_fd(SZ_64K, NULL);
	uint32_t mine, theirs, vm, q, writer;
	__u64 seq;

	ASSERT_GE(buf, 0);
	ASSERT_GE(other, 0);
	ASSERT_EQ(drmPrimeFDToHandle(self->fd, buf, &mine), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, mine, 0, VA, SZ_64K, DRM_DACC_VM_READONLY), 0);
	ASSERT_EQ(vm_create(other, &vm), 0);
	ASSERT_EQ(drmPrimeFDToHandle(other, buf, &theirs), 0);
	ASSERT_EQ(vm_map(other, vm, theirs, 0, VA, SZ_64K, DRM_DACC_VM_READONLY), 0);
	ASSERT_EQ(queue_create(other, vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
	ASSERT_EQ(queue_create(other, vm, DRM_DACC_QUEUE_TRANSFER, 16, &writer), 0);

	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	ASSERT_EQ(submit(self->fd, self->q, &hang, 1, NULL), 0);
	usleep(300000);
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	/* Two readers go side by side. */
	ASSERT_EQ(submit(other, q, &j, 1, &seq), 0);
	EXPECT_EQ(wait_job(other, q, seq, 30, NULL), 0);
	ASSERT_EQ(vm_map(other, vm, theirs, 0, 2 * VA, SZ_64K, 0), 0);
	ASSERT_EQ(submit(other, writer, &j, 1, &seq), 0);
	EXPECT_EQ(wait_job(other, writer, seq, 1, NULL), -ETIME);
	ASSERT_EQ(queue_destroy(self->fd, self->q), 0);
	EXPECT_EQ(wait_job(other, writer, seq, 30, NULL), 0);
	close(other);
	close(buf);
}

TEST_F(dacc_import, not_a_dmabuf)
{
	int file = open("/dev/null", O_RDWR);
	uint32_t h;

	EXPECT_NE(drmPrimeFDToHandle(self->fd, file, &h), 0);
	EXPECT_NE(drmPrimeFDToHandle(self->fd, -1, &h), 0);
	close(file);
}

TEST_F(dacc_import, export_to_another_client)
{
	uint32_t flags[] = { DRM_DACC_BO_HOST, DRM_DACC_BO_SRAM };
	int other = open(NODE, O_RDWR | O_CLOEXEC);

	ASSERT_GE(other, 0);
	for (int i = 0; i < 2; i++) {
		uint32_t mine, theirs;
		uint32_t *a, *b;
		int buf = -1;

		ASSERT_EQ(bo_create(self->fd, SZ_64K, flags[i], &mine), 0);
		ASSERT_EQ(drmPrimeHandleToFD(self->fd, mine, DRM_CLOEXEC | DRM_RDWR, &buf), 0);
		ASSERT_EQ(drmPrimeFDToHandle(other, buf, &theirs), 0);
		a = bo_map(self->fd, mine, SZ_64K);
		b = bo_map(other, theirs, SZ_64K);
		ASSERT_NE(a, NULL);
		ASSERT_NE(b, NULL);
		a[7] = 0x777;
		EXPECT_EQ(b[7], 0x777);
		munmap(a, SZ_64K);
		munmap(b, SZ_64K);
		close(buf);
	}
	close(other);
}

TEST_F(dacc_import, an_exported_host_buffer_can_be_mapped)
{
	uint32_t h;
	uint8_t *p;
	int buf = -1;

	ASSERT_EQ(bo_create(self->fd, SZ_64K, DRM_DACC_BO_HOST, &h), 0);
	ASSERT_EQ(drmPrimeHandleToFD(self->fd, h, DRM_CLOEXEC | DRM_RDWR, &buf), 0);
	p = mmap(NULL, SZ_64K, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
	ASSERT_NE(p, MAP_FAILED);
	p[100] = 1;
	munmap(p, SZ_64K);
	close(buf);
}

TEST_F(dacc_import, imports_are_counted_and_return)
{
	long long before = counter("imports");
	uint32_t h;
	int buf = udmabuf_fd(SZ_64K, NULL);

	ASSERT_GE(buf, 0);
	ASSERT_GE(before, 0);
	ASSERT_EQ(drmPrimeFDToHandle(self->fd, buf, &h), 0);
	EXPECT_EQ(counter("imports"), before + 1);
	drmCloseBufferHandle(self->fd, h);
	close(buf);
	EXPECT_EQ(counter("imports"), before);
}

TEST_HARNESS_MAIN
