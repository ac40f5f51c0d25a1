// SPDX-License-Identifier: GPL-2.0
/* fdinfo, by the rules that the kernel's drm-usage-stats.rst has for those who read it:
 * keys and units as nvtop and the igt tools take them.
 */
#include <ctype.h>

#include "dacc_life.h"
#include "dacc_uq.h"

#define SRAM DRM_DACC_BO_SRAM
#define HOST DRM_DACC_BO_HOST
#define MAX  64

/* A line: "key:", white space, value, and perhaps a unit. */
struct line {
	char key[64];
	char value[128];
	bool number;
	unsigned long long n;
	char unit[8];
};

struct info {
	struct line line[MAX];
	int n;
	bool bad;
};

/* A key is of letters, digits and -_; a number is decimal, its unit a word or nothing. */
static bool parse_line(char *text, struct line *line)
{
	char *colon = strchr(text, ':'), *p, *end;

	if (!colon || colon == text || colon - text >= (long)sizeof(line->key))
		return false;
	memset(line, 0, sizeof(*line));
	memcpy(line->key, text, (size_t)(colon - text));
	for (p = line->key; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_')
			return false;
	p = colon + 1;
	while (*p == ' ' || *p == '\t')
		p++;
	p[strcspn(p, "\n")] = 0;
	if (p == colon + 1 || !*p)
		return false;
	snprintf(line->value, sizeof(line->value), "%s", p);
	if (!isdigit((unsigned char)*p))
		return true;
	line->n = strtoull(p, &end, 10);
	if (*end == ' ' && strlen(end + 1) < sizeof(line->unit))
		strcpy(line->unit, end + 1);
	line->number = !*end || *line->unit;
	return true;
}

static int read_info(int fd, struct info *info)
{
	char path[64], text[256];
	FILE *f;

	memset(info, 0, sizeof(*info));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	if (!f)
		return -errno;
	while (fgets(text, sizeof(text), f)) {
		/* The first lines are not DRM's. */
		if (strncmp(text, "drm-", 4) && strncmp(text, "dacc-", 5))
			continue;
		if (info->n == MAX || !parse_line(text, &info->line[info->n])) {
			info->bad = true;
			continue;
		}
		info->n++;
	}
	fclose(f);
	return 0;
}

static const struct line *find(const struct info *info, const char *key)
{
	for (int i = 0; i < info->n; i++)
		if (!strcmp(info->line[i].key, key))
			return &info->line[i];
	return NULL;
}

/* Bytes: without a unit, or in KiB or MiB, nothing else. */
static long long bytes(const struct info *info, const char *what, const char *region)
{
	const struct line *l;
	char key[64];

	snprintf(key, sizeof(key), "drm-%s-%s", what, region);
	l = find(info, key);
	if (!l || !l->number)
		return -1;
	if (!*l->unit)
		return (long long)l->n;
	if (!strcmp(l->unit, "KiB"))
		return (long long)l->n << 10;
	return strcmp(l->unit, "MiB") ? -1 : (long long)l->n << 20;
}

static long long nanoseconds(const struct info *info, const char *engine)
{
	const struct line *l;
	char key[64];

	snprintf(key, sizeof(key), "drm-engine-%s", engine);
	l = find(info, key);
	return l && l->number && !strcmp(l->unit, "ns") ? (long long)l->n : -1;
}

FIXTURE(dacc_fdinfo)
{
	int fd;
	struct info info;
};

FIXTURE_SETUP(dacc_fdinfo)
{
	self->fd = open_node();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(dacc_fdinfo)
{
	close(self->fd);
}

TEST_F(dacc_fdinfo, grammar)
{
	ASSERT_EQ(read_info(self->fd, &self->info), 0);
	EXPECT_FALSE(self->info.bad);
	EXPECT_GT(self->info.n, 10);
	for (int i = 0; i < self->info.n; i++)
		for (int j = 0; j < i; j++)
			EXPECT_STRNE(self->info.line[i].key, self->info.line[j].key);
}

TEST_F(dacc_fdinfo, known_keys_only)
{
	static const char *const memory[] = { "total", "shared", "resident", "purgeable",
					      "active" };
	static const char *const others[] = { "drm-driver", "drm-pdev", "drm-client-id",
					      "drm-client-name" };

	ASSERT_EQ(read_info(self->fd, &self->info), 0);
	for (int i = 0; i < self->info.n; i++) {
		const struct line *l = &self->info.line[i];
		bool known = !strncmp(l->key, "dacc-", 5) || !strncmp(l->key, "drm-engine-", 11);

		for (size_t k = 0; k < sizeof(others) / sizeof(*others); k++)
			known |= !strcmp(l->key, others[k]);
		for (size_t k = 0; k < sizeof(memory) / sizeof(*memory); k++)
			known |= !strncmp(l->key + 4, memory[k], strlen(memory[k])) &&
				 l->key[4 + strlen(memory[k])] == '-';
		EXPECT_TRUE(known) TH_LOG("%s", l->key);
	}
}

TEST_F(dacc_fdinfo, identity)
{
	const struct line *l;
	char dir[24];

	ASSERT_EQ(read_info(self->fd, &self->info), 0);
	l = find(&self->info, "drm-driver");
	ASSERT_NE(l, NULL);
	EXPECT_STREQ(l->value, "dacc");
	ASSERT_EQ(pci_dir(dir, sizeof(dir)), 0);
	l = find(&self->info, "drm-pdev");
	ASSERT_NE(l, NULL);
	EXPECT_STREQ(l->value, dir);
	l = find(&self->info, "drm-client-id");
	ASSERT_NE(l, NULL);
	EXPECT_TRUE(l->number);
}

TEST_F(dacc_fdinfo, client_id_is_the_files)
{
	struct info other;
	int twin = dup(self->fd), second = open_node();

	ASSERT_EQ(read_info(self->fd, &self->info), 0);
	ASSERT_EQ(read_info(twin, &other), 0);
	EXPECT_EQ(find(&self->info, "drm-client-id")->n, find(&other, "drm-client-id")->n);
	ASSERT_EQ(read_info(second, &other), 0);
	EXPECT_NE(find(&self->info, "drm-client-id")->n, find(&other, "drm-client-id")->n);
	close(twin);
	close(second);
}

TEST_F(dacc_fdinfo, engines)
{
	struct drm_dacc_result r = {};
	long long decode, transfer;
	uint32_t vm, bo, q;

	ASSERT_EQ(vm_create(self->fd, &vm), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, SRAM, &bo), 0);
	ASSERT_EQ(vm_map(self->fd, vm, bo, 0, VA, SZ_1M, 0), 0);
	ASSERT_EQ(queue_create(self->fd, vm, DRM_DACC_QUEUE_TRANSFER, 16, &q), 0);
	ASSERT_EQ(read_info(self->fd, &self->info), 0);
	decode = nanoseconds(&self->info, "decode");
	transfer = nanoseconds(&self->info, "transfer");
	EXPECT_EQ(decode, 0);
	EXPECT_EQ(transfer, 0);
	ASSERT_EQ(run(self->fd, q, job_fill(VA, SZ_1M, 1), &r), 0);
	ASSERT_EQ(read_info(self->fd, &self->info), 0);
	EXPECT_EQ(nanoseconds(&self->info, "decode"), 0);
	EXPECT_EQ(nanoseconds(&self->info, "transfer"), (long long)((r.t_end - r.t_start) / 1000));
	EXPECT_GT(nanoseconds(&self->info, "transfer"), 0);
	/* It never goes down. */
	ASSERT_EQ(queue_destroy(self->fd, q), 0);
	transfer = nanoseconds(&self->info, "transfer");
	ASSERT_EQ(read_info(self->fd, &self->info), 0);
	EXPECT_EQ(nanoseconds(&self->info, "transfer"), transfer);
}

/* The driver sees no job of these; the device tells what they took. */
TEST_F(dacc_fdinfo, engines_of_user_queues)
{
	long long before, after;
	struct dacc_cpl cpl[2];
	uint32_t vm, bo;
	struct uq q;

	ASSERT_EQ(vm_create(self->fd, &vm), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, SRAM, &bo), 0);
	ASSERT_EQ(vm_map(self->fd, vm, bo, 0, VA, SZ_1M, 0), 0);
	ASSERT_EQ(uq_create(&q, self->fd, vm, DRM_DACC_QUEUE_TRANSFER, 0), 0);
	ASSERT_EQ(read_info(self->fd, &self->info), 0);
	before = nanoseconds(&self->info, "transfer");
	uq_push(&q, desc_fill(VA, SZ_1M, 1));
	ASSERT_EQ(uq_wait(&q, uq_push(&q, desc_fill(VA, SZ_64K, 2)), UQ_SECONDS), 0);
	memcpy(cpl, q.cpl, sizeof(cpl));
	ASSERT_EQ(read_info(self->fd, &self->info), 0);
	after = nanoseconds(&self->info, "transfer");
	EXPECT_EQ(before, 0);
	EXPECT_GT(after, 0);
	EXPECT_EQ(after,
		  (long long)((cpl[0].t_end - cpl[0].t_start + cpl[1].t_end - cpl[1].t_start) /
			      1000));
	EXPECT_EQ(nanoseconds(&self->info, "decode"), 0);
	uq_push(&q, desc_fill(VA, SZ_1M, 3));
	ASSERT_EQ(uq_poll(&q, 3, UQ_SECONDS), 0);
	ASSERT_EQ(queue_destroy(self->fd, q.id), 0);
	ASSERT_EQ(read_info(self->fd, &self->info), 0);
	EXPECT_GT(nanoseconds(&self->info, "transfer"), after);
}

TEST_F(dacc_fdinfo, memory)
{
	uint32_t h;

	ASSERT_EQ(bo_create(self->fd, SZ_1M, SRAM, &h), 0);
	ASSERT_EQ(bo_create(self->fd, 3 * SZ_4K, HOST, &h), 0);
	ASSERT_EQ(read_info(self->fd, &self->info), 0);
	EXPECT_EQ(bytes(&self->info, "total", "sram"), SZ_1M);
	EXPECT_EQ(bytes(&self->info, "resident", "sram"), SZ_1M);
	EXPECT_EQ(bytes(&self->info, "shared", "sram"), 0);
	EXPECT_EQ(bytes(&self->info, "active", "sram"), 0);
	EXPECT_EQ(bytes(&self->info, "purgeable", "sram"), 0);
	EXPECT_EQ(bytes(&self->info, "total", "system"), 3 * SZ_4K);
	EXPECT_EQ(bytes(&self->info, "resident", "system"), 3 * SZ_4K);
}

TEST_F(dacc_fdinfo, shared)
{
	uint32_t h;
	int out;

	ASSERT_EQ(bo_create(self->fd, SZ_1M, SRAM, &h), 0);
	ASSERT_EQ(drmPrimeHandleToFD(self->fd, h, DRM_CLOEXEC, &out), 0);
	ASSERT_EQ(read_info(self->fd, &self->info), 0);
	EXPECT_EQ(bytes(&self->info, "shared", "sram"), SZ_1M);
	EXPECT_EQ(bytes(&self->info, "total", "sram"), SZ_1M);
	close(out);
}

TEST_F(dacc_fdinfo, evicted)
{
	struct drm_dacc_device_info info = {};
	int other = open_node();
	uint32_t h;

	ASSERT_EQ(query_device(self->fd, &info), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, SRAM, &h), 0);
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(bo_create(other, info.sram_size / 4, SRAM, &h), 0);
	ASSERT_EQ(read_info(self->fd, &self->info), 0);
	EXPECT_EQ(bytes(&self->info, "total", "sram"), SZ_1M);
	EXPECT_EQ(bytes(&self->info, "resident", "sram"), 0);
	EXPECT_EQ(bytes(&self->info, "resident", "system"), SZ_1M);
	EXPECT_LE(bytes(&self->info, "resident", "system"), bytes(&self->info, "total", "system"));
	ASSERT_NE(find(&self->info, "dacc-evictions"), NULL);
	EXPECT_EQ(find(&self->info, "dacc-evictions")->n, 1);
	EXPECT_EQ(find(&self->info, "dacc-evicted-sram")->n, SZ_1M >> 10);
	close(other);
}

TEST_HARNESS_MAIN
