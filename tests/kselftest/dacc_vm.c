// SPDX-License-Identifier: GPL-2.0
/* VM_CREATE, VM_DESTROY, VM_BIND. */
#include "dacc_util.h"

#include <pthread.h>

#define VA 0x100000000ull

FIXTURE(dacc_vm)
{
	int fd, other;
	uint32_t vm, host, sram;
};

FIXTURE_SETUP(dacc_vm)
{
	self->fd = open(NODE, O_RDWR | O_CLOEXEC);
	self->other = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	ASSERT_GE(self->other, 0);
	ASSERT_EQ(vm_create(self->fd, &self->vm), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_HOST, &self->host), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_SRAM, &self->sram), 0);
}

FIXTURE_TEARDOWN(dacc_vm)
{
	close(self->fd);
	close(self->other);
}

TEST_F(dacc_vm, flags)
{
	struct drm_dacc_vm_create c = { .flags = 1 };

	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_VM_CREATE, &c), -EINVAL);
}

TEST_F(dacc_vm, destroy)
{
	struct drm_dacc_vm_destroy d = { .vm = self->vm, .pad = 1 };

	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_VM_DESTROY, &d), -EINVAL);
	EXPECT_EQ(vm_destroy(self->fd, 0), -ENOENT);
	EXPECT_EQ(vm_destroy(self->fd, 0xffffffff), -ENOENT);
	EXPECT_EQ(vm_destroy(self->other, self->vm), -ENOENT);
	EXPECT_EQ(vm_destroy(self->fd, self->vm), 0);
	EXPECT_EQ(vm_destroy(self->fd, self->vm), -ENOENT);
}

TEST_F(dacc_vm, destroy_while_a_queue_uses_it)
{
	uint32_t q;

	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
	EXPECT_EQ(vm_destroy(self->fd, self->vm), -EBUSY);
	EXPECT_EQ(queue_destroy(self->fd, q), 0);
	EXPECT_EQ(vm_destroy(self->fd, self->vm), 0);
}

struct binder {
	int fd;
	uint32_t vm, bo;
	bool go;
};

static void *bind_many(void *data)
{
	struct binder *b = data;

	while (!__atomic_load_n(&b->go, __ATOMIC_ACQUIRE))
		;
	for (uint64_t i = 0; i < 50; i++)
		if (vm_map(b->fd, b->vm, b->bo, 0, VA + i * SZ_64K, SZ_64K, 0))
			break;
	return NULL;
}

TEST_F(dacc_vm, destroy_while_others_bind)
{
	long long vms = counter("vms"), bos = live_bos();

	for (int round = 0; round < 200; round++) {
		struct binder b = { .fd = open(NODE, O_RDWR | O_CLOEXEC) };
		pthread_t thread[2];
		int i;

		ASSERT_GE(b.fd, 0);
		ASSERT_EQ(vm_create(b.fd, &b.vm), 0);
		ASSERT_EQ(bo_create(b.fd, SZ_64K, DRM_DACC_BO_HOST, &b.bo), 0);
		for (i = 0; i < 8; i++)
			ASSERT_EQ(vm_map(b.fd, b.vm, b.bo, 0, 2 * VA + i * SZ_64K, SZ_64K, 0), 0);
		for (i = 0; i < 2; i++)
			ASSERT_EQ(pthread_create(&thread[i], NULL, bind_many, &b), 0);
		__atomic_store_n(&b.go, true, __ATOMIC_RELEASE);
		usleep(round * 37 % 900);
		EXPECT_EQ(vm_destroy(b.fd, b.vm), 0);
		for (i = 0; i < 2; i++)
			pthread_join(thread[i], NULL);
		close(b.fd);
	}
	for (int i = 0; i < 100 && counter("vms") != vms; i++)
		usleep(50000);
	EXPECT_EQ(counter("vms"), vms);
	EXPECT_EQ(live_bos(), bos);
}

TEST_F(dacc_vm, address_spaces_run_out_and_come_back)
{
	uint32_t vm[2 * DACC_MAX_ASIDS];
	int n = 0, ret = 0;

	while (n < 2 * DACC_MAX_ASIDS && !(ret = vm_create(self->fd, &vm[n])))
		n++;
	EXPECT_EQ(ret, -ENOSPC);
	EXPECT_GT(n, 8);
	while (n)
		EXPECT_EQ(vm_destroy(self->fd, vm[--n]), 0);
	EXPECT_EQ(vm_create(self->fd, &vm[0]), 0);
}

TEST_F(dacc_vm, map_and_unmap)
{
	EXPECT_EQ(vm_map(self->fd, self->vm, self->host, 0, VA, SZ_1M, 0), 0);
	EXPECT_EQ(vm_map(self->fd, self->vm, self->sram, 0, VA + SZ_1M, SZ_1M,
			 DRM_DACC_VM_READONLY),
		  0);
	EXPECT_EQ(vm_unmap(self->fd, self->vm, VA, SZ_1M), 0);
	EXPECT_EQ(vm_unmap(self->fd, self->vm, VA, SZ_1M), -ENOENT);
	EXPECT_EQ(vm_unmap(self->fd, self->vm, VA + SZ_1M, SZ_1M), 0);
}

TEST_F(dacc_vm, map_part_of_a_buffer)
{
	EXPECT_EQ(vm_map(self->fd, self->vm, self->sram, SZ_4K, VA, SZ_4K, 0), 0);
	EXPECT_EQ(vm_map(self->fd, self->vm, self->sram, SZ_1M - SZ_4K, VA + SZ_4K, SZ_4K, 0), 0);
}

TEST_F(dacc_vm, overlap)
{
	ASSERT_EQ(vm_map(self->fd, self->vm, self->host, 0, VA, SZ_64K, 0), 0);
	EXPECT_EQ(vm_map(self->fd, self->vm, self->sram, 0, VA, SZ_64K, 0), -EEXIST);
	EXPECT_EQ(vm_map(self->fd, self->vm, self->sram, 0, VA + SZ_64K - SZ_4K, SZ_64K, 0),
		  -EEXIST);
	EXPECT_EQ(vm_map(self->fd, self->vm, self->sram, 0, VA - SZ_4K, SZ_1M, 0), -EEXIST);
	EXPECT_EQ(vm_map(self->fd, self->vm, self->sram, 0, VA + SZ_64K, SZ_64K, 0), 0);
}

TEST_F(dacc_vm, unmap_must_be_exact)
{
	ASSERT_EQ(vm_map(self->fd, self->vm, self->host, 0, VA, SZ_64K, 0), 0);
	EXPECT_EQ(vm_unmap(self->fd, self->vm, VA, SZ_4K), -ENOENT);
	EXPECT_EQ(vm_unmap(self->fd, self->vm, VA + SZ_4K, SZ_64K - SZ_4K), -ENOENT);
	EXPECT_EQ(vm_unmap(self->fd, self->vm, VA, SZ_1M), -ENOENT);
	EXPECT_EQ(vm_unmap(self->fd, self->vm, VA, SZ_64K), 0);
}

TEST_F(dacc_vm, size_zero)
{
	EXPECT_EQ(vm_map(self->fd, self->vm, self->host, 0, VA, 0, 0), -EINVAL);
}

TEST_F(dacc_vm, misaligned)
{
	EXPECT_EQ(vm_map(self->fd, self->vm, self->host, 0, VA + 512, SZ_4K, 0), -EINVAL);
	EXPECT_EQ(vm_map(self->fd, self->vm, self->host, 512, VA, SZ_4K, 0), -EINVAL);
	EXPECT_EQ(vm_map(self->fd, self->vm, self->host, 0, VA, 512, 0), -EINVAL);
}

TEST_F(dacc_vm, past_the_buffer)
{
	EXPECT_EQ(vm_map(self->fd, self->vm, self->host, 0, VA, SZ_1M + SZ_4K, 0), -EINVAL);
	EXPECT_EQ(vm_map(self->fd, self->vm, self->host, SZ_1M, VA, SZ_4K, 0), -EINVAL);
	EXPECT_EQ(vm_map(self->fd, self->vm, self->host, UINT64_MAX - SZ_4K + 1, VA, 2 * SZ_4K, 0),
		  -EINVAL);
}

TEST_F(dacc_vm, past_the_address_space)
{
	uint64_t end = DRM_DACC_VA_KERNEL;

	EXPECT_EQ(vm_map(self->fd, self->vm, self->host, 0, end, SZ_4K, 0), -EINVAL);
	EXPECT_EQ(vm_map(self->fd, self->vm, self->host, 0, end - SZ_4K, 2 * SZ_4K, 0), -EINVAL);
	EXPECT_EQ(vm_map(self->fd, self->vm, self->host, 0, UINT64_MAX - SZ_4K + 1, SZ_4K, 0),
		  -EINVAL);
	EXPECT_EQ(vm_map(self->fd, self->vm, self->host, 0, UINT64_MAX - SZ_4K + 1, SZ_1M, 0),
		  -EINVAL);
	EXPECT_EQ(vm_map(self->fd, self->vm, self->host, 0, end - SZ_4K, SZ_4K, 0), 0);
}

TEST_F(dacc_vm, address_zero)
{
	EXPECT_EQ(vm_map(self->fd, self->vm, self->host, 0, 0, SZ_4K, 0), -EINVAL);
}

TEST_F(dacc_vm, bad_op_flags_and_objects)
{
	struct drm_dacc_vm_bind b = {
		.vm = self->vm,
		.op = 7,
		.handle = self->host,
		.addr = VA,
		.range = SZ_4K,
	};

	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_VM_BIND, &b), -EINVAL);
	EXPECT_EQ(vm_map(self->fd, self->vm, self->host, 0, VA, SZ_4K, 1u << 9), -EINVAL);
	EXPECT_EQ(vm_map(self->fd, self->vm + 77, self->host, 0, VA, SZ_4K, 0), -ENOENT);
	EXPECT_EQ(vm_map(self->fd, self->vm, 4711, 0, VA, SZ_4K, 0), -ENOENT);
	EXPECT_EQ(vm_map(self->other, self->vm, self->host, 0, VA, SZ_4K, 0), -ENOENT);
}

TEST_F(dacc_vm, unmap_takes_no_handle_offset_or_flags)
{
	struct drm_dacc_vm_bind b = {
		.vm = self->vm,
		.op = DRM_DACC_VM_UNMAP,
		.handle = self->host,
		.addr = VA,
		.range = SZ_4K,
	};

	ASSERT_EQ(vm_map(self->fd, self->vm, self->host, 0, VA, SZ_4K, 0), 0);
	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_VM_BIND, &b), -EINVAL);
	b.handle = 0;
	b.offset = SZ_4K;
	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_VM_BIND, &b), -EINVAL);
	b.offset = 0;
	b.flags = DRM_DACC_VM_READONLY;
	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_VM_BIND, &b), -EINVAL);
	b.flags = 0;
	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_VM_BIND, &b), 0);
}

TEST_F(dacc_vm, a_mapping_keeps_its_buffer)
{
	long long bos = live_bos();
	struct drm_dacc_result r = {};
	uint32_t q;

	ASSERT_EQ(vm_map(self->fd, self->vm, self->sram, 0, VA, SZ_1M, 0), 0);
	drmCloseBufferHandle(self->fd, self->sram);
	EXPECT_EQ(live_bos(), bos);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
	ASSERT_EQ(run(self->fd, q, job_fill(VA, SZ_1M, 1), &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(vm_unmap(self->fd, self->vm, VA, SZ_1M), 0);
	EXPECT_EQ(live_bos(), bos - 1);
}

TEST_HARNESS_MAIN
