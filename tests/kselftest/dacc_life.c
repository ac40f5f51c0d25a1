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

/* A program of @steps times @loops additions of @n elements, and its one sequence. */
static struct drm_dacc_job write_program(void *p, uint64_t va, uint32_t steps, uint32_t loops,
					 uint32_t n)
{
	struct drm_dacc_job j = { .type = DRM_DACC_JOB_DECODE };
	struct dacc_insn *insn = p;
	struct dacc_seq *seq = p + 0x1000;
	float *logits = p + 0x7000;
	uint64_t vector = va + SZ_64K;

	memset(p, 0, SZ_64K);
	insn[0].op = DACC_INSN_LOOP;
	insn[0].n0 = loops;
	insn[0].n1 = 1;
	insn[1].op = DACC_INSN_ADD;
	insn[1].dst = vector;
	insn[1].a = vector;
	insn[1].b = vector;
	insn[1].n0 = n;
	insn[2].op = DACC_INSN_SAMPLE;
	insn[2].a = va + 0x7000;
	insn[2].n0 = 4;
	logits[1] = 1;
	seq->max_pos = DACC_MAX_POS;
	seq->stop_token = DACC_NO_TOKEN;
	j.decode.program = va;
	j.decode.seqs = va + 0x1000;
	j.decode.out = va + 0x2000;
	j.decode.n_insns = 3;
	j.decode.batch = 1;
	j.decode.max_tokens = steps;
	return j;
}

TEST_F(dacc_life, endless_progress_ends_and_others_run)
{
	uint32_t vm2, bo2, q, q2, n = SZ_1M / 2 / sizeof(float);
	int other = open(NODE, O_RDWR | O_CLOEXEC);
	struct drm_dacc_job endless, short_job;
	struct drm_dacc_result r = {};
	struct drm_dacc_queue_info i;
	unsigned int limit;
	__u64 seq, seq2;
	int64_t start;
	void *p2;

	ASSERT_GE(other, 0);
	ASSERT_EQ(get_parameter("job_limit_ms", &limit), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_DECODE, 16, &q), 0);
	ASSERT_EQ(vm_create(other, &vm2), 0);
	ASSERT_EQ(bo_create(other, SZ_1M, DRM_DACC_BO_HOST, &bo2), 0);
	ASSERT_EQ(vm_map(other, vm2, bo2, 0, VA, SZ_1M, 0), 0);
	ASSERT_EQ(queue_create(other, vm2, DRM_DACC_QUEUE_DECODE, 16, &q2), 0);
	p2 = bo_map(other, bo2, SZ_1M);
	ASSERT_NE(p2, NULL);

	/* Long steps, many of them: hours, but each instruction is progress. */
	endless = write_program(self->p, VA, DACC_MAX_TOKENS, 1 << 16, n);
	short_job = write_program(p2, VA, 1, 1, 16);
	/* Started under the usual limit; the new one counts for it all the same. */
	start = now_ns();
	ASSERT_EQ(submit(self->fd, q, &endless, 1, &seq), 0);
	let_it_start();
	ASSERT_EQ(submit(other, q2, &short_job, 1, &seq2), 0);
	EXPECT_EQ(wait_job(self->fd, q, seq, 1, NULL), -ETIME);
	EXPECT_EQ(wait_job(other, q2, seq2, 0, NULL), -ETIME);
	EXPECT_EQ(set_parameter("job_limit_ms", 3000), 0);
	EXPECT_EQ(wait_job(self->fd, q, seq, 40, &r), 0);
	EXPECT_EQ(r.error, -ETIME);
	EXPECT_GE(now_ns() - start, 2500 * (NSEC / 1000));
	EXPECT_EQ(set_parameter("job_limit_ms", limit), 0);
	ASSERT_EQ(queue_info(self->fd, q, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_HUNG);

	ASSERT_EQ(wait_job(other, q2, seq2, 30, &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(r.bytes, 1);
	munmap(p2, SZ_1M);
	close(other);
}

TEST_F(dacc_life, a_timeout_that_is_set_while_a_job_hangs)
{
	struct drm_dacc_job j = job_nop();
	struct drm_dacc_result r = {};
	unsigned int timeout;
	__u64 seq;
	int ret;

	ASSERT_EQ(get_parameter("job_timeout_ms", &timeout), 0);
	ASSERT_EQ(set_parameter("job_timeout_ms", 0), 0);
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	ASSERT_EQ(submit(self->fd, self->q, &j, 1, &seq), 0);
	let_it_start();
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	EXPECT_EQ(wait_job(self->fd, self->q, seq, 3, NULL), -ETIME);
	ASSERT_EQ(set_parameter("job_timeout_ms", 500), 0);
	ret = wait_job(self->fd, self->q, seq, 10, &r);
	ASSERT_EQ(set_parameter("job_timeout_ms", timeout), 0);
	EXPECT_EQ(ret, 0);
	EXPECT_EQ(r.error, -ETIME);
}

TEST_F(dacc_life, a_fault_that_ends_with_its_queue_keeps_its_address)
{
	struct drm_dacc_job j = job_fill(0x900000000ull, 64, 1);
	struct drm_dacc_queue_info i;
	struct drm_dacc_result r = {};
	__u64 seq;

	ASSERT_EQ(submit(self->fd, self->q, &j, 1, &seq), 0);
	ASSERT_EQ(wait_job(self->fd, self->q, seq, 30, &r), 0);
	EXPECT_EQ(r.error, -EFAULT);
	ASSERT_EQ(queue_info(self->fd, self->q, &i), 0);
	EXPECT_EQ(i.fault, DACC_STATUS_UNMAPPED);
	EXPECT_EQ(i.fault_addr, 0x900000000ull);
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
	EXPECT_EQ(r.error, -EIO);
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	EXPECT_EQ(bystander(), 0);
}

TEST_F(dacc_life, link_errors_cost_time_only)
{
	ASSERT_EQ(inject(DACC_INJECT_LINK_CRC, 3), 0);
	EXPECT_EQ(bystander(), 0);
}

TEST_F(dacc_life, sram_is_zero_whatever_is_reset)
{
	char bdf[32], path[128];
	int status = 0;
	pid_t pid;

	ASSERT_EQ(pci_dir(bdf, sizeof(bdf)), 0);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", bdf);
	pid = fork();
	if (!pid) {
		for (int i = 0; i < 5; i++)
			if (write_file(path, "1"))
				_exit(1);
		_exit(0);
	}
	ASSERT_GT(pid, 0);
	while (!waitpid(pid, &status, WNOHANG)) {
		uint32_t handle, *p;
		int ret = bo_create(self->fd, SZ_1M, DRM_DACC_BO_SRAM, &handle);

		/* A reset is under way: nothing is handed out. */
		if (ret == -EIO)
			continue;
		ASSERT_EQ(ret, 0);
		p = bo_map(self->fd, handle, SZ_1M);
		ASSERT_NE(p, NULL);
		for (uint32_t i = 0; i < SZ_1M / sizeof(*p); i += 1024) {
			/* Ones: it may not be read just now. */
			ASSERT_TRUE(!p[i] || p[i] == ~0u);
			p[i] = 0x5ec2e7;
		}
		munmap(p, SZ_1M);
		drmCloseBufferHandle(self->fd, handle);
	}
	EXPECT_TRUE(WIFEXITED(status) && !WEXITSTATUS(status));
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
	/* The job that hung ran again, and the reset had disarmed the fault. */
	EXPECT_EQ(r.error, 0);
	ASSERT_EQ(queue_info(self->fd, self->q, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_OK);
	EXPECT_EQ(i.completed, 2);
	ASSERT_EQ(query_device(self->fd, &after), 0);
	EXPECT_GT(after.generation, before.generation);
	ASSERT_EQ(run(self->fd, self->q, job_fill(VA, 64, 0x55), &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(self->p[0], 0x55);
	EXPECT_EQ(bystander(), 0);
}

TEST_HARNESS_MAIN
