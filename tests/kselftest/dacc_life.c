// SPDX-License-Identifier: GPL-2.0
/* Hangs, faults, killed processes and resets: what one client suffers
 * never reaches another, and nothing leaks.
 */
#include "dacc_life.h"

FIXTURE(dacc_life)
{
	int fd;
	uint32_t vm, bo, q;
	uint32_t *p;
	long long bos, vms, queues, jobs;
};

FIXTURE_SETUP(dacc_life)
{
	self->bos = live_bos();
	self->vms = counter("vms");
	self->queues = counter("queues");
	self->jobs = counter("jobs");
	self->fd = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(vm_create(self->fd, &self->vm), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_HOST, &self->bo), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->bo, 0, VA, SZ_1M, 0), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &self->q), 0);
	self->p = bo_map(self->fd, self->bo, SZ_1M);
	ASSERT_NE(self->p, NULL);
}

FIXTURE_TEARDOWN(dacc_life)
{
	inject(DACC_INJECT_NONE, 0);
	munmap(self->p, SZ_1M);
	close(self->fd);
	/* Files close their objects in the background; give that a moment. */
	for (int i = 0; i < 100 && counter("queues") != self->queues; i++)
		usleep(50000);
	EXPECT_EQ(live_bos(), self->bos);
	EXPECT_EQ(counter("vms"), self->vms);
	EXPECT_EQ(counter("queues"), self->queues);
	EXPECT_EQ(counter("jobs"), self->jobs);
}

TEST_F(dacc_life, a_hung_job_ends_and_its_queue_alone)
{
	struct drm_dacc_job j[2] = { job_nop(), job_fill(VA, 64, 1) };
	struct drm_dacc_result r[2] = {};
	struct drm_dacc_queue_info i;
	uint32_t q2;
	__u64 seq;

	/* The other queue of the same address space existed before. */
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q2), 0);
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	ASSERT_EQ(submit(self->fd, self->q, j, 2, &seq), 0);
	let_it_start();
	EXPECT_EQ(wait_job(self->fd, self->q, 1, 0, NULL), -ETIME);
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	/* While it hangs, others work. */
	EXPECT_EQ(bystander(), 0);
	ASSERT_EQ(run(self->fd, q2, job_fill(VA + SZ_64K, 64, 1), &r[0]), 0);
	EXPECT_EQ(r[0].error, 0);
	ASSERT_EQ(wait_job(self->fd, self->q, 1, 60, &r[0]), 0);
	ASSERT_EQ(wait_job(self->fd, self->q, 2, 60, &r[1]), 0);
	EXPECT_EQ(r[0].error, -ETIME);
	EXPECT_LT(r[1].error, 0);
	EXPECT_EQ(self->p[0], 0);
	ASSERT_EQ(queue_info(self->fd, self->q, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_HUNG);
	EXPECT_EQ(submit(self->fd, self->q, j, 1, NULL), -EIO);
	ASSERT_EQ(run(self->fd, q2, job_fill(VA + SZ_64K, 64, 2), &r[0]), 0);
	EXPECT_EQ(r[0].error, 0);
}

TEST_F(dacc_life, destroying_a_hung_queue_cancels_its_jobs)
{
	struct drm_dacc_job j = job_nop();
	struct drm_dacc_sync out = {};
	uint32_t sync;

	ASSERT_EQ(drmSyncobjCreate(self->fd, 0, &sync), 0);
	out.handle = sync;
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	ASSERT_EQ(submit_full(self->fd, self->q, &j, 1, NULL, 0, &out, 1, NULL), 0);
	let_it_start();
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	EXPECT_EQ(queue_destroy(self->fd, self->q), 0);
	EXPECT_EQ(drmSyncobjWait(self->fd, &sync, 1, now_ns() + 5 * NSEC, 0, NULL), 0);
	EXPECT_EQ(bystander(), 0);
}

TEST_F(dacc_life, killed_with_a_job_in_flight)
{
	int pipefd[2];
	char c = 0;
	pid_t pid;

	ASSERT_EQ(pipe(pipefd), 0);
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	pid = fork();
	if (!pid) {
		struct drm_dacc_job j[4] = { job_nop(), job_nop(), job_nop(), job_nop() };
		uint32_t vm, q;
		int fd = open(NODE, O_RDWR | O_CLOEXEC);

		if (fd < 0 || vm_create(fd, &vm) ||
		    queue_create(fd, vm, DRM_DACC_QUEUE_TRANSFER, 16, &q) ||
		    submit(fd, q, j, 4, NULL))
			_exit(1);
		c = 'x';
		if (write(pipefd[1], &c, 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	ASSERT_GT(pid, 0);
	ASSERT_EQ(read(pipefd[0], &c, 1), 1);
	ASSERT_EQ(c, 'x');
	let_it_start();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	for (int i = 0; i < 100 && counter("queues") != self->queues + 1; i++)
		usleep(50000);
	EXPECT_EQ(counter("queues"), self->queues + 1);
	EXPECT_EQ(counter("vms"), self->vms + 1);
	EXPECT_EQ(bystander(), 0);
}

TEST_F(dacc_life, killed_many_times_while_copying)
{
	for (int round = 0; round < 20; round++) {
		pid_t pid = fork();

		if (!pid) {
			struct drm_dacc_job j[16];
			uint32_t vm, bo, q;
			int fd = open(NODE, O_RDWR | O_CLOEXEC);

			if (fd < 0 || vm_create(fd, &vm) ||
			    bo_create(fd, 4 * SZ_1M, DRM_DACC_BO_SRAM, &bo) ||
			    vm_map(fd, vm, bo, 0, VA, 4 * SZ_1M, 0) ||
			    queue_create(fd, vm, DRM_DACC_QUEUE_TRANSFER, 16, &q))
				_exit(1);
			for (int i = 0; i < 16; i++)
				j[i] = job_fill(VA, 4 * SZ_1M, i);
			for (;;)
				submit(fd, q, j, 16, NULL);
		}
		ASSERT_GT(pid, 0);
		usleep(20000 + 3000 * round);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	EXPECT_EQ(bystander(), 0);
}

TEST_F(dacc_life, a_bus_error_stops_one_queue)
{
	struct drm_dacc_result r = {};

	ASSERT_EQ(inject_all(DACC_INJECT_DMA_ERROR), 0);
	ASSERT_EQ(run(self->fd, self->q, job_fill(VA, 64, 1), &r), 0);
	EXPECT_LT(r.error, 0);
	EXPECT_EQ(r.status, DACC_STATUS_BUS_ERROR);
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	EXPECT_EQ(bystander(), 0);
}

TEST_F(dacc_life, a_lying_completion_record_is_survived)
{
	struct drm_dacc_job j = job_fill(VA, 64, 1);
	struct drm_dacc_result r = {};
	__u64 seq;

	ASSERT_EQ(inject_all(DACC_INJECT_BAD_COMPLETION), 0);
	ASSERT_EQ(submit(self->fd, self->q, &j, 1, &seq), 0);
	ASSERT_EQ(wait_job(self->fd, self->q, seq, 60, &r), 0);
	EXPECT_LT(r.error, 0);
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	EXPECT_EQ(bystander(), 0);
}

TEST_F(dacc_life, link_errors_cost_time_only)
{
	ASSERT_EQ(inject(DACC_INJECT_LINK_CRC, 3), 0);
	EXPECT_EQ(bystander(), 0);
}

TEST_F(dacc_life, function_level_reset)
{
	struct drm_dacc_device_info before = {}, after = {};
	struct drm_dacc_job j[2] = { job_nop(), job_nop() };
	struct drm_dacc_result r = {};
	struct drm_dacc_queue_info i;
	char bdf[32], path[128];
	__u64 seq;

	ASSERT_EQ(pci_dir(bdf, sizeof(bdf)), 0);
	ASSERT_EQ(query_device(self->fd, &before), 0);
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	ASSERT_EQ(submit(self->fd, self->q, j, 2, &seq), 0);
	let_it_start();
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", bdf);
	ASSERT_EQ(write_file(path, "1"), 0);
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	ASSERT_EQ(wait_job(self->fd, self->q, seq, 30, &r), 0);
	EXPECT_EQ(r.error, -ENODEV);
	ASSERT_EQ(queue_info(self->fd, self->q, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_LOST);
	EXPECT_EQ(submit(self->fd, self->q, j, 1, NULL), -EIO);
	ASSERT_EQ(query_device(self->fd, &after), 0);
	EXPECT_GT(after.generation, before.generation);
	/* The same address space works on, with a new queue. */
	ASSERT_EQ(queue_destroy(self->fd, self->q), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &self->q), 0);
	ASSERT_EQ(run(self->fd, self->q, job_fill(VA, 64, 0x55), &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(self->p[0], 0x55);
	EXPECT_EQ(bystander(), 0);
}

TEST_HARNESS_MAIN
