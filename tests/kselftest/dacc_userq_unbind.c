// SPDX-License-Identifier: GPL-2.0
/* The driver is unbound under a user queue whose doorbell is mapped.
 * Alone in its program: afterwards there is another DRM device.
 */
#include "dacc_life.h"
#include "dacc_uq.h"

#define DRIVER "/sys/bus/pci/drivers/dacc/"

TEST(unbind_with_a_mapped_doorbell)
{
	struct drm_dacc_queue_info i;
	struct uq q, untouched;
	char dir[32];
	uint32_t vm;
	int fd = open_node();

	ASSERT_GE(fd, 0);
	ASSERT_EQ(pci_dir(dir, sizeof(dir)), 0);
	ASSERT_EQ(vm_create(fd, &vm), 0);
	ASSERT_EQ(uq_create(&q, fd, vm, DRM_DACC_QUEUE_TRANSFER, 0), 0);
	ASSERT_EQ(uq_create(&untouched, fd, vm, DRM_DACC_QUEUE_TRANSFER, 1), 0);
	uq_push(&q, desc_nop());
	ASSERT_EQ(uq_poll(&q, 1, UQ_SECONDS), 0);
	EXPECT_EQ(q.doorbell[DACC_DOORBELL_STATE / 4], DACC_QUEUE_ACTIVE);

	ASSERT_EQ(write_file(DRIVER "unbind", dir), 0);
	EXPECT_EQ(q.doorbell[DACC_DOORBELL_STATE / 4], 0);
	/* This one was never touched before. */
	EXPECT_EQ(untouched.doorbell[DACC_DOORBELL_STATE / 4], 0);
	uq_push(&q, desc_nop());
	EXPECT_EQ(q.doorbell[DACC_DOORBELL_STATE / 4], 0);
	/* Its buffers' mappings are gone too; nothing was done in any case. */
	EXPECT_LE(uq_completed(&q), 1);
	EXPECT_EQ(uq_wait(&q, 2, UQ_SECONDS), -ENODEV);
	EXPECT_EQ(queue_info(fd, q.id, &i), -ENODEV);
	EXPECT_EQ(uq_signal(&q, 1, 1, 0), -ENODEV);
	/* A page that was unmapped can't be had again, nor does trying harm. */
	munmap((void *)q.doorbell, SZ_4K);
	if (!uq_mmap(&q))
		EXPECT_EQ(q.doorbell[DACC_DOORBELL_STATE / 4], 0);

	ASSERT_EQ(write_file(DRIVER "bind", dir), 0);
	EXPECT_EQ(untouched.doorbell[DACC_DOORBELL_STATE / 4], 0);
	untouched.doorbell[0] = 1;
	EXPECT_EQ(bystander(), 0);
	close(fd);
	EXPECT_EQ(untouched.doorbell[DACC_DOORBELL_STATE / 4], 0);
	EXPECT_EQ(bystander(), 0);
}

TEST_HARNESS_MAIN
