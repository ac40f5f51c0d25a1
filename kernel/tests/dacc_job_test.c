// SPDX-License-Identifier: GPL-2.0
/* KUnit: what SUBMIT accepts, and the descriptors it makes. Part of dacc_job.c. */
#include <kunit/test.h>

#define DACC_TEST_VA			0x100000000ull

static struct drm_dacc_job dacc_test_copy(u64 src, u64 dst, u64 len)
{
	struct drm_dacc_job job = { .type = DRM_DACC_JOB_COPY };

	job.copy.src = src;
	job.copy.dst = dst;
	job.copy.len = len;
	return job;
}

static void dacc_test_va_empty(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, dacc_va_ok(DACC_TEST_VA, 0, 1));
	KUNIT_EXPECT_TRUE(test, dacc_va_ok(DACC_TEST_VA, 1, 1));
}

static void dacc_test_va_end(struct kunit *test)
{
	u64 end = 1ull << DACC_VA_BITS;

	KUNIT_EXPECT_TRUE(test, dacc_va_ok(end - 64, 64, 64));
	KUNIT_EXPECT_FALSE(test, dacc_va_ok(end - 64, 65, 64));
	KUNIT_EXPECT_FALSE(test, dacc_va_ok(end, 1, 1));
}

static void dacc_test_va_overflow(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, dacc_va_ok(U64_MAX, 1, 1));
	KUNIT_EXPECT_FALSE(test, dacc_va_ok(U64_MAX - 63, 128, 64));
	KUNIT_EXPECT_FALSE(test, dacc_va_ok(64, U64_MAX, 64));
}

static void dacc_test_va_align(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, dacc_va_ok(DACC_TEST_VA, 4, 4));
	KUNIT_EXPECT_FALSE(test, dacc_va_ok(DACC_TEST_VA + 2, 4, 4));
	KUNIT_EXPECT_FALSE(test, dacc_va_ok(DACC_TEST_VA + 32, 64, 64));
}

static void dacc_test_words_zero(struct kunit *test)
{
	struct drm_dacc_job job = {};
	u32 i;

	KUNIT_EXPECT_TRUE(test, dacc_words_zero(&job, 0));
	for (i = 0; i < ARRAY_SIZE(job.raw); i++) {
		job.raw[i] = 1;
		KUNIT_EXPECT_FALSE(test, dacc_words_zero(&job, i));
		KUNIT_EXPECT_TRUE(test, dacc_words_zero(&job, i + 1));
		job.raw[i] = 0;
	}
}

static void dacc_test_copy_neighbours(struct kunit *test)
{
	struct drm_dacc_job job = dacc_test_copy(DACC_TEST_VA, DACC_TEST_VA + 64, 64);

	KUNIT_EXPECT_TRUE(test, dacc_copy_ok(&job));
	swap(job.copy.src, job.copy.dst);
	KUNIT_EXPECT_TRUE(test, dacc_copy_ok(&job));
}

static void dacc_test_copy_overlap(struct kunit *test)
{
	struct drm_dacc_job job = dacc_test_copy(DACC_TEST_VA, DACC_TEST_VA + 63, 64);

	KUNIT_EXPECT_FALSE(test, dacc_copy_ok(&job));
	swap(job.copy.src, job.copy.dst);
	KUNIT_EXPECT_FALSE(test, dacc_copy_ok(&job));
	job.copy.dst = job.copy.src;
	KUNIT_EXPECT_FALSE(test, dacc_copy_ok(&job));
}

static void dacc_test_copy_length(struct kunit *test)
{
	struct drm_dacc_job job = dacc_test_copy(0, DACC_MAX_COPY + 4096, DACC_MAX_COPY);

	KUNIT_EXPECT_TRUE(test, dacc_copy_ok(&job));
	job.copy.len++;
	KUNIT_EXPECT_FALSE(test, dacc_copy_ok(&job));
	job.copy.len = 0;
	KUNIT_EXPECT_FALSE(test, dacc_copy_ok(&job));
	/* src + len would be a small number again. */
	job = dacc_test_copy(U64_MAX - 63, DACC_TEST_VA, 128);
	KUNIT_EXPECT_FALSE(test, dacc_copy_ok(&job));
}

static void dacc_test_blocks(struct kunit *test)
{
	struct dacc_device *dacc = kunit_kzalloc(test, sizeof(*dacc), GFP_KERNEL);
	struct drm_dacc_job job = { .type = DRM_DACC_JOB_COPY_BLOCKS };

	KUNIT_ASSERT_NOT_NULL(test, dacc);
	dacc->max_blocks = 100;
	job.blocks.table = DACC_TEST_VA;
	KUNIT_EXPECT_FALSE(test, dacc_blocks_ok(dacc, &job));
	job.blocks.n_blocks = 100;
	KUNIT_EXPECT_TRUE(test, dacc_blocks_ok(dacc, &job));
	job.blocks.n_blocks = 101;
	KUNIT_EXPECT_FALSE(test, dacc_blocks_ok(dacc, &job));
	job.blocks.n_blocks = 1;
	job.blocks.table += 4;
	KUNIT_EXPECT_FALSE(test, dacc_blocks_ok(dacc, &job));
	job.blocks.table -= 4;
	job.blocks.pad = 1;
	KUNIT_EXPECT_FALSE(test, dacc_blocks_ok(dacc, &job));
}

static void dacc_test_fill(struct kunit *test)
{
	struct drm_dacc_job job = { .type = DRM_DACC_JOB_FILL };

	job.fill.dst = DACC_TEST_VA;
	job.fill.len = 8;
	KUNIT_EXPECT_TRUE(test, dacc_fill_ok(&job));
	job.fill.len = 6;
	KUNIT_EXPECT_FALSE(test, dacc_fill_ok(&job));
	job.fill.len = 0;
	KUNIT_EXPECT_FALSE(test, dacc_fill_ok(&job));
	job.fill.len = 8;
	job.fill.dst += 2;
	KUNIT_EXPECT_FALSE(test, dacc_fill_ok(&job));
	job.fill.dst -= 2;
	job.fill.pad = 1;
	KUNIT_EXPECT_FALSE(test, dacc_fill_ok(&job));
}

static struct drm_dacc_job dacc_test_decode_job(void)
{
	struct drm_dacc_job job = { .type = DRM_DACC_JOB_DECODE };

	job.decode.program = DACC_TEST_VA;
	job.decode.seqs = DACC_TEST_VA + 0x10000;
	job.decode.out = DACC_TEST_VA + 0x20000;
	job.decode.n_insns = 8;
	job.decode.batch = 1;
	job.decode.max_tokens = 1;
	return job;
}

static void dacc_test_decode(struct kunit *test)
{
	struct dacc_device *dacc = kunit_kzalloc(test, sizeof(*dacc), GFP_KERNEL);
	struct drm_dacc_job good = dacc_test_decode_job(), job = good;

	KUNIT_ASSERT_NOT_NULL(test, dacc);
	dacc->max_insns = 8;
	KUNIT_EXPECT_TRUE(test, dacc_decode_ok(dacc, &job));
	job.decode.n_insns = 9;
	KUNIT_EXPECT_FALSE(test, dacc_decode_ok(dacc, &job));
	job = good;
	job.decode.n_insns = 0;
	KUNIT_EXPECT_FALSE(test, dacc_decode_ok(dacc, &job));
	job = good;
	job.decode.batch = DACC_MAX_BATCH + 1;
	KUNIT_EXPECT_FALSE(test, dacc_decode_ok(dacc, &job));
	job = good;
	job.decode.batch = 0;
	KUNIT_EXPECT_FALSE(test, dacc_decode_ok(dacc, &job));
	job = good;
	job.decode.max_tokens = 0;
	KUNIT_EXPECT_FALSE(test, dacc_decode_ok(dacc, &job));
	job = good;
	job.decode.max_tokens = DACC_MAX_TOKENS + 1;
	KUNIT_EXPECT_FALSE(test, dacc_decode_ok(dacc, &job));
}

static void dacc_test_decode_align(struct kunit *test)
{
	struct dacc_device *dacc = kunit_kzalloc(test, sizeof(*dacc), GFP_KERNEL);
	struct drm_dacc_job job = dacc_test_decode_job();

	KUNIT_ASSERT_NOT_NULL(test, dacc);
	dacc->max_insns = 8;
	job.decode.program += 32;
	KUNIT_EXPECT_FALSE(test, dacc_decode_ok(dacc, &job));
	job = dacc_test_decode_job();
	job.decode.seqs += 32;
	KUNIT_EXPECT_FALSE(test, dacc_decode_ok(dacc, &job));
	job = dacc_test_decode_job();
	job.decode.out += 4;
	KUNIT_EXPECT_FALSE(test, dacc_decode_ok(dacc, &job));
}

/* The most output there can be must still be computed in 64 bits. */
static void dacc_test_decode_output(struct kunit *test)
{
	struct dacc_device *dacc = kunit_kzalloc(test, sizeof(*dacc), GFP_KERNEL);
	struct drm_dacc_job job = dacc_test_decode_job();
	u64 size;

	KUNIT_ASSERT_NOT_NULL(test, dacc);
	dacc->max_insns = 8;
	job.decode.batch = DACC_MAX_BATCH;
	job.decode.max_tokens = DACC_MAX_TOKENS;
	size = (u64)DACC_MAX_BATCH * DACC_OUT_STRIDE(DACC_MAX_TOKENS);
	job.decode.out = (1ull << DACC_VA_BITS) - size;
	KUNIT_EXPECT_TRUE(test, dacc_decode_ok(dacc, &job));
	job.decode.out += 8;
	KUNIT_EXPECT_FALSE(test, dacc_decode_ok(dacc, &job));
}

static struct dacc_queue *dacc_test_queue(struct kunit *test, u32 queue_class)
{
	struct dacc_device *dacc = kunit_kzalloc(test, sizeof(*dacc), GFP_KERNEL);
	struct dacc_queue *queue = kunit_kzalloc(test, sizeof(*queue), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, dacc);
	KUNIT_ASSERT_NOT_NULL(test, queue);
	dacc->max_insns = 8;
	dacc->max_blocks = 100;
	queue->dacc = dacc;
	queue->queue_class = queue_class;
	return queue;
}

static void dacc_test_class(struct kunit *test)
{
	struct dacc_queue *transfer = dacc_test_queue(test, DRM_DACC_QUEUE_TRANSFER);
	struct dacc_queue *decode = dacc_test_queue(test, DRM_DACC_QUEUE_DECODE);
	struct drm_dacc_job copy = dacc_test_copy(DACC_TEST_VA, DACC_TEST_VA + 64, 64);
	struct drm_dacc_job step = dacc_test_decode_job();
	struct drm_dacc_job nop = {};

	KUNIT_EXPECT_TRUE(test, dacc_job_ok(transfer, &copy));
	KUNIT_EXPECT_FALSE(test, dacc_job_ok(decode, &copy));
	KUNIT_EXPECT_FALSE(test, dacc_job_ok(transfer, &step));
	KUNIT_EXPECT_TRUE(test, dacc_job_ok(decode, &step));
	KUNIT_EXPECT_TRUE(test, dacc_job_ok(transfer, &nop));
	KUNIT_EXPECT_TRUE(test, dacc_job_ok(decode, &nop));
}

static void dacc_test_flags(struct kunit *test)
{
	struct dacc_queue *queue = dacc_test_queue(test, DRM_DACC_QUEUE_TRANSFER);
	struct drm_dacc_job job = dacc_test_copy(DACC_TEST_VA, DACC_TEST_VA + 64, 64);

	job.flags = DRM_DACC_JOB_CHECKSUM;
	KUNIT_EXPECT_TRUE(test, dacc_job_ok(queue, &job));
	job.flags |= 1u << 31;
	KUNIT_EXPECT_FALSE(test, dacc_job_ok(queue, &job));
	job = (struct drm_dacc_job){ .flags = DRM_DACC_JOB_CHECKSUM };
	KUNIT_EXPECT_FALSE(test, dacc_job_ok(queue, &job));
}

static void dacc_test_unknown_type(struct kunit *test)
{
	struct dacc_queue *queue = dacc_test_queue(test, DRM_DACC_QUEUE_TRANSFER);
	struct drm_dacc_job job = { .type = DRM_DACC_JOB_DECODE + 1 };

	KUNIT_EXPECT_FALSE(test, dacc_job_ok(queue, &job));
	job.type = U32_MAX;
	KUNIT_EXPECT_FALSE(test, dacc_job_ok(queue, &job));
}

static void dacc_test_encode_copy(struct kunit *test)
{
	struct drm_dacc_job job = dacc_test_copy(1, 2, 3);
	struct dacc_desc desc = {};

	job.not_before_ps = 77;
	job.flags = DRM_DACC_JOB_CHECKSUM;
	dacc_job_encode(&desc, &job);
	KUNIT_EXPECT_EQ(test, desc.opcode, DACC_OP_COPY);
	KUNIT_EXPECT_EQ(test, desc.flags, DACC_DESC_IRQ | DACC_DESC_CHECKSUM);
	KUNIT_EXPECT_EQ(test, desc.not_before, 77);
	KUNIT_EXPECT_EQ(test, desc.copy.src, 1);
	KUNIT_EXPECT_EQ(test, desc.copy.dst, 2);
	KUNIT_EXPECT_EQ(test, desc.copy.len, 3);
}

static void dacc_test_encode_others(struct kunit *test)
{
	struct drm_dacc_job job = { .type = DRM_DACC_JOB_FILL };
	struct dacc_desc desc = {};

	job.fill.dst = 4;
	job.fill.len = 8;
	job.fill.pattern = 0xdeadbeef;
	dacc_job_encode(&desc, &job);
	KUNIT_EXPECT_EQ(test, desc.opcode, DACC_OP_FILL);
	KUNIT_EXPECT_EQ(test, desc.fill.pattern, 0xdeadbeef);
	KUNIT_EXPECT_EQ(test, desc.fill.reserved, 0);

	desc = (struct dacc_desc){};
	job = dacc_test_decode_job();
	dacc_job_encode(&desc, &job);
	KUNIT_EXPECT_EQ(test, desc.opcode, DACC_OP_DECODE);
	KUNIT_EXPECT_EQ(test, desc.decode.program, job.decode.program);
	KUNIT_EXPECT_EQ(test, desc.decode.max_tokens, 1);

	desc = (struct dacc_desc){};
	job = (struct drm_dacc_job){ .type = DRM_DACC_JOB_COPY_BLOCKS };
	job.blocks.table = DACC_TEST_VA;
	job.blocks.n_blocks = 5;
	dacc_job_encode(&desc, &job);
	KUNIT_EXPECT_EQ(test, desc.opcode, DACC_OP_COPY_BLOCKS);
	KUNIT_EXPECT_EQ(test, desc.blocks.n_blocks, 5);
	KUNIT_EXPECT_EQ(test, desc.blocks.crc, 0);

	desc = (struct dacc_desc){};
	job = (struct drm_dacc_job){};
	dacc_job_encode(&desc, &job);
	KUNIT_EXPECT_EQ(test, desc.opcode, DACC_OP_NOP);
	KUNIT_EXPECT_EQ(test, desc.flags, DACC_DESC_IRQ);
}

static struct kunit_case dacc_job_cases[] = {
	KUNIT_CASE(dacc_test_va_empty),
	KUNIT_CASE(dacc_test_va_end),
	KUNIT_CASE(dacc_test_va_overflow),
	KUNIT_CASE(dacc_test_va_align),
	KUNIT_CASE(dacc_test_words_zero),
	KUNIT_CASE(dacc_test_copy_neighbours),
	KUNIT_CASE(dacc_test_copy_overlap),
	KUNIT_CASE(dacc_test_copy_length),
	KUNIT_CASE(dacc_test_blocks),
	KUNIT_CASE(dacc_test_fill),
	KUNIT_CASE(dacc_test_decode),
	KUNIT_CASE(dacc_test_decode_align),
	KUNIT_CASE(dacc_test_decode_output),
	KUNIT_CASE(dacc_test_class),
	KUNIT_CASE(dacc_test_flags),
	KUNIT_CASE(dacc_test_unknown_type),
	KUNIT_CASE(dacc_test_encode_copy),
	KUNIT_CASE(dacc_test_encode_others),
	{}
};

static struct kunit_suite dacc_job_suite = {
	.name = "dacc_job",
	.test_cases = dacc_job_cases,
};

kunit_test_suite(dacc_job_suite);
