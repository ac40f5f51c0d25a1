// SPDX-License-Identifier: GPL-2.0
/* User queues: create, doorbell, WAIT, what goes wrong, and whom it harms. */
#include <pthread.h>

#include "dacc_life.h"
#include "dacc_uq.h"

#define UNMAPPED 0x900000000ull

FIXTURE(dacc_userq)
{
	int fd, other;
	uint32_t vm, bo;
	uint32_t *p;
	struct uq q;
};

FIXTURE_SETUP(dacc_userq)
{
	self->fd = open(NODE, O_RDWR | O_CLOEXEC);
	self->other = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	ASSERT_GE(self->other, 0);
	ASSERT_EQ(vm_create(self->fd, &self->vm), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_HOST, &self->bo), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->bo, 0, VA, SZ_1M, 0), 0);
	self->p = bo_map(self->fd, self->bo, SZ_1M);
	ASSERT_NE(self->p, NULL);
	ASSERT_EQ(uq_create(&self->q, self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 0), 0);
}

FIXTURE_TEARDOWN(dacc_userq)
{
	munmap(self->p, SZ_1M);
	close(self->fd);
	close(self->other);
}

static struct drm_dacc_queue_create good_create(uint32_t vm)
{
	return (struct drm_dacc_queue_create){
		.vm = vm,
		.queue_class = DRM_DACC_QUEUE_TRANSFER,
		.depth = 16,
		.flags = DRM_DACC_QUEUE_USER,
		.ring = VA,
		.completion = VA + SZ_64K,
	};
}

static int create(int fd, struct drm_dacc_queue_create c)
{
	int ret = xioctl(fd, DRM_IOCTL_DACC_QUEUE_CREATE, &c);

	if (!ret)
		queue_destroy(fd, c.queue);
	return ret;
}

TEST_F(dacc_userq, create_checks_every_field)
{
	struct drm_dacc_queue_create good = good_create(self->vm), c;

	EXPECT_EQ(create(self->fd, good), 0);
	c = good;
	c.flags |= 2;
	EXPECT_EQ(create(self->fd, c), -EINVAL);
	c = good;
	c.pad = 1;
	EXPECT_EQ(create(self->fd, c), -EINVAL);
	c = good;
	c.queue_class = 2;
	EXPECT_EQ(create(self->fd, c), -EINVAL);
	c = good;
	c.depth = 24;
	EXPECT_EQ(create(self->fd, c), -EINVAL);
	c = good;
	c.depth = 8192;
	EXPECT_EQ(create(self->fd, c), -EINVAL);
	c = good;
	c.vm += 50;
	EXPECT_EQ(create(self->fd, c), -ENOENT);
	EXPECT_EQ(create(self->other, good), -ENOENT);
}

TEST_F(dacc_userq, create_checks_addresses)
{
	struct drm_dacc_queue_create good = good_create(self->vm), c;

	c = good;
	c.ring = 0;
	EXPECT_EQ(create(self->fd, c), -EINVAL);
	c = good;
	c.completion = 0;
	EXPECT_EQ(create(self->fd, c), -EINVAL);
	c = good;
	c.ring += 32;
	EXPECT_EQ(create(self->fd, c), -EINVAL);
	c = good;
	c.completion += 8;
	EXPECT_EQ(create(self->fd, c), -EINVAL);
	c = good;
	c.ring = UNMAPPED;
	EXPECT_EQ(create(self->fd, c), -EFAULT);
	c = good;
	c.completion = UNMAPPED;
	EXPECT_EQ(create(self->fd, c), -EFAULT);
	/* The last descriptors, or records, are past the mapping's end. */
	c = good;
	c.ring = VA + SZ_1M - 64;
	EXPECT_EQ(create(self->fd, c), -EFAULT);
	c = good;
	c.completion = VA + SZ_1M - 16 * 64;
	EXPECT_EQ(create(self->fd, c), -EFAULT);
	c = good;
	c.ring = -64ull;
	EXPECT_EQ(create(self->fd, c), -EFAULT);
	/* Nor is there anything in the first page, whose place in the VM is taken. */
	c = good;
	c.ring = 64;
	EXPECT_EQ(create(self->fd, c), -EFAULT);
	c = good;
	c.completion = 64;
	EXPECT_EQ(create(self->fd, c), -EFAULT);
	/* Addresses are for user queues only. */
	c = good;
	c.flags = 0;
	EXPECT_EQ(create(self->fd, c), -EINVAL);
	c.completion = 0;
	EXPECT_EQ(create(self->fd, c), -EINVAL);
}

TEST_F(dacc_userq, create_in_readonly_memory)
{
	struct drm_dacc_queue_create c = good_create(self->vm);

	ASSERT_EQ(vm_map(self->fd, self->vm, self->bo, 0, VA + SZ_1M, SZ_1M, DRM_DACC_VM_READONLY),
		  0);
	c.completion = VA + SZ_1M;
	EXPECT_EQ(create(self->fd, c), -EFAULT);
	/* The chip only reads the ring. */
	c = good_create(self->vm);
	c.ring = VA + SZ_1M;
	EXPECT_EQ(create(self->fd, c), 0);
}

TEST_F(dacc_userq, polling)
{
	struct dacc_desc d = desc_fill(VA, 4096, 0x1234);

	d.cookie = 77;
	EXPECT_EQ(uq_push(&self->q, d), 1);
	ASSERT_EQ(uq_poll(&self->q, 1, UQ_SECONDS), 0);
	EXPECT_EQ(self->p[0], 0x1234);
	EXPECT_EQ(self->p[1023], 0x1234);
	EXPECT_EQ(self->p[1024], 0);
	EXPECT_EQ(self->q.cpl[0].seq, 1);
	EXPECT_EQ(self->q.cpl[0].status, DACC_STATUS_OK);
	EXPECT_EQ(self->q.cpl[0].cookie, 77);
	EXPECT_EQ(self->q.cpl[0].bytes, 4096);
	EXPECT_EQ(self->q.head->fault, 0);
	EXPECT_EQ(self->q.doorbell[DACC_DOORBELL_STATE / 4], DACC_QUEUE_ACTIVE);
}

TEST_F(dacc_userq, the_ring_goes_round)
{
	for (uint64_t i = 1; i <= 200; i++) {
		uq_put(&self->q, desc_fill(VA + 4 * i, 4, (uint32_t)i));
		if (i % 7 == 0 || i == 200) {
			uq_ring(&self->q);
			ASSERT_EQ(uq_poll(&self->q, i, UQ_SECONDS), 0);
		}
	}
	for (uint32_t i = 1; i <= 200; i++)
		ASSERT_EQ(self->p[i], i);
}

TEST_F(dacc_userq, info)
{
	struct drm_dacc_queue_info i;

	ASSERT_EQ(queue_info(self->fd, self->q.id, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_OK);
	EXPECT_EQ(i.submitted, 0);
	uq_push(&self->q, desc_nop());
	uq_push(&self->q, desc_nop());
	ASSERT_EQ(uq_poll(&self->q, 2, UQ_SECONDS), 0);
	ASSERT_EQ(queue_info(self->fd, self->q.id, &i), 0);
	EXPECT_EQ(i.submitted, 2);
	EXPECT_EQ(i.completed, 2);
	EXPECT_EQ(queue_info(self->other, self->q.id, &i), -ENOENT);
}

TEST_F(dacc_userq, submit_is_not_for_user_queues)
{
	struct drm_dacc_job j = job_nop();

	EXPECT_EQ(submit(self->fd, self->q.id, &j, 1, NULL), -EOPNOTSUPP);
}

TEST_F(dacc_userq, wait_bad_arguments)
{
	struct drm_dacc_result r;

	EXPECT_EQ(uq_wait(&self->q, 0, 1), -EINVAL);
	uq_push(&self->q, desc_nop());
	EXPECT_EQ(wait_job(self->fd, self->q.id, 1, UQ_SECONDS, &r), -EINVAL);
	EXPECT_EQ(wait_job(self->other, self->q.id, 1, 1, NULL), -ENOENT);
	EXPECT_EQ(uq_wait(&self->q, 1, UQ_SECONDS), 0);
}

TEST_F(dacc_userq, wait_times_out)
{
	int64_t start = now_ns();
	struct drm_dacc_wait w = { .queue = self->q.id, .seq = 1 };

	EXPECT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_WAIT, &w), -ETIME);
	EXPECT_EQ(uq_wait(&self->q, 1, 1), -ETIME);
	EXPECT_GE(now_ns() - start, NSEC);
	/* And does not disturb whoever comes next. */
	uq_push(&self->q, desc_nop());
	EXPECT_EQ(uq_wait(&self->q, 1, UQ_SECONDS), 0);
}

struct sleeper {
	pthread_t thread;
	struct uq *q;
	uint64_t seq;
	int ret;
	bool up;
};

static void *sleep_for(void *arg)
{
	struct sleeper *s = arg;

	s->ret = uq_wait(s->q, s->seq, UQ_SECONDS);
	__atomic_store_n(&s->up, true, __ATOMIC_RELEASE);
	return NULL;
}

TEST_F(dacc_userq, wait_sleeps_until_it_is_announced_and_done)
{
	struct sleeper s = { .q = &self->q, .seq = 1 };

	ASSERT_EQ(pthread_create(&s.thread, NULL, sleep_for, &s), 0);
	let_it_start();
	EXPECT_FALSE(__atomic_load_n(&s.up, __ATOMIC_ACQUIRE));
	uq_push(&self->q, desc_fill(VA, 4, 5));
	ASSERT_EQ(pthread_join(s.thread, NULL), 0);
	EXPECT_EQ(s.ret, 0);
	EXPECT_EQ(self->p[0], 5);
}

#define SLEEPERS 8

TEST_F(dacc_userq, each_sleeper_wakes_when_its_own_is_done)
{
	struct sleeper s[SLEEPERS];

	/* Numbers 8 to 1, so that a later one comes to sleep before an earlier. */
	for (int i = 0; i < SLEEPERS; i++) {
		s[i] = (struct sleeper){ .q = &self->q, .seq = SLEEPERS - i };
		ASSERT_EQ(pthread_create(&s[i].thread, NULL, sleep_for, &s[i]), 0);
	}
	let_it_start();
	for (uint64_t seq = 1; seq <= SLEEPERS; seq++) {
		uq_push(&self->q, desc_nop());
		ASSERT_EQ(pthread_join(s[SLEEPERS - seq].thread, NULL), 0);
		EXPECT_EQ(s[SLEEPERS - seq].ret, 0);
		for (uint64_t later = seq + 1; later <= SLEEPERS; later++)
			EXPECT_FALSE(__atomic_load_n(&s[SLEEPERS - later].up, __ATOMIC_ACQUIRE));
	}
}

TEST_F(dacc_userq, two_queues_do_not_wake_each_other)
{
	struct sleeper s = { .q = &self->q, .seq = 1 };
	struct uq b;

	ASSERT_EQ(uq_create(&b, self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 1), 0);
	ASSERT_EQ(pthread_create(&s.thread, NULL, sleep_for, &s), 0);
	let_it_start();
	for (int i = 1; i <= 20; i++) {
		uq_push(&b, desc_nop());
		ASSERT_EQ(uq_wait(&b, i, UQ_SECONDS), 0);
	}
	EXPECT_FALSE(__atomic_load_n(&s.up, __ATOMIC_ACQUIRE));
	uq_push(&self->q, desc_nop());
	ASSERT_EQ(pthread_join(s.thread, NULL), 0);
	EXPECT_EQ(s.ret, 0);
}

static void on_signal(int sig)
{
}

TEST_F(dacc_userq, a_signal_interrupts_a_wait)
{
	struct drm_dacc_wait w = { .queue = self->q.id, .seq = 1 };
	struct sigaction sa = { .sa_handler = on_signal };

	ASSERT_EQ(sigaction(SIGALRM, &sa, NULL), 0);
	w.timeout_ns = now_ns() + UQ_SECONDS * NSEC;
	alarm(1);
	EXPECT_EQ(ioctl(self->fd, DRM_IOCTL_DACC_WAIT, &w), -1);
	EXPECT_EQ(errno, EINTR);
}

TEST_F(dacc_userq, destroying_wakes_a_sleeper)
{
	struct sleeper s = { .q = &self->q, .seq = 1 };

	ASSERT_EQ(pthread_create(&s.thread, NULL, sleep_for, &s), 0);
	let_it_start();
	EXPECT_EQ(queue_destroy(self->fd, self->q.id), 0);
	ASSERT_EQ(pthread_join(s.thread, NULL), 0);
	EXPECT_EQ(s.ret, -EIO);
}

/* --- the doorbell's mapping --- */

TEST_F(dacc_userq, doorbell_mmap_bad_arguments)
{
	off_t at = (off_t)self->q.offset;
	const int rw = PROT_READ | PROT_WRITE;

	EXPECT_EQ(mmap(NULL, SZ_4K, rw, MAP_PRIVATE, self->fd, at), MAP_FAILED);
	EXPECT_EQ(mmap(NULL, 2 * SZ_4K, rw, MAP_SHARED, self->fd, at), MAP_FAILED);
	EXPECT_EQ(mmap(NULL, SZ_4K, rw | PROT_EXEC, MAP_SHARED, self->fd, at), MAP_FAILED);
	EXPECT_EQ(mmap(NULL, SZ_4K, rw, MAP_SHARED, self->fd, at + SZ_4K), MAP_FAILED);
	EXPECT_EQ(mmap(NULL, SZ_4K, rw, MAP_SHARED, self->fd, at + (1ll << 36)), MAP_FAILED);
	EXPECT_EQ(mmap(NULL, SZ_4K, rw, MAP_SHARED, self->fd, at & (1ll << 43)), MAP_FAILED);
}

/* The offset of mmap2(), in pages, has 32 bits. */
TEST_F(dacc_userq, doorbell_of_a_32_bit_process)
{
	EXPECT_LT(self->q.offset, 1ull << 44);
}

TEST_F(dacc_userq, another_file_cannot_map_it)
{
	EXPECT_EQ(mmap(NULL, SZ_4K, PROT_READ | PROT_WRITE, MAP_SHARED, self->other,
		       (off_t)self->q.offset),
		  MAP_FAILED);
}

TEST_F(dacc_userq, a_submit_queue_has_no_doorbell)
{
	struct drm_dacc_queue_create c = {
		.vm = self->vm,
		.queue_class = DRM_DACC_QUEUE_TRANSFER,
		.depth = 16,
	};

	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUEUE_CREATE, &c), 0);
	EXPECT_EQ(c.doorbell_offset, 0);
	for (uint64_t hwq = 0; hwq < DACC_MAX_QUEUES; hwq++)
		EXPECT_EQ(mmap(NULL, SZ_4K, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd,
			       (off_t)(1ull << 43 | hwq << 36 | (uint64_t)c.queue << 12)),
			  MAP_FAILED);
}

TEST_F(dacc_userq, munmap_and_map_again)
{
	uq_push(&self->q, desc_nop());
	ASSERT_EQ(munmap((void *)self->q.doorbell, SZ_4K), 0);
	ASSERT_EQ(uq_mmap(&self->q), 0);
	uq_push(&self->q, desc_fill(VA, 4, 6));
	ASSERT_EQ(uq_poll(&self->q, 2, UQ_SECONDS), 0);
	EXPECT_EQ(self->p[0], 6);
}

TEST_F(dacc_userq, the_mapping_outlives_the_queue)
{
	volatile uint32_t *page = self->q.doorbell;
	struct uq b;

	uq_push(&self->q, desc_nop());
	ASSERT_EQ(uq_poll(&self->q, 1, UQ_SECONDS), 0);
	ASSERT_EQ(queue_destroy(self->fd, self->q.id), 0);
	EXPECT_EQ(page[DACC_DOORBELL_STATE / 4], 0);
	EXPECT_EQ(mmap(NULL, SZ_4K, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd,
		       (off_t)self->q.offset),
		  MAP_FAILED);
	/* Most likely the same hardware queue. */
	ASSERT_EQ(uq_create(&b, self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 1), 0);
	page[0] = 9;
	uq_push(&b, desc_nop());
	ASSERT_EQ(uq_poll(&b, 1, UQ_SECONDS), 0);
	EXPECT_EQ(b.head->fault, 0);
	EXPECT_EQ(page[DACC_DOORBELL_STATE / 4], 0);
}

TEST_F(dacc_userq, a_child_does_not_inherit_it)
{
	int status;
	pid_t pid;

	uq_push(&self->q, desc_nop());
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		self->q.doorbell[0] = 5;
		_exit(0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGSEGV);
	uq_push(&self->q, desc_nop());
	EXPECT_EQ(uq_poll(&self->q, 2, UQ_SECONDS), 0);
}

/* --- what goes wrong --- */

/* The queue has been reset; its client sees that, and nobody else anything. */
static void check_stopped(struct __test_metadata *_metadata, struct uq *q, uint32_t state)
{
	struct drm_dacc_queue_info i;

	EXPECT_EQ(uq_wait(q, q->produced + 1, UQ_SECONDS), -EIO);
	/* The doorbell page is taken away just after the sleepers are woken. */
	for (int n = 0; n < 100 && q->doorbell[DACC_DOORBELL_STATE / 4]; n++)
		usleep(50000);
	EXPECT_EQ(q->doorbell[DACC_DOORBELL_STATE / 4], 0);
	ASSERT_EQ(queue_info(q->fd, q->id, &i), 0);
	EXPECT_EQ(i.state, state);
	q->doorbell[0] = (uint32_t)q->produced + 1;
	EXPECT_EQ(q->doorbell[DACC_DOORBELL_STATE / 4], 0);
	EXPECT_EQ(bystander(), 0);
}

TEST_F(dacc_userq, fault)
{
	struct drm_dacc_queue_info i;

	uq_put(&self->q, desc_fill(VA, 4, 1));
	uq_put(&self->q, desc_fill(UNMAPPED, 4, 2));
	uq_put(&self->q, desc_fill(VA + 4, 4, 3));
	uq_ring(&self->q);
	EXPECT_EQ(uq_wait(&self->q, 2, UQ_SECONDS), 0);
	EXPECT_EQ(uq_wait(&self->q, 3, UQ_SECONDS), -EIO);
	EXPECT_EQ(uq_completed(&self->q), 2);
	EXPECT_EQ(self->q.head->fault, DACC_STATUS_UNMAPPED);
	EXPECT_EQ(self->q.cpl[1].status, DACC_STATUS_UNMAPPED);
	EXPECT_EQ(self->p[0], 1);
	EXPECT_EQ(self->p[1], 0);
	check_stopped(_metadata, &self->q, DRM_DACC_QUEUE_FAULTED);
	ASSERT_EQ(queue_info(self->fd, self->q.id, &i), 0);
	EXPECT_EQ(i.fault, DACC_STATUS_UNMAPPED);
	EXPECT_EQ(i.fault_addr, UNMAPPED);
	EXPECT_EQ(i.completed, 2);
	EXPECT_EQ(i.submitted, 3);
}

TEST_F(dacc_userq, an_error_with_continue_stops_nothing)
{
	struct dacc_desc d = desc_fill(UNMAPPED, 4, 2);

	d.flags = DACC_DESC_CONTINUE;
	uq_put(&self->q, d);
	uq_push(&self->q, desc_fill(VA, 4, 3));
	EXPECT_EQ(uq_wait(&self->q, 2, UQ_SECONDS), 0);
	EXPECT_EQ(self->q.cpl[0].status, DACC_STATUS_UNMAPPED);
	EXPECT_EQ(self->p[0], 3);
}

TEST_F(dacc_userq, hang)
{
	unsigned int before;

	ASSERT_EQ(get_parameter("job_timeout_ms", &before), 0);
	ASSERT_EQ(set_parameter("job_timeout_ms", 1000), 0);
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	uq_push(&self->q, desc_fill(VA, 4, 1));
	let_it_start();
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	EXPECT_EQ(uq_wait(&self->q, 1, UQ_SECONDS), -EIO);
	check_stopped(_metadata, &self->q, DRM_DACC_QUEUE_HUNG);
	EXPECT_EQ(uq_completed(&self->q), 0);
	ASSERT_EQ(set_parameter("job_timeout_ms", before), 0);
}

/* The watchdog looks once a second; the job has a minute. */
TEST_F(dacc_userq, the_first_job_has_all_its_time)
{
	struct drm_dacc_queue_info i;
	unsigned int before;

	ASSERT_EQ(get_parameter("job_timeout_ms", &before), 0);
	ASSERT_EQ(set_parameter("job_timeout_ms", 60000), 0);
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	uq_push(&self->q, desc_nop());
	sleep(3);
	EXPECT_EQ(queue_info(self->fd, self->q.id, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_OK);
	EXPECT_EQ(queue_destroy(self->fd, self->q.id), 0);
	EXPECT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	ASSERT_EQ(set_parameter("job_timeout_ms", before), 0);
}

TEST_F(dacc_userq, an_idle_queue_does_not_hang)
{
	unsigned int before;

	ASSERT_EQ(get_parameter("job_timeout_ms", &before), 0);
	ASSERT_EQ(set_parameter("job_timeout_ms", 300), 0);
	sleep(2);
	uq_push(&self->q, desc_nop());
	EXPECT_EQ(uq_wait(&self->q, 1, UQ_SECONDS), 0);
	ASSERT_EQ(set_parameter("job_timeout_ms", before), 0);
}

TEST_F(dacc_userq, a_doorbell_out_of_range)
{
	struct drm_dacc_queue_info i;

	self->q.produced = UQ_DEPTH + 1;
	uq_ring(&self->q);
	check_stopped(_metadata, &self->q, DRM_DACC_QUEUE_FAULTED);
	EXPECT_EQ(self->q.head->fault, DACC_STATUS_BAD_DOORBELL);
	ASSERT_EQ(queue_info(self->fd, self->q.id, &i), 0);
	EXPECT_EQ(i.fault, DACC_STATUS_BAD_DOORBELL);
	EXPECT_EQ(i.completed, 0);
}

TEST_F(dacc_userq, the_ring_is_unmapped_under_way)
{
	struct drm_dacc_queue_info i;

	uq_push(&self->q, desc_nop());
	ASSERT_EQ(uq_wait(&self->q, 1, UQ_SECONDS), 0);
	ASSERT_EQ(vm_unmap(self->fd, self->vm, self->q.va, UQ_BYTES), 0);
	uq_push(&self->q, desc_nop());
	check_stopped(_metadata, &self->q, DRM_DACC_QUEUE_FAULTED);
	ASSERT_EQ(queue_info(self->fd, self->q.id, &i), 0);
	EXPECT_EQ(i.fault, DACC_STATUS_UNMAPPED);
	EXPECT_EQ(i.completed, 1);
}

TEST_F(dacc_userq, completions_that_cannot_be_written)
{
	struct drm_dacc_queue_create c = good_create(self->vm);
	struct uq q = { .fd = self->fd, .depth = 16 };

	/* A completion area of its own, unmapped after creation. */
	ASSERT_EQ(bo_create(self->fd, SZ_64K, DRM_DACC_BO_HOST, &q.bo), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, q.bo, 0, VA + SZ_1M, SZ_64K, 0), 0);
	c.completion = VA + SZ_1M;
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUEUE_CREATE, &c), 0);
	q.id = c.queue;
	q.offset = c.doorbell_offset;
	ASSERT_EQ(uq_mmap(&q), 0);
	q.ring = (void *)self->p;
	ASSERT_EQ(vm_unmap(self->fd, self->vm, VA + SZ_1M, SZ_64K), 0);
	uq_push(&q, desc_nop());
	check_stopped(_metadata, &q, DRM_DACC_QUEUE_FAULTED);
}

TEST_F(dacc_userq, goes_on_after_a_device_reset)
{
	struct sleeper s = { .q = &self->q, .seq = 3 };
	struct drm_dacc_queue_info i;

	uq_push(&self->q, desc_nop());
	ASSERT_EQ(uq_wait(&self->q, 1, UQ_SECONDS), 0);
	ASSERT_EQ(pthread_create(&s.thread, NULL, sleep_for, &s), 0);
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	uq_push(&self->q, desc_fill(VA, 4, 1));
	let_it_start();
	EXPECT_EQ(uq_completed(&self->q), 1);
	ASSERT_EQ(reset_function(), 0);
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	/* The job that hung runs again; the same mapping takes the next. */
	EXPECT_EQ(uq_poll(&self->q, 2, UQ_SECONDS), 0);
	EXPECT_EQ(self->p[0], 1);
	EXPECT_EQ(self->q.doorbell[DACC_DOORBELL_STATE / 4], DACC_QUEUE_ACTIVE);
	EXPECT_FALSE(__atomic_load_n(&s.up, __ATOMIC_ACQUIRE));
	uq_push(&self->q, desc_fill(VA + 4, 4, 2));
	ASSERT_EQ(pthread_join(s.thread, NULL), 0);
	EXPECT_EQ(s.ret, 0);
	EXPECT_EQ(self->p[1], 2);
	ASSERT_EQ(queue_info(self->fd, self->q.id, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_OK);
	EXPECT_EQ(i.completed, 3);
}

/*
 * While nobody knows how far the device has come, only a queue that has nothing to do
 * can be taken over the reset.
 */
TEST_F(dacc_userq, a_busy_one_is_lost_if_the_device_does_not_stop)
{
	struct drm_dacc_queue_info i = {};
	struct uq guilty, idle;
	unsigned int timeout;

	ASSERT_EQ(uq_create(&guilty, self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 1), 0);
	ASSERT_EQ(uq_create(&idle, self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 2), 0);
	uq_push(&idle, desc_fill(VA, 4, 1));
	ASSERT_EQ(uq_poll(&idle, 1, UQ_SECONDS), 0);
	self->p[0] = 2;
	/* What hangs does so until the reset, however slow the machine. */
	ASSERT_EQ(get_parameter("job_timeout_ms", &timeout), 0);
	ASSERT_EQ(set_parameter("job_timeout_ms", 0), 0);
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	uq_push(&guilty, desc_nop());
	uq_push(&self->q, desc_nop());
	let_it_start();
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	set_knob("fail_queue_resets", 1);
	set_knob("fail_device_resets", 1);
	ASSERT_EQ(queue_destroy(self->fd, guilty.id), 0);
	EXPECT_EQ(uq_wait(&self->q, 1, UQ_SECONDS), -EIO);
	set_parameter("job_timeout_ms", timeout);
	ASSERT_EQ(queue_info(self->fd, self->q.id, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_LOST);
	uq_push(&idle, desc_fill(VA + 4, 4, 3));
	EXPECT_EQ(uq_wait(&idle, 2, UQ_SECONDS), 0);
	EXPECT_EQ(self->p[0], 2);
	EXPECT_EQ(self->p[1], 3);
	set_knob("fail_queue_resets", 0);
	set_knob("fail_device_resets", 0);
}

struct producer {
	struct uq *q;
	uint32_t *words;
	bool stop;
	int ret;
	uint64_t done;
};

static void *produce(void *arg)
{
	struct producer *p = arg;

	while (!p->ret && !__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE)) {
		uint64_t seq = uq_push(p->q, desc_nop());

		p->ret = uq_wait(p->q, seq, UQ_SECONDS);
		p->done += !p->ret;
	}
	return NULL;
}

/* A doorbell that went nowhere would leave its client asleep. */
TEST_F(dacc_userq, no_doorbell_is_lost_in_device_resets)
{
	struct producer p = { .q = &self->q };
	pthread_t thread;

	ASSERT_EQ(pthread_create(&thread, NULL, produce, &p), 0);
	for (int i = 0; i < 20; i++) {
		usleep(10000);
		ASSERT_EQ(reset_function(), 0);
	}
	usleep(10000);
	__atomic_store_n(&p.stop, true, __ATOMIC_RELEASE);
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	EXPECT_EQ(p.ret, 0);
	EXPECT_GT(p.done, 20);
}

/* Copies word 0 to word 1, and spoils the copy once the job has completed. */
static void *copy_and_spoil(void *arg)
{
	struct producer *p = arg;
	volatile uint32_t *words = p->words;

	for (uint32_t n = 1; !p->ret && !__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE); n++) {
		uint64_t seq;

		words[0] = n;
		seq = uq_push(p->q, desc_copy(VA + 4, VA, 4));
		p->ret = uq_poll(p->q, seq, UQ_SECONDS);
		if (!p->ret && words[1] != n)
			p->ret = -EBADMSG;
		words[1] = ~n;
		/* Long enough to be hit by a reset now and then. */
		for (int i = 0; i < 2000 && !p->ret; i++)
			if (words[1] != ~n)
				p->ret = -EEXIST;
		p->done++;
	}
	return NULL;
}

TEST_F(dacc_userq, what_has_completed_does_not_run_again)
{
	struct producer p = { .q = &self->q, .words = self->p };
	pthread_t thread;

	ASSERT_EQ(pthread_create(&thread, NULL, copy_and_spoil, &p), 0);
	for (int i = 0; i < 30; i++) {
		usleep(3000 + 700 * i % 5000);
		ASSERT_EQ(reset_function(), 0);
	}
	__atomic_store_n(&p.stop, true, __ATOMIC_RELEASE);
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	EXPECT_EQ(p.ret, 0);
	EXPECT_GT(p.done, 30);
}

/* What a client writes into what is his must not harm anybody but himself. */
TEST_F(dacc_userq, scribbling)
{
	uint32_t random = 1;

	for (int round = 0; round < 8; round++) {
		struct uq q;

		ASSERT_EQ(uq_create(&q, self->fd, self->vm, round & 1, 1), 0);
		for (unsigned int i = 0; i < UQ_BYTES / 4; i++) {
			random = random * 1664525 + 1013904223;
			((uint32_t *)q.ring)[i] = random >> (round & 3);
		}
		/* Opcodes that exist, so that some get further than the first check. */
		for (unsigned int i = 0; round >= 4 && i < UQ_DEPTH; i++) {
			q.ring[i].opcode %= 5;
			q.ring[i].flags &= DACC_DESC_FLAGS;
			q.ring[i].reserved = 0;
			q.ring[i].not_before = 0;
		}
		q.doorbell[0] = 3 + round;
		q.doorbell[1] = random;
		q.doorbell[17] = random;
		usleep(20000);
		memset(q.head, 0xff, UQ_BYTES - UQ_CPL);
		q.doorbell[0] = random;
		q.doorbell[0] = 1;
		EXPECT_EQ(bystander(), 0);
		EXPECT_EQ(queue_destroy(self->fd, q.id), 0);
		EXPECT_EQ(vm_unmap(self->fd, self->vm, q.va, UQ_BYTES), 0);
		munmap((void *)q.doorbell, SZ_4K);
		munmap(q.ring, UQ_BYTES);
	}
	uq_push(&self->q, desc_fill(VA, 4, 8));
	EXPECT_EQ(uq_poll(&self->q, 1, UQ_SECONDS), 0);
	EXPECT_EQ(self->p[0], 8);
}

/* --- accounts --- */

TEST_F(dacc_userq, memory_is_pinned_while_there_is_one)
{
	uint32_t sram, flags;
	uint64_t size;
	struct uq b;

	ASSERT_EQ(bo_create(self->fd, SZ_64K, DRM_DACC_BO_SRAM, &sram), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, sram, 0, VA + SZ_1M, SZ_64K, 0), 0);
	ASSERT_EQ(bo_info(self->fd, sram, &flags, &size), 0);
	EXPECT_TRUE(flags & DRM_DACC_BO_PINNED);
	ASSERT_EQ(uq_create(&b, self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 1), 0);
	ASSERT_EQ(queue_destroy(self->fd, self->q.id), 0);
	ASSERT_EQ(bo_info(self->fd, sram, &flags, &size), 0);
	EXPECT_TRUE(flags & DRM_DACC_BO_PINNED);
	/* A doorbell that is still mapped keeps nothing pinned. */
	ASSERT_EQ(queue_destroy(self->fd, b.id), 0);
	ASSERT_EQ(bo_info(self->fd, sram, &flags, &size), 0);
	EXPECT_FALSE(flags & DRM_DACC_BO_PINNED);
}

/* In a process without privileges: the exit status of queue number @n. */
static int unprivileged_queues(int limit)
{
	struct drm_dacc_queue_create c;
	uint32_t vm, bo;
	int fd = open_node(), n = 0, ret = 0;

	if (fd < 0 || vm_create(fd, &vm) || bo_create(fd, SZ_1M, DRM_DACC_BO_HOST, &bo) ||
	    vm_map(fd, vm, bo, 0, VA, SZ_1M, 0))
		return 100;
	c = good_create(vm);
	while (n <= limit && !(ret = xioctl(fd, DRM_IOCTL_DACC_QUEUE_CREATE, &c)))
		n++;
	if (n != limit || ret != -EDQUOT)
		return 101;
	if (queue_destroy(fd, c.queue) || xioctl(fd, DRM_IOCTL_DACC_QUEUE_CREATE, &c))
		return 102;
	return 0;
}

TEST_F(dacc_userq, limit_of_a_user)
{
	unsigned int before;
	int status;
	pid_t pid;

	ASSERT_EQ(get_parameter("limit_queues", &before), 0);
	ASSERT_EQ(set_parameter("limit_queues", 3), 0);
	ASSERT_EQ(chmod(NODE, 0666), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(99);
		_exit(unprivileged_queues(3));
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(WEXITSTATUS(status), 0);
	ASSERT_EQ(set_parameter("limit_queues", before), 0);
}

TEST_F(dacc_userq, nothing_is_left_behind)
{
	long long queues = counter("queues"), vms = counter("vms"), bos = live_bos();

	for (int i = 0; i < 20; i++) {
		int fd = open_node();
		uint32_t vm;
		struct uq q;

		ASSERT_EQ(vm_create(fd, &vm), 0);
		ASSERT_EQ(uq_create(&q, fd, vm, DRM_DACC_QUEUE_DECODE, 0), 0);
		uq_push(&q, desc_nop());
		close(fd);
		/* The mappings keep the file until they are gone too. */
		munmap((void *)q.doorbell, SZ_4K);
		munmap(q.ring, UQ_BYTES);
	}
	for (int i = 0; i < 100 && counter("queues") != queues; i++)
		usleep(50000);
	EXPECT_EQ(counter("queues"), queues);
	EXPECT_EQ(counter("vms"), vms);
	EXPECT_EQ(live_bos(), bos);
}

TEST_HARNESS_MAIN
