// SPDX-License-Identifier: GPL-2.0
/* PCI errors, by the kernel's aer_inject: what is not lost by them. */
#include "dacc_life.h"

/* What /dev/aer_inject reads, as in drivers/pci/pcie/aer_inject.c. */
struct error {
	uint8_t bus;
	uint8_t dev;
	uint8_t fn;
	uint32_t uncorrectable;
	uint32_t correctable;
	uint32_t header[4];
	uint32_t domain;
};

#define RECEIVER_ERROR 0x00000001 /* correctable */
#define POISONED_TLP   0x00001000 /* not fatal */
#define DATA_LINK      0x00000010 /* fatal */

FIXTURE(dacc_aer)
{
	int fd, inject;
	uint32_t vm, host, q;
	uint32_t *h;
	char bdf[32];
	unsigned int domain, bus, dev, fn;
};

FIXTURE_SETUP(dacc_aer)
{
	int n;

	self->inject = open("/dev/aer_inject", O_WRONLY);
	if (self->inject < 0 && !system("modprobe -q aer_inject"))
		self->inject = open("/dev/aer_inject", O_WRONLY);
	if (self->inject < 0)
		SKIP(return, "this kernel has no aer_inject");
	ASSERT_EQ(pci_dir(self->bdf, sizeof(self->bdf)), 0);
	n = sscanf(self->bdf, "%x:%x:%x.%x", &self->domain, &self->bus, &self->dev, &self->fn);
	ASSERT_EQ(n, 4);
	self->fd = open_node();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(vm_create(self->fd, &self->vm), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_HOST, &self->host), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->host, 0, VA, SZ_1M, 0), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 256, &self->q), 0);
	self->h = bo_map(self->fd, self->host, SZ_1M);
	ASSERT_NE(self->h, NULL);
}

FIXTURE_TEARDOWN(dacc_aer)
{
	munmap(self->h, SZ_1M);
	close(self->fd);
	close(self->inject);
}

static int inject_error(const FIXTURE_DATA(dacc_aer) * self, uint32_t uncorrectable,
			uint32_t correctable)
{
	struct error e = {
		.bus = (uint8_t)self->bus,
		.dev = (uint8_t)self->dev,
		.fn = (uint8_t)self->fn,
		.uncorrectable = uncorrectable,
		.correctable = correctable,
		.domain = self->domain,
	};

	return write(self->inject, &e, sizeof(e)) == sizeof(e) ? 0 : -errno;
}

/* A chain of copies in which each takes the word that the one before has written. */
static int submit_chain(int fd, uint32_t q, __u64 *seq)
{
	int ret = 0;

	for (uint64_t i = 0; i < 128 && !ret; i++) {
		struct drm_dacc_job j = job_copy(VA + (i + 1) * SZ_4K, VA + i * SZ_4K, SZ_4K);

		ret = submit(fd, q, &j, 1, seq);
	}
	return ret;
}

static void through(struct __test_metadata *_metadata, FIXTURE_DATA(dacc_aer) * self,
		    uint32_t uncorrectable, uint32_t correctable)
{
	struct drm_dacc_result r = {};
	struct drm_dacc_queue_info i = {};
	__u64 seq;

	for (int round = 0; round < 3; round++) {
		self->h[0] = 0xace0 + round;
		ASSERT_EQ(submit_chain(self->fd, self->q, &seq), 0);
		ASSERT_EQ(inject_error(self, uncorrectable, correctable), 0);
		ASSERT_EQ(wait_job(self->fd, self->q, seq, 600, &r), 0);
		EXPECT_EQ(r.error, 0);
		EXPECT_EQ(self->h[128 * SZ_4K / 4], 0xace0 + round);
		/* Recovery runs in a thread of its own. */
		sleep(1);
		ASSERT_EQ(run(self->fd, self->q, job_fill(VA, 64, 9), &r), 0);
		EXPECT_EQ(r.error, 0);
		EXPECT_EQ(self->h[0], 9);
	}
	ASSERT_EQ(queue_info(self->fd, self->q, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_OK);
	EXPECT_EQ(bystander(), 0);
}

TEST_F_TIMEOUT(dacc_aer, a_correctable_error, 900)
{
	through(_metadata, self, 0, RECEIVER_ERROR);
}

TEST_F_TIMEOUT(dacc_aer, an_error_that_is_not_fatal, 900)
{
	through(_metadata, self, POISONED_TLP, 0);
}

TEST_F_TIMEOUT(dacc_aer, a_fatal_error_resets_the_slot, 900)
{
	struct drm_dacc_device_info before, after;

	ASSERT_EQ(query_device(self->fd, &before), 0);
	through(_metadata, self, DATA_LINK, 0);
	ASSERT_EQ(query_device(self->fd, &after), 0);
	EXPECT_NE(after.generation, before.generation);
}

TEST_HARNESS_MAIN
