// SPDX-License-Identifier: GPL-2.0
/* USERQ_SIGNAL and USERQ_WAIT: a user queue's positions as fences, and back. */
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <poll.h>

#include "dacc_life.h"
#include "dacc_uq.h"

#define UNMAPPED 0x900000000ull

/* vgem's own interface, which no package of headers has. */
struct vgem_fence_attach {
	uint32_t handle;
	uint32_t flags;
	uint32_t out_fence;
	uint32_t pad;
};

struct vgem_fence_signal {
	uint32_t fence;
	uint32_t flags;
};

#define VGEM_FENCE_WRITE 1
#define VGEM_ATTACH      DRM_IOWR(DRM_COMMAND_BASE + 1, struct vgem_fence_attach)
#define VGEM_SIGNAL      DRM_IOW(DRM_COMMAND_BASE + 2, struct vgem_fence_signal)

FIXTURE(dacc_userq_sync)
{
	int fd, vgem;
	uint32_t vm, bo, k, bin, line;
	uint32_t vgem_fence;
	uint32_t *p;
	struct uq a, b;
};

FIXTURE_SETUP(dacc_userq_sync)
{
	self->fd = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	self->vgem = -1;
	ASSERT_EQ(vm_create(self->fd, &self->vm), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_HOST, &self->bo), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->bo, 0, VA, SZ_1M, 0), 0);
	self->p = bo_map(self->fd, self->bo, SZ_1M);
	ASSERT_NE(self->p, NULL);
	ASSERT_EQ(uq_create(&self->a, self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 0), 0);
	ASSERT_EQ(uq_create(&self->b, self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 1), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &self->k), 0);
	ASSERT_EQ(drmSyncobjCreate(self->fd, 0, &self->bin), 0);
	ASSERT_EQ(drmSyncobjCreate(self->fd, 0, &self->line), 0);
}

FIXTURE_TEARDOWN(dacc_userq_sync)
{
	munmap(self->p, SZ_1M);
	close(self->fd);
	if (self->vgem >= 0)
		close(self->vgem);
}

/* A new binary syncobj with a fence of vgem's that signals when vgem_signal() says so. */
static int vgem_fence(int fd, int *vgem, uint32_t *id, uint32_t *handle)
{
	struct drm_mode_create_dumb c = { .width = 64, .height = 64, .bpp = 32 };
	struct dma_buf_export_sync_file e = { .flags = DMA_BUF_SYNC_RW };
	struct vgem_fence_attach a = { .flags = VGEM_FENCE_WRITE };
	int buf = -1, ret = -ENODEV;
	char path[32];

	for (int i = 0; i < 16; i++) {
		drmVersionPtr v;

		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		*vgem = open(path, O_RDWR | O_CLOEXEC);
		if (*vgem < 0)
			continue;
		v = drmGetVersion(*vgem);
		if (v && !strcmp(v->name, "vgem")) {
			drmFreeVersion(v);
			break;
		}
		if (v)
			drmFreeVersion(v);
		close(*vgem);
		*vgem = -1;
	}
	if (*vgem < 0)
		return ret;
	if (drmIoctl(*vgem, DRM_IOCTL_MODE_CREATE_DUMB, &c))
		return -errno;
	a.handle = c.handle;
	if (drmIoctl(*vgem, VGEM_ATTACH, &a) ||
	    drmPrimeHandleToFD(*vgem, c.handle, DRM_CLOEXEC | DRM_RDWR, &buf))
		return -errno;
	*id = a.out_fence;
	ret = ioctl(buf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &e) ? -errno : 0;
	close(buf);
	if (ret)
		return ret;
	if (drmSyncobjCreate(fd, 0, handle) || drmSyncobjImportSyncFile(fd, *handle, e.fd))
		ret = -errno;
	close(e.fd);
	return ret;
}

static int vgem_signal(int vgem, uint32_t id)
{
	struct vgem_fence_signal s = { .fence = id };

	return drmIoctl(vgem, VGEM_SIGNAL, &s) ? -errno : 0;
}

static int wait_bin(int fd, uint32_t handle, int seconds)
{
	return drmSyncobjWait(fd, &handle, 1, now_ns() + seconds * NSEC, 0, NULL) ? -errno : 0;
}

static int wait_point(int fd, uint32_t handle, uint64_t point, int seconds)
{
	return drmSyncobjTimelineWait(fd, &handle, &point, 1, now_ns() + seconds * NSEC, 0, NULL) ?
		       -errno :
		       0;
}

/* How the fence in a binary syncobj ended: 1, or a negative errno; 0 while it has not. */
static int fence_status(int fd, uint32_t handle, int seconds)
{
	struct sync_file_info info = {};
	struct pollfd p = { .events = POLLIN };

	if (drmSyncobjExportSyncFile(fd, handle, &p.fd))
		return -errno;
	poll(&p, 1, seconds * 1000);
	if (ioctl(p.fd, SYNC_IOC_FILE_INFO, &info))
		info.status = -errno;
	close(p.fd);
	return info.status;
}

TEST_F(dacc_userq_sync, bad_arguments)
{
	struct drm_dacc_sync s = { .handle = self->bin };
	struct drm_dacc_userq_sync good = {
		.queue = self->a.id,
		.n_syncs = 1,
		.seq = 1,
		.syncs = (uintptr_t)&s,
	}, u;
	const unsigned long both[] = { DRM_IOCTL_DACC_USERQ_SIGNAL, DRM_IOCTL_DACC_USERQ_WAIT };

	uq_push(&self->a, desc_nop());
	ASSERT_EQ(uq_wait(&self->a, 1, UQ_SECONDS), 0);
	for (int i = 0; i < 2; i++) {
		u = good;
		u.queue = self->k;
		EXPECT_EQ(xioctl(self->fd, both[i], &u), -EINVAL);
		u.queue = 99;
		EXPECT_EQ(xioctl(self->fd, both[i], &u), -ENOENT);
		u = good;
		u.n_syncs = 0;
		EXPECT_EQ(xioctl(self->fd, both[i], &u), -EINVAL);
		u.n_syncs = DRM_DACC_MAX_SYNCS + 1;
		EXPECT_EQ(xioctl(self->fd, both[i], &u), -EINVAL);
		u = good;
		u.seq = 0;
		EXPECT_EQ(xioctl(self->fd, both[i], &u), -EINVAL);
		u = good;
		u.syncs = 0x10;
		EXPECT_EQ(xioctl(self->fd, both[i], &u), -EFAULT);
		u = good;
		s.pad = 1;
		EXPECT_EQ(xioctl(self->fd, both[i], &u), -EINVAL);
		s.pad = 0;
		s.handle = 99;
		EXPECT_EQ(xioctl(self->fd, both[i], &u), -ENOENT);
		s.handle = self->bin;
	}
}

TEST_F(dacc_userq_sync, signal_binary_and_timeline)
{
	uint64_t value = 0;

	for (uint64_t seq = 1; seq <= 5; seq++) {
		uq_push(&self->a, desc_fill(VA + 4 * seq, 4, (uint32_t)seq));
		ASSERT_EQ(uq_signal(&self->a, seq, self->line, seq), 0);
	}
	ASSERT_EQ(uq_signal(&self->a, 5, self->bin, 0), 0);
	ASSERT_EQ(wait_point(self->fd, self->line, 5, UQ_SECONDS), 0);
	ASSERT_EQ(wait_bin(self->fd, self->bin, UQ_SECONDS), 0);
	ASSERT_EQ(drmSyncobjQuery(self->fd, &self->line, &value, 1), 0);
	EXPECT_EQ(value, 5);
	EXPECT_EQ(self->p[5], 5);
}

TEST_F(dacc_userq_sync, signal_of_what_was_not_announced)
{
	EXPECT_EQ(uq_signal(&self->a, 1, self->bin, 0), -EINVAL);
	uq_put(&self->a, desc_nop());
	EXPECT_EQ(uq_signal(&self->a, 1, self->bin, 0), -EINVAL);
	uq_ring(&self->a);
	EXPECT_EQ(uq_signal(&self->a, 2, self->bin, 0), -EINVAL);
	EXPECT_EQ(uq_signal(&self->a, 1, self->bin, 0), 0);
	EXPECT_EQ(wait_bin(self->fd, self->bin, UQ_SECONDS), 0);
}

TEST_F(dacc_userq_sync, signal_of_what_has_completed)
{
	uq_push(&self->a, desc_nop());
	uq_push(&self->a, desc_nop());
	ASSERT_EQ(uq_wait(&self->a, 2, UQ_SECONDS), 0);
	ASSERT_EQ(uq_signal(&self->a, 1, self->bin, 0), 0);
	EXPECT_EQ(fence_status(self->fd, self->bin, 0), 1);
	ASSERT_EQ(uq_signal(&self->a, 2, self->line, 7), 0);
	EXPECT_EQ(wait_point(self->fd, self->line, 7, 0), 0);
}

TEST_F(dacc_userq_sync, signal_of_a_failing_descriptor)
{
	uint32_t h[3], gate;

	if (vgem_fence(self->fd, &self->vgem, &self->vgem_fence, &gate))
		SKIP(return, "vgem is not loaded (modprobe vgem)");
	ASSERT_EQ(uq_gate(&self->a, 1, gate, 0), 0);
	uq_put(&self->a, desc_nop());
	uq_put(&self->a, desc_fill(UNMAPPED, 4, 1));
	uq_put(&self->a, desc_nop());
	uq_ring(&self->a);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(drmSyncobjCreate(self->fd, 0, &h[i]), 0);
		ASSERT_EQ(uq_signal(&self->a, i + 1, h[i], 0), 0);
		EXPECT_EQ(fence_status(self->fd, h[i], 0), 0);
	}
	ASSERT_EQ(vgem_signal(self->vgem, self->vgem_fence), 0);
	EXPECT_EQ(fence_status(self->fd, h[0], UQ_SECONDS), 1);
	EXPECT_EQ(fence_status(self->fd, h[1], UQ_SECONDS), -EFAULT);
	EXPECT_LT(fence_status(self->fd, h[2], UQ_SECONDS), 0);
	EXPECT_EQ(uq_signal(&self->a, 3, self->bin, 0), -EIO);
}

TEST_F(dacc_userq_sync, signal_after_the_failure)
{
	uq_push(&self->a, desc_fill(UNMAPPED, 4, 1));
	ASSERT_EQ(uq_wait(&self->a, 1, UQ_SECONDS), 0);
	/* Whether the driver knows already or not: no fence that says it went well. */
	if (uq_signal(&self->a, 1, self->bin, 0) == 0)
		EXPECT_NE(fence_status(self->fd, self->bin, UQ_SECONDS), 0);
}

TEST_F(dacc_userq_sync, signal_with_continue_has_no_error)
{
	struct dacc_desc d = desc_fill(UNMAPPED, 4, 1);

	d.flags = DACC_DESC_CONTINUE;
	uq_push(&self->a, d);
	ASSERT_EQ(uq_signal(&self->a, 1, self->bin, 0), 0);
	EXPECT_EQ(fence_status(self->fd, self->bin, UQ_SECONDS), 1);
	EXPECT_EQ(self->a.cpl[0].status, DACC_STATUS_UNMAPPED);
}

TEST_F(dacc_userq_sync, one_number_signalled_twice)
{
	uq_push(&self->a, desc_nop());
	ASSERT_EQ(uq_signal(&self->a, 1, self->bin, 0), 0);
	ASSERT_EQ(uq_signal(&self->a, 1, self->line, 1), 0);
	EXPECT_EQ(wait_bin(self->fd, self->bin, UQ_SECONDS), 0);
	EXPECT_EQ(wait_point(self->fd, self->line, 1, UQ_SECONDS), 0);
}

TEST_F(dacc_userq_sync, a_fence_of_a_queue_that_is_destroyed)
{
	uint32_t gate;

	if (vgem_fence(self->fd, &self->vgem, &self->vgem_fence, &gate))
		SKIP(return, "vgem is not loaded (modprobe vgem)");
	ASSERT_EQ(uq_gate(&self->a, 1, gate, 0), 0);
	uq_push(&self->a, desc_nop());
	ASSERT_EQ(uq_signal(&self->a, 1, self->bin, 0), 0);
	ASSERT_EQ(queue_destroy(self->fd, self->a.id), 0);
	EXPECT_EQ(fence_status(self->fd, self->bin, 1), -ECANCELED);
	EXPECT_EQ(vgem_signal(self->vgem, self->vgem_fence), 0);
}

TEST_F(dacc_userq_sync, a_hang_ends_the_fence)
{
	unsigned int before;

	ASSERT_EQ(get_parameter("job_timeout_ms", &before), 0);
	ASSERT_EQ(set_parameter("job_timeout_ms", 5000), 0);
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	uq_push(&self->a, desc_nop());
	let_it_start();
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	ASSERT_EQ(uq_signal(&self->a, 1, self->bin, 0), 0);
	EXPECT_EQ(fence_status(self->fd, self->bin, UQ_SECONDS), -ETIME);
	ASSERT_EQ(set_parameter("job_timeout_ms", before), 0);
}

/* --- gates --- */

TEST_F(dacc_userq_sync, gate_without_a_fence)
{
	EXPECT_EQ(uq_gate(&self->a, 1, self->bin, 0), -EINVAL);
	EXPECT_EQ(uq_gate(&self->a, 1, self->line, 3), -EINVAL);
	uq_push(&self->a, desc_nop());
	EXPECT_EQ(uq_wait(&self->a, 1, UQ_SECONDS), 0);
}

/* The timeline's own reference to what it has is not ours to drop. */
TEST_F(dacc_userq_sync, gate_for_a_later_point)
{
	uint64_t point = 1, value = 0;

	ASSERT_EQ(drmSyncobjTimelineSignal(self->fd, &self->line, &point, 1), 0);
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(uq_gate(&self->a, 1, self->line, 2), -EINVAL);
		ASSERT_EQ(drmSyncobjQuery(self->fd, &self->line, &value, 1), 0);
		EXPECT_EQ(value, 1);
	}
	uq_push(&self->a, desc_nop());
	EXPECT_EQ(uq_wait(&self->a, 1, UQ_SECONDS), 0);
}

TEST_F(dacc_userq_sync, gate_that_is_open_already)
{
	ASSERT_EQ(drmSyncobjSignal(self->fd, &self->bin, 1), 0);
	ASSERT_EQ(uq_gate(&self->a, 1, self->bin, 0), 0);
	uq_push(&self->a, desc_nop());
	EXPECT_EQ(uq_wait(&self->a, 1, UQ_SECONDS), 0);
}

TEST_F(dacc_userq_sync, gate_holds_until_the_fence)
{
	uint32_t gate;

	if (vgem_fence(self->fd, &self->vgem, &self->vgem_fence, &gate))
		SKIP(return, "vgem is not loaded (modprobe vgem)");
	ASSERT_EQ(uq_gate(&self->a, 2, gate, 0), 0);
	uq_put(&self->a, desc_fill(VA, 4, 1));
	uq_put(&self->a, desc_fill(VA + 4, 4, 2));
	uq_push(&self->a, desc_fill(VA + 8, 4, 3));
	EXPECT_EQ(uq_wait(&self->a, 1, UQ_SECONDS), 0);
	let_it_start();
	EXPECT_EQ(uq_completed(&self->a), 1);
	EXPECT_EQ(self->p[0], 1);
	EXPECT_EQ(self->p[1], 0);
	ASSERT_EQ(vgem_signal(self->vgem, self->vgem_fence), 0);
	EXPECT_EQ(uq_wait(&self->a, 3, UQ_SECONDS), 0);
	EXPECT_EQ(self->p[1], 2);
	EXPECT_EQ(self->p[2], 3);
}

TEST_F(dacc_userq_sync, a_gate_is_no_hang)
{
	unsigned int before;
	uint32_t gate;

	if (vgem_fence(self->fd, &self->vgem, &self->vgem_fence, &gate))
		SKIP(return, "vgem is not loaded (modprobe vgem)");
	ASSERT_EQ(get_parameter("job_timeout_ms", &before), 0);
	ASSERT_EQ(set_parameter("job_timeout_ms", 300), 0);
	ASSERT_EQ(uq_gate(&self->a, 1, gate, 0), 0);
	uq_push(&self->a, desc_nop());
	sleep(2);
	ASSERT_EQ(vgem_signal(self->vgem, self->vgem_fence), 0);
	EXPECT_EQ(uq_wait(&self->a, 1, UQ_SECONDS), 0);
	ASSERT_EQ(set_parameter("job_timeout_ms", before), 0);
}

TEST_F(dacc_userq_sync, gates_open_in_any_order)
{
	uint32_t g[3], id[3];

	for (int i = 0; i < 3; i++) {
		if (self->vgem >= 0)
			close(self->vgem);
		if (vgem_fence(self->fd, &self->vgem, &id[i], &g[i]))
			SKIP(return, "vgem is not loaded (modprobe vgem)");
		if (i < 2) {
			/* The file keeps its fences: one for each. */
			ASSERT_GE(dup2(self->vgem, 200 + i), 0);
		}
	}
	ASSERT_EQ(uq_gate(&self->a, 4, g[2], 0), 0);
	ASSERT_EQ(uq_gate(&self->a, 2, g[0], 0), 0);
	ASSERT_EQ(uq_gate(&self->a, 3, g[1], 0), 0);
	for (int i = 0; i < 4; i++)
		uq_put(&self->a, desc_nop());
	uq_ring(&self->a);
	EXPECT_EQ(uq_wait(&self->a, 1, UQ_SECONDS), 0);
	ASSERT_EQ(vgem_signal(201, id[1]), 0);
	let_it_start();
	EXPECT_EQ(uq_completed(&self->a), 1);
	ASSERT_EQ(vgem_signal(200, id[0]), 0);
	EXPECT_EQ(uq_wait(&self->a, 3, UQ_SECONDS), 0);
	let_it_start();
	EXPECT_EQ(uq_completed(&self->a), 3);
	ASSERT_EQ(vgem_signal(self->vgem, id[2]), 0);
	EXPECT_EQ(uq_wait(&self->a, 4, UQ_SECONDS), 0);
}

TEST_F(dacc_userq_sync, gate_too_late)
{
	ASSERT_EQ(drmSyncobjSignal(self->fd, &self->bin, 1), 0);
	uq_push(&self->a, desc_nop());
	ASSERT_EQ(uq_wait(&self->a, 1, UQ_SECONDS), 0);
	EXPECT_EQ(uq_gate(&self->a, 1, self->bin, 0), -EBUSY);
	EXPECT_EQ(uq_gate(&self->a, 2, self->bin, 0), 0);
	uq_push(&self->a, desc_nop());
	EXPECT_EQ(uq_wait(&self->a, 2, UQ_SECONDS), 0);
}

/* Two queues that would wait for each other, for ever. */
TEST_F(dacc_userq_sync, fences_cannot_form_a_circle)
{
	uint32_t gate;

	if (vgem_fence(self->fd, &self->vgem, &self->vgem_fence, &gate))
		SKIP(return, "vgem is not loaded (modprobe vgem)");
	/* b: announced, held back by vgem, and somebody was promised its end. */
	ASSERT_EQ(uq_gate(&self->b, 1, gate, 0), 0);
	uq_put(&self->b, desc_nop());
	uq_push(&self->b, desc_nop());
	ASSERT_EQ(uq_signal(&self->b, 2, self->bin, 0), 0);
	/* a waits for b ... */
	ASSERT_EQ(uq_gate(&self->a, 1, self->bin, 0), 0);
	uq_push(&self->a, desc_nop());
	ASSERT_EQ(uq_signal(&self->a, 1, self->line, 1), 0);
	/* ... so b can't be made to wait for a. */
	EXPECT_EQ(uq_gate(&self->b, 1, self->line, 1), -EBUSY);
	EXPECT_EQ(uq_gate(&self->b, 2, self->line, 1), -EBUSY);
	EXPECT_EQ(uq_gate(&self->b, 3, self->line, 1), 0);
	ASSERT_EQ(vgem_signal(self->vgem, self->vgem_fence), 0);
	EXPECT_EQ(wait_point(self->fd, self->line, 1, UQ_SECONDS), 0);
}

TEST_F(dacc_userq_sync, gates_run_out_and_come_back)
{
	uint32_t gate;

	if (vgem_fence(self->fd, &self->vgem, &self->vgem_fence, &gate))
		SKIP(return, "vgem is not loaded (modprobe vgem)");
	for (int i = 0; i < DRM_DACC_MAX_GATES; i++)
		ASSERT_EQ(uq_gate(&self->a, i + 1, gate, 0), 0);
	EXPECT_EQ(uq_gate(&self->a, 1, gate, 0), -EAGAIN);
	for (unsigned int i = 0; i < UQ_DEPTH; i++)
		uq_put(&self->a, desc_nop());
	uq_ring(&self->a);
	ASSERT_EQ(vgem_signal(self->vgem, self->vgem_fence), 0);
	EXPECT_EQ(uq_wait(&self->a, UQ_DEPTH, UQ_SECONDS), 0);
	EXPECT_EQ(uq_gate(&self->a, UQ_DEPTH + 1, gate, 0), 0);
}

TEST_F(dacc_userq_sync, gate_with_an_error_stops_the_queue_there)
{
	struct drm_dacc_job bad = job_fill(UNMAPPED, 64, 1);
	struct drm_dacc_sync out = { .handle = self->bin };
	struct drm_dacc_queue_info i;

	ASSERT_EQ(submit_full(self->fd, self->k, &bad, 1, NULL, 0, &out, 1, NULL), 0);
	ASSERT_EQ(uq_gate(&self->a, 3, self->bin, 0), 0);
	uq_put(&self->a, desc_fill(VA, 4, 1));
	uq_put(&self->a, desc_fill(VA + 4, 4, 2));
	uq_put(&self->a, desc_fill(VA + 8, 4, 3));
	uq_ring(&self->a);
	EXPECT_EQ(uq_wait(&self->a, 3, UQ_SECONDS), -EIO);
	EXPECT_EQ(self->p[0], 1);
	EXPECT_EQ(self->p[1], 2);
	EXPECT_EQ(self->p[2], 0);
	ASSERT_EQ(queue_info(self->fd, self->a.id, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_FAULTED);
	EXPECT_EQ(i.completed, 2);
	EXPECT_EQ(uq_gate(&self->a, 4, self->bin, 0), -EIO);
	/* The other user queue of the same address space is none the worse. */
	uq_push(&self->b, desc_nop());
	EXPECT_EQ(uq_wait(&self->b, 1, UQ_SECONDS), 0);
}

/* --- both ways, between kinds of queues --- */

TEST_F(dacc_userq_sync, from_one_user_queue_to_another)
{
	uint32_t gate;

	if (vgem_fence(self->fd, &self->vgem, &self->vgem_fence, &gate))
		SKIP(return, "vgem is not loaded (modprobe vgem)");
	ASSERT_EQ(uq_gate(&self->a, 1, gate, 0), 0);
	uq_push(&self->a, desc_fill(VA, SZ_64K, 0x55));
	ASSERT_EQ(uq_signal(&self->a, 1, self->line, 1), 0);
	ASSERT_EQ(uq_gate(&self->b, 1, self->line, 1), 0);
	uq_push(&self->b, desc_copy(VA + SZ_64K, VA, SZ_64K));
	let_it_start();
	EXPECT_EQ(uq_completed(&self->b), 0);
	ASSERT_EQ(vgem_signal(self->vgem, self->vgem_fence), 0);
	EXPECT_EQ(uq_wait(&self->b, 1, UQ_SECONDS), 0);
	EXPECT_EQ(self->p[SZ_64K / 4], 0x55);
	EXPECT_EQ(self->p[SZ_64K / 2 - 1], 0x55);
}

TEST_F(dacc_userq_sync, from_submit_to_a_user_queue)
{
	struct drm_dacc_job fill = job_fill(VA, SZ_64K, 0x66);
	struct drm_dacc_sync in = {}, out = { .handle = self->line, .point = 4 };

	if (vgem_fence(self->fd, &self->vgem, &self->vgem_fence, &in.handle))
		SKIP(return, "vgem is not loaded (modprobe vgem)");
	ASSERT_EQ(submit_full(self->fd, self->k, &fill, 1, &in, 1, &out, 1, NULL), 0);
	ASSERT_EQ(uq_gate(&self->a, 1, self->line, 4), 0);
	uq_push(&self->a, desc_copy(VA + SZ_64K, VA, SZ_64K));
	let_it_start();
	EXPECT_EQ(uq_completed(&self->a), 0);
	ASSERT_EQ(vgem_signal(self->vgem, self->vgem_fence), 0);
	EXPECT_EQ(uq_wait(&self->a, 1, UQ_SECONDS), 0);
	EXPECT_EQ(self->p[SZ_64K / 4], 0x66);
}

TEST_F(dacc_userq_sync, from_a_user_queue_to_submit)
{
	struct drm_dacc_job copy = job_copy(VA + SZ_64K, VA, SZ_64K);
	struct drm_dacc_sync in = { .handle = self->bin };
	struct drm_dacc_result r = {};
	uint32_t gate;
	__u64 seq;

	if (vgem_fence(self->fd, &self->vgem, &self->vgem_fence, &gate))
		SKIP(return, "vgem is not loaded (modprobe vgem)");
	ASSERT_EQ(uq_gate(&self->a, 1, gate, 0), 0);
	uq_push(&self->a, desc_fill(VA, SZ_64K, 0x77));
	ASSERT_EQ(uq_signal(&self->a, 1, self->bin, 0), 0);
	ASSERT_EQ(submit_full(self->fd, self->k, &copy, 1, &in, 1, NULL, 0, &seq), 0);
	EXPECT_EQ(wait_job(self->fd, self->k, seq, 0, NULL), -ETIME);
	ASSERT_EQ(vgem_signal(self->vgem, self->vgem_fence), 0);
	ASSERT_EQ(wait_job(self->fd, self->k, seq, UQ_SECONDS, &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(self->p[SZ_64K / 4], 0x77);
}

TEST_F(dacc_userq_sync, a_ping_pong)
{
	for (uint64_t i = 1; i <= 50; i++) {
		if (i > 1)
			ASSERT_EQ(uq_gate(&self->a, i, self->line, 2 * i - 2), 0);
		uq_push(&self->a, desc_fill(VA, 4, (uint32_t)(2 * i - 1)));
		ASSERT_EQ(uq_signal(&self->a, i, self->line, 2 * i - 1), 0);
		ASSERT_EQ(uq_gate(&self->b, i, self->line, 2 * i - 1), 0);
		uq_push(&self->b, desc_fill(VA, 4, (uint32_t)(2 * i)));
		ASSERT_EQ(uq_signal(&self->b, i, self->line, 2 * i), 0);
		/* No more than the ring and the gates have room for. */
		if (i % 8 == 0)
			ASSERT_EQ(uq_wait(&self->b, i, UQ_SECONDS), 0);
	}
	ASSERT_EQ(wait_point(self->fd, self->line, 100, UQ_SECONDS), 0);
	EXPECT_EQ(self->p[0], 100);
}

TEST_F(dacc_userq_sync, closing_with_gates_and_fences_pending)
{
	long long queues = counter("queues");
	uint32_t gate, vm, line;
	int fd = open_node();
	struct uq q;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(vm_create(fd, &vm), 0);
	ASSERT_EQ(uq_create(&q, fd, vm, DRM_DACC_QUEUE_TRANSFER, 0), 0);
	ASSERT_EQ(drmSyncobjCreate(fd, 0, &line), 0);
	if (vgem_fence(fd, &self->vgem, &self->vgem_fence, &gate))
		SKIP(return, "vgem is not loaded (modprobe vgem)");
	ASSERT_EQ(uq_gate(&q, 2, gate, 0), 0);
	uq_put(&q, desc_nop());
	uq_push(&q, desc_nop());
	ASSERT_EQ(uq_signal(&q, 2, line, 1), 0);
	close(fd);
	munmap((void *)q.doorbell, SZ_4K);
	munmap(q.ring, UQ_BYTES);
	for (int i = 0; i < 100 && counter("queues") != queues; i++)
		usleep(50000);
	EXPECT_EQ(counter("queues"), queues);
	EXPECT_EQ(vgem_signal(self->vgem, self->vgem_fence), 0);
}

TEST_HARNESS_MAIN
