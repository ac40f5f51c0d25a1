// SPDX-License-Identifier: GPL-2.0
/* Resets of queue, device and PCI function: who is lost, and that nobody else is. */
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "dacc_life.h"

#define N_JOBS 200

FIXTURE(dacc_reset)
{
	int fd;
	uint32_t vm, sram, host, q;
	uint32_t *s, *h;
	unsigned int timeout;
	char bdf[32], reset[128];
};

/* SRAM at VA, host memory 1 MiB behind it. */
static int client(int fd, uint32_t *vm, uint32_t *sram, uint32_t *host, uint32_t *q)
{
	int ret = vm_create(fd, vm);

	ret = ret ? ret : bo_create(fd, SZ_1M, DRM_DACC_BO_SRAM, sram);
	ret = ret ? ret : bo_create(fd, SZ_1M, DRM_DACC_BO_HOST, host);
	ret = ret ? ret : vm_map(fd, *vm, *sram, 0, VA, SZ_1M, 0);
	ret = ret ? ret : vm_map(fd, *vm, *host, 0, VA + SZ_1M, SZ_1M, 0);
	return ret ? ret : queue_create(fd, *vm, DRM_DACC_QUEUE_TRANSFER, 256, q);
}

/* While the function is being reset, queues are refused. */
static int bystander_soon(void)
{
	int ret = -EIO;

	for (int i = 0; i < 600 && ret == -EIO; i++) {
		usleep(i ? 100000 : 0);
		ret = bystander();
	}
	return ret;
}

FIXTURE_SETUP(dacc_reset)
{
	self->fd = open_node();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(pci_dir(self->bdf, sizeof(self->bdf)), 0);
	snprintf(self->reset, sizeof(self->reset), "/sys/bus/pci/devices/%s/reset", self->bdf);
	ASSERT_EQ(client(self->fd, &self->vm, &self->sram, &self->host, &self->q), 0);
	self->s = bo_map(self->fd, self->sram, SZ_1M);
	self->h = bo_map(self->fd, self->host, SZ_1M);
	ASSERT_NE(self->s, NULL);
	ASSERT_NE(self->h, NULL);
	ASSERT_EQ(get_parameter("job_timeout_ms", &self->timeout), 0);
	/* What hangs does so until it is reset, however slow the machine. */
	ASSERT_EQ(set_parameter("job_timeout_ms", 0), 0);
}

FIXTURE_TEARDOWN(dacc_reset)
{
	set_parameter("job_timeout_ms", self->timeout);
	set_parameter("dump_faults", 0);
	set_knob("fail_queue_resets", 0);
	set_knob("fail_device_resets", 0);
	inject(DACC_INJECT_NONE, 0);
	/* A device that was given up comes back with this. */
	write_file(self->reset, "1");
	munmap(self->s, SZ_1M);
	munmap(self->h, SZ_1M);
	close(self->fd);
}

/* Copies of host memory to SRAM and back, each over what the next one reads. */
static int submit_copies(int fd, uint32_t q, int n, __u64 *seq)
{
	struct drm_dacc_job j[2];
	int ret = 0;

	for (int i = 0; i < n && !ret; i += 2) {
		j[0] = job_copy(VA, VA + SZ_1M, SZ_1M / 2);
		j[1] = job_copy(VA + SZ_1M + SZ_1M / 2, VA, SZ_1M / 2);
		ret = submit(fd, q, j, 2, seq);
	}
	return ret;
}

static void fill_host(uint32_t *h)
{
	for (uint32_t i = 0; i < SZ_1M / 8; i++)
		h[i] = i * 2654435761u;
}

static bool host_is_copied(const uint32_t *h)
{
	return !memcmp(h, h + SZ_1M / 8, SZ_1M / 2);
}

TEST_F_TIMEOUT(dacc_reset, flr_keeps_jobs_and_their_order, 900)
{
	struct drm_dacc_queue_info i = {};
	struct drm_dacc_result r;
	__u64 last = 0;

	fill_host(self->h);
	ASSERT_EQ(submit_copies(self->fd, self->q, N_JOBS, &last), 0);
	EXPECT_EQ(last, N_JOBS);
	ASSERT_EQ(write_file(self->reset, "1"), 0);
	for (__u64 seq = 1; seq <= last; seq++) {
		ASSERT_EQ(wait_job(self->fd, self->q, seq, 600, &r), 0);
		ASSERT_EQ(r.error, 0);
		ASSERT_EQ(r.seq, seq);
		ASSERT_EQ(r.bytes, SZ_1M / 2);
	}
	EXPECT_TRUE(host_is_copied(self->h));
	ASSERT_EQ(queue_info(self->fd, self->q, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_OK);
	EXPECT_EQ(i.completed, N_JOBS);
}

TEST_F_TIMEOUT(dacc_reset, flr_takes_up_the_job_that_ran, 900)
{
	struct drm_dacc_result r = {};
	struct drm_dacc_job j[3] = { job_fill(VA, SZ_64K, 1), job_copy(VA + SZ_1M, VA, SZ_64K),
				     job_nop() };
	__u64 seq;

	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	ASSERT_EQ(submit(self->fd, self->q, j, 3, &seq), 0);
	let_it_start();
	ASSERT_EQ(wait_job(self->fd, self->q, seq, 0, NULL), -ETIME);
	ASSERT_EQ(write_file(self->reset, "1"), 0);
	ASSERT_EQ(wait_job(self->fd, self->q, seq, 600, &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(self->h[0], 1);
}

TEST_F_TIMEOUT(dacc_reset, flr_again_and_again_while_submitting, 900)
{
	struct drm_dacc_result r;
	__u64 seq = 0;

	fill_host(self->h);
	for (int round = 0; round < 10; round++) {
		ASSERT_EQ(submit_copies(self->fd, self->q, 20, &seq), 0);
		ASSERT_EQ(write_file(self->reset, "1"), 0);
	}
	ASSERT_EQ(wait_job(self->fd, self->q, seq, 600, &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(seq, 200);
	EXPECT_TRUE(host_is_copied(self->h));
}

TEST_F_TIMEOUT(dacc_reset, flr_with_a_wrapped_ring, 900)
{
	struct drm_dacc_result r;
	uint32_t q;
	__u64 seq = 0;

	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 21; i++) {
			ASSERT_EQ(run(self->fd, q, job_fill(VA, 64, (uint32_t)i), &r), 0);
			ASSERT_EQ(r.error, 0);
			ASSERT_EQ(r.seq, ++seq);
		}
		EXPECT_EQ(self->s[0], 20);
		ASSERT_EQ(write_file(self->reset, "1"), 0);
	}
}

TEST_F_TIMEOUT(dacc_reset, flr_keeps_jobs_that_wait_for_a_fence, 900)
{
	struct drm_dacc_job j = job_fill(VA, 64, 77);
	struct drm_dacc_sync in = {}, out = {};
	struct drm_dacc_result r = {};
	uint32_t q2;
	__u64 seq, hung;

	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q2), 0);
	ASSERT_EQ(drmSyncobjCreate(self->fd, 0, &in.handle), 0);
	out.handle = in.handle;
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	ASSERT_EQ(submit_full(self->fd, self->q, &j, 1, NULL, 0, &out, 1, &hung), 0);
	j = job_fill(VA, 64, 78);
	ASSERT_EQ(submit_full(self->fd, q2, &j, 1, &in, 1, NULL, 0, &seq), 0);
	let_it_start();
	ASSERT_EQ(write_file(self->reset, "1"), 0);
	ASSERT_EQ(wait_job(self->fd, q2, seq, 600, &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(self->s[0], 78);
}

TEST_F_TIMEOUT(dacc_reset, flr_keeps_sram_and_the_link, 900)
{
	struct drm_dacc_link_info before = {}, after = {};
	struct drm_dacc_query q = {
		.type = DRM_DACC_QUERY_LINK,
		.pointer = (uintptr_t)&before,
		.size = sizeof(before),
	};

	for (uint32_t i = 0; i < SZ_1M / 4; i++)
		self->s[i] = ~i;
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), 0);
	ASSERT_EQ(write_file(self->reset, "1"), 0);
	q.pointer = (uintptr_t)&after;
	q.size = sizeof(after);
	ASSERT_EQ(xioctl(self->fd, DRM_IOCTL_DACC_QUERY, &q), 0);
	EXPECT_EQ(after.uid, before.uid);
	EXPECT_EQ(after.status, before.status);
	EXPECT_EQ(after.peer_bdf, before.peer_bdf);
	for (uint32_t i = 0; i < SZ_1M / 4; i++)
		ASSERT_EQ(self->s[i], ~i);
}

struct toucher {
	volatile uint32_t *s;
	bool stop;
	long lost, done;
};

/* Stores and loads that go to one word of each page in turn. */
static void *touch_sram(void *arg)
{
	struct toucher *t = arg;

	for (uint32_t n = 1; !__atomic_load_n(&t->stop, __ATOMIC_ACQUIRE); n++) {
		volatile uint32_t *s = t->s + n % (SZ_1M / SZ_4K) * (SZ_4K / 4);

		s[1] = n;
		t->lost += s[1] != n;
		t->done++;
	}
	return NULL;
}

TEST_F_TIMEOUT(dacc_reset, flr_loses_no_stores_to_sram, 900)
{
	struct toucher t = { .s = self->s };
	pthread_t thread;

	ASSERT_EQ(pthread_create(&thread, NULL, touch_sram, &t), 0);
	for (int i = 0; i < 5; i++) {
		usleep(20000);
		ASSERT_EQ(write_file(self->reset, "1"), 0);
	}
	usleep(20000);
	__atomic_store_n(&t.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	TH_LOG("%ld stores", t.done);
	EXPECT_GT(t.done, 0);
	EXPECT_EQ(t.lost, 0);
}

static void *reset_loop(void *path)
{
	intptr_t ret = 0;

	for (int i = 0; i < 8 && !ret; i++)
		ret = write_file(path, "1");
	return (void *)ret;
}

TEST_F_TIMEOUT(dacc_reset, queues_come_and_go_during_resets, 900)
{
	struct drm_dacc_job j = job_nop();
	pthread_t thread;
	int created = 0, refused = 0;
	void *ret;

	ASSERT_EQ(pthread_create(&thread, NULL, reset_loop, self->reset), 0);
	for (int i = 0; i < 300; i++) {
		uint32_t q;
		int err = queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q);

		if (err) {
			ASSERT_EQ(err, -EIO);
			refused++;
			usleep(3000);
			continue;
		}
		created++;
		ASSERT_EQ(submit(self->fd, q, &j, 1, NULL), 0);
		ASSERT_EQ(queue_destroy(self->fd, q), 0);
	}
	pthread_join(thread, &ret);
	EXPECT_EQ((intptr_t)ret, 0);
	EXPECT_GT(created, 0);
	TH_LOG("%d created, %d refused during a reset", created, refused);
	EXPECT_EQ(bystander(), 0);
}

/* One queue hangs and does not reset: the device is, and only that queue is lost. */
static void hang_and_escalate(struct __test_metadata *_metadata, FIXTURE_DATA(dacc_reset) * self,
			      uint32_t guilty, unsigned int fail_device)
{
	struct drm_dacc_job j = job_nop();
	struct drm_dacc_queue_info i = {};
	struct drm_dacc_result r = {};
	long long resets = counter("device_resets");
	__u64 seq, innocent = 0;

	fill_host(self->h);
	ASSERT_EQ(set_parameter("job_timeout_ms", 1500), 0);
	ASSERT_EQ(run(self->fd, guilty, job_nop(), &r), 0);
	set_knob("fail_queue_resets", 1);
	set_knob("fail_device_resets", fail_device);
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	ASSERT_EQ(submit(self->fd, guilty, &j, 1, &seq), 0);
	let_it_start();
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	ASSERT_EQ(submit_copies(self->fd, self->q, N_JOBS, &innocent), 0);
	ASSERT_EQ(wait_job(self->fd, guilty, seq, 600, &r), 0);
	EXPECT_EQ(r.error, -ETIME);
	ASSERT_EQ(queue_info(self->fd, guilty, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_HUNG);
	EXPECT_EQ(submit(self->fd, guilty, &j, 1, NULL), -EIO);
	ASSERT_EQ(wait_job(self->fd, self->q, innocent, 600, &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_TRUE(host_is_copied(self->h));
	ASSERT_EQ(queue_info(self->fd, self->q, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_OK);
	EXPECT_EQ(counter("device_resets"), resets + 1);
}

TEST_F_TIMEOUT(dacc_reset, a_device_reset_costs_the_guilty_queue_only, 900)
{
	uint32_t guilty;

	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &guilty), 0);
	hang_and_escalate(_metadata, self, guilty, 0);
	EXPECT_EQ(bystander(), 0);
}

TEST_F_TIMEOUT(dacc_reset, a_device_that_does_not_reset_gets_a_function_reset, 900)
{
	uint32_t guilty;

	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &guilty), 0);
	hang_and_escalate(_metadata, self, guilty, 1);
	EXPECT_EQ(bystander_soon(), 0);
}

TEST_F_TIMEOUT(dacc_reset, destroying_a_queue_that_does_not_reset, 900)
{
	struct drm_dacc_job j = job_nop();
	struct drm_dacc_result r = {};
	__u64 innocent = 0;
	uint32_t guilty;

	fill_host(self->h);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &guilty), 0);
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	ASSERT_EQ(submit(self->fd, guilty, &j, 1, NULL), 0);
	let_it_start();
	ASSERT_EQ(inject(DACC_INJECT_NONE, 0), 0);
	ASSERT_EQ(submit_copies(self->fd, self->q, 20, &innocent), 0);
	set_knob("fail_queue_resets", 1);
	ASSERT_EQ(queue_destroy(self->fd, guilty), 0);
	ASSERT_EQ(wait_job(self->fd, self->q, innocent, 600, &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_TRUE(host_is_copied(self->h));
}

TEST_F_TIMEOUT(dacc_reset, the_guilty_address_space_is_banned, 900)
{
	uint32_t vm2, q;

	ASSERT_EQ(vm_create(self->fd, &vm2), 0);
	for (int round = 0; round < 2; round++) {
		ASSERT_EQ(queue_create(self->fd, vm2, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
		hang_and_escalate(_metadata, self, q, 0);
		ASSERT_EQ(queue_destroy(self->fd, q), 0);
	}
	EXPECT_EQ(queue_create(self->fd, vm2, DRM_DACC_QUEUE_TRANSFER, 16, &q), -EIO);
	/* Nobody else is. */
	EXPECT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
	EXPECT_EQ(bystander(), 0);
}

static int uevent_socket(void)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Waits for a uevent of the accel node with this variable. */
static bool got_uevent(int fd, const char *variable)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[4096];

	while (poll(&p, 1, 60000) == 1) {
		ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
		bool accel = false, found = false;

		if (n <= 0)
			return false;
		text[n] = 0;
		for (char *s = text; s < text + n; s += strlen(s) + 1) {
			accel |= !strcmp(s, "SUBSYSTEM=accel");
			found |= !strcmp(s, variable);
		}
		if (accel && found)
			return true;
	}
	return false;
}

TEST_F_TIMEOUT(dacc_reset, a_device_reset_is_told_by_uevent, 900)
{
	uint32_t guilty;
	int fd = uevent_socket();

	ASSERT_GE(fd, 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &guilty), 0);
	hang_and_escalate(_metadata, self, guilty, 0);
	EXPECT_TRUE(got_uevent(fd, "WEDGED=none"));
	close(fd);
}

/* How many link ports say that they are up. */
static int links_up(void)
{
	FILE *f = debugfs_open("link", "r");
	unsigned int status;
	char line[256];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "port %*u: uid %*s status %x", &status) == 1)
			n += !!(status & DACC_LINK_UP);
	if (f)
		fclose(f);
	return n;
}

TEST_F_TIMEOUT(dacc_reset, a_wedged_device_answers_in_order_and_comes_back, 900)
{
	struct drm_dacc_job j = job_nop();
	struct drm_dacc_device_info info;
	struct drm_dacc_queue_info i = {};
	struct drm_dacc_result r = {};
	uint32_t guilty, q, bo;
	int fd = uevent_socket();
	int links = links_up();
	__u64 seq, innocent;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &guilty), 0);
	ASSERT_EQ(set_parameter("job_timeout_ms", 1500), 0);
	/* Queue reset, device reset, and the one behind the function's reset. */
	set_knob("fail_queue_resets", 1);
	set_knob("fail_device_resets", 2);
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	ASSERT_EQ(submit(self->fd, guilty, &j, 1, &seq), 0);
	ASSERT_EQ(submit(self->fd, self->q, &j, 1, &innocent), 0);
	ASSERT_EQ(wait_job(self->fd, guilty, seq, 600, &r), 0);
	EXPECT_EQ(r.error, -ETIME);
	ASSERT_EQ(wait_job(self->fd, self->q, innocent, 600, &r), 0);
	EXPECT_TRUE(r.error == -ENODEV || r.error == -ETIME);
	EXPECT_TRUE(got_uevent(fd, "WEDGED=rebind,bus-reset"));

	/* Nothing of what may still run in there gets at peers' memory. */
	EXPECT_EQ(links_up(), 0);
	ASSERT_EQ(queue_info(self->fd, guilty, &i), 0);
	EXPECT_EQ(submit(self->fd, self->q, &j, 1, NULL), -EIO);
	EXPECT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), -EIO);
	EXPECT_EQ(bo_create(self->fd, SZ_64K, DRM_DACC_BO_SRAM, &bo), -EIO);
	EXPECT_EQ(bo_create(self->fd, SZ_64K, DRM_DACC_BO_HOST, &bo), 0);
	EXPECT_EQ(query_device(self->fd, &info), 0);
	EXPECT_EQ(vm_unmap(self->fd, self->vm, VA, SZ_1M), 0);
	EXPECT_EQ(vm_map(self->fd, self->vm, self->sram, 0, VA, SZ_1M, 0), 0);

	ASSERT_EQ(write_file(self->reset, "1"), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
	ASSERT_EQ(run(self->fd, q, job_fill(VA, 64, 5), &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(self->s[0], 5);
	EXPECT_EQ(links_up(), links);
	EXPECT_EQ(bystander(), 0);
	close(fd);
}

#define DUMP "/tmp/dacc-dump"

static void drop_dump(void)
{
	glob_t g = {};

	if (!glob("/sys/class/devcoredump/devcd*/data", 0, NULL, &g))
		for (size_t i = 0; i < g.gl_pathc; i++)
			write_file(g.gl_pathv[i], "1");
	globfree(&g);
}

/* Copies the dump there is to DUMP and frees it; its size, or 0 for none. */
static size_t take_dump(int seconds)
{
	char buf[4096];
	size_t size = 0, n;
	glob_t g = {};
	FILE *from, *to;

	for (int i = 0; i < seconds * 20; i++) {
		if (!glob("/sys/class/devcoredump/devcd*/data", 0, NULL, &g))
			break;
		globfree(&g);
		usleep(50000);
	}
	if (!g.gl_pathc)
		return 0;
	from = fopen(g.gl_pathv[0], "r");
	to = fopen(DUMP, "w");
	while (from && to && (n = fread(buf, 1, sizeof(buf), from))) {
		fwrite(buf, 1, n, to);
		size += n;
	}
	if (from)
		fclose(from);
	if (to)
		fclose(to);
	write_file(g.gl_pathv[0], "1");
	globfree(&g);
	return size;
}

static bool dump_says(const char *text)
{
	char line[512];
	bool found = false;
	FILE *f = fopen(DUMP, "r");

	while (f && fgets(line, sizeof(line), f))
		found |= !!strstr(line, text);
	if (f)
		fclose(f);
	return found;
}

static int fault_in(int fd, uint32_t vm, uint32_t *q)
{
	struct drm_dacc_result r = {};
	int ret = queue_create(fd, vm, DRM_DACC_QUEUE_TRANSFER, 16, q);

	ret = ret ? ret : run(fd, *q, job_copy(VA, VA + 64 * SZ_1M, SZ_4K), &r);
	return ret ? ret : r.error;
}

static int fault(int fd, uint32_t vm)
{
	uint32_t q;
	int ret = fault_in(fd, vm, &q);

	if (ret == -EFAULT && queue_destroy(fd, q))
		return -EIO;
	return ret;
}

TEST_F_TIMEOUT(dacc_reset, a_hang_leaves_a_dump_that_daccctl_reads, 900)
{
	struct drm_dacc_result r = {};
	size_t size;

	drop_dump();
	ASSERT_EQ(set_parameter("job_timeout_ms", 1500), 0);
	ASSERT_EQ(inject_all(DACC_INJECT_HANG), 0);
	ASSERT_EQ(run(self->fd, self->q, job_fill(VA, SZ_64K, 0x1234), &r), 0);
	EXPECT_EQ(r.error, -ETIME);
	size = take_dump(60);
	ASSERT_GT(size, 0);
	EXPECT_TRUE(dump_says("dacc-dump 1"));
	EXPECT_TRUE(dump_says("why: a queue hangs"));
	EXPECT_TRUE(dump_says("descriptor 1: "));
	EXPECT_EQ(system("daccctl dump " DUMP " | grep -q FILL"), 0);
	EXPECT_EQ(system("daccctl --json dump " DUMP " >/tmp/dump.json"), 0);
	/* Cut or damaged: refused, in one line. */
	EXPECT_NE(system("head -c 300 " DUMP " >/tmp/cut; daccctl dump /tmp/cut 2>/tmp/err"), 0);
	EXPECT_EQ(system("grep -q 'cut short' /tmp/err && [ $(wc -l </tmp/err) = 1 ]"), 0);
	EXPECT_NE(system("sed 's/hangs/bangs/' " DUMP
			 " >/tmp/bad; daccctl dump /tmp/bad 2>/tmp/err"),
		  0);
	EXPECT_EQ(system("grep -q 'damaged' /tmp/err && [ $(wc -l </tmp/err) = 1 ]"), 0);
}

/* The job ends before its queue is dumped and reset: a queue that is destroyed then has no dump. */
TEST_F_TIMEOUT(dacc_reset, a_fault_leaves_a_dump_only_when_asked, 900)
{
	uint32_t q;

	drop_dump();
	ASSERT_EQ(fault_in(self->fd, self->vm, &q), -EFAULT);
	EXPECT_EQ(take_dump(1), 0);
	ASSERT_EQ(queue_destroy(self->fd, q), 0);
	ASSERT_EQ(set_parameter("dump_faults", 1), 0);
	ASSERT_EQ(fault_in(self->fd, self->vm, &q), -EFAULT);
	ASSERT_GT(take_dump(60), 0);
	ASSERT_EQ(queue_destroy(self->fd, q), 0);
	EXPECT_TRUE(dump_says("why: a queue faulted"));
	EXPECT_TRUE(dump_says("[walk]"));
	EXPECT_TRUE(dump_says("level 3: "));
	EXPECT_EQ(system("daccctl dump " DUMP " | grep -q 'nothing mapped'"), 0);
}

TEST_F_TIMEOUT(dacc_reset, faults_beside_do_not_disturb, 900)
{
	struct drm_dacc_result r = {};
	__u64 seq = 0;

	fill_host(self->h);
	ASSERT_EQ(submit_copies(self->fd, self->q, N_JOBS, &seq), 0);
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(fault(self->fd, self->vm), -EFAULT);
	ASSERT_EQ(wait_job(self->fd, self->q, seq, 600, &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_TRUE(host_is_copied(self->h));
}

TEST_HARNESS_MAIN
