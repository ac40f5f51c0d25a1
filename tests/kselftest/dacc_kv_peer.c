// SPDX-License-Identifier: GPL-2.0
/* KV transfers out of the GPU peer's memory: the link, its loss, the peer's loss. */
#include <dirent.h>

#include "dacc_kv_util.h"
#include "dacc_life.h"

#include "drm/gpupeer_drm.h"

#define SRC  0x100000000ull
#define SRAM 0x200000000ull
#define PAGE 65536u
#define N    16u

FIXTURE(dacc_kv_peer)
{
	int fd, gpu, buf;
	uint32_t vm, sram, import, q, pool, line;
	uint64_t page[N];
	uint8_t *g, *s;
	char pci[32];
};

static int open_gpu(char *pci, size_t size)
{
	char path[300], link[300];
	struct dirent *e;
	DIR *d = opendir("/dev/dri");
	int found = -ENOENT;

	while (d && found < 0 && (e = readdir(d))) {
		drmVersionPtr v;
		ssize_t n;
		int fd;

		if (strncmp(e->d_name, "renderD", 7))
			continue;
		snprintf(path, sizeof(path), "/dev/dri/%s", e->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		v = drmGetVersion(fd);
		if (v && !strcmp(v->name, "gpupeer")) {
			snprintf(path, sizeof(path), "/sys/class/drm/%s/device", e->d_name);
			n = readlink(path, link, sizeof(link) - 1);
			link[n < 0 ? 0 : n] = 0;
			snprintf(pci, size, "%.20s",
				 strrchr(link, '/') ? strrchr(link, '/') + 1 : "");
			found = fd;
		} else {
			close(fd);
		}
		drmFreeVersion(v);
	}
	if (d)
		closedir(d);
	return found;
}

FIXTURE_SETUP(dacc_kv_peer)
{
	struct drm_gpupeer_bo_create c = { .size = SZ_1M, .flags = DRM_GPUPEER_BO_HBM };
	struct drm_gpupeer_bo_mmap m = {};

	self->fd = open_node();
	ASSERT_GE(self->fd, 0);
	self->gpu = open_gpu(self->pci, sizeof(self->pci));
	ASSERT_GE(self->gpu, 0);
	ASSERT_EQ(drmIoctl(self->gpu, DRM_IOCTL_GPUPEER_BO_CREATE, &c), 0);
	m.handle = c.handle;
	ASSERT_EQ(drmIoctl(self->gpu, DRM_IOCTL_GPUPEER_BO_MMAP, &m), 0);
	self->g = mmap(NULL, SZ_1M, PROT_READ | PROT_WRITE, MAP_SHARED, self->gpu, (off_t)m.offset);
	ASSERT_NE(self->g, MAP_FAILED);
	fill_pattern(self->g, SZ_1M, 9);
	ASSERT_EQ(drmPrimeHandleToFD(self->gpu, c.handle, DRM_CLOEXEC | DRM_RDWR, &self->buf), 0);
	ASSERT_EQ(drmPrimeFDToHandle(self->fd, self->buf, &self->import), 0);
	ASSERT_EQ(vm_create(self->fd, &self->vm), 0);
	ASSERT_EQ(bo_create(self->fd, SZ_1M, DRM_DACC_BO_SRAM, &self->sram), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->import, 0, SRC, SZ_1M, DRM_DACC_VM_READONLY), 0);
	ASSERT_EQ(vm_map(self->fd, self->vm, self->sram, 0, SRAM, SZ_1M, 0), 0);
	ASSERT_EQ(queue_create(self->fd, self->vm, DRM_DACC_QUEUE_TRANSFER, 64, &self->q), 0);
	ASSERT_EQ(pool_create(self->fd, self->vm, SRAM, PAGE, N, 0, &self->pool), 0);
	ASSERT_EQ(pool_alloc(self->fd, self->pool, self->page, N, NULL), 0);
	ASSERT_EQ(drmSyncobjCreate(self->fd, 0, &self->line), 0);
	self->s = bo_map(self->fd, self->sram, SZ_1M);
	ASSERT_NE(self->s, NULL);
}

/* Waits for the link, which another test may have had down. */
static bool link_is_up(int fd)
{
	struct drm_dacc_link_info info = {};
	struct drm_dacc_query q = {
		.type = DRM_DACC_QUERY_LINK,
		.pointer = (uintptr_t)&info,
		.size = sizeof(info),
	};

	for (int i = 0; i < 100; i++) {
		if (!xioctl(fd, DRM_IOCTL_DACC_QUERY, &q) && info.status & DACC_LINK_UP)
			return true;
		usleep(100000);
	}
	return false;
}

static int disable_links(uint32_t mask)
{
	FILE *f = debugfs_open("link_disable", "w");
	int ret;

	if (!f)
		return -ENOENT;
	ret = fprintf(f, "%u\n", mask) < 0 ? -EIO : 0;
	return fclose(f) ? -errno : ret;
}

FIXTURE_TEARDOWN(dacc_kv_peer)
{
	disable_links(0);
	munmap(self->g, SZ_1M);
	munmap(self->s, SZ_1M);
	close(self->buf);
	close(self->gpu);
	close(self->fd);
}

/* All pages, each from its like; @times times over. */
static int make_list(FIXTURE_DATA(dacc_kv_peer) * self, uint32_t layers, uint32_t times,
		     uint32_t *list)
{
	struct drm_dacc_list_create c = {
		.vm = self->vm,
		.pool = self->pool,
		.form = DRM_DACC_LIST_SG,
		.n_layers = layers,
		.pages = (uintptr_t)self->page,
		.n_pages = N,
	};
	uint32_t n = N * times, *end = calloc(layers, sizeof(*end));
	struct dacc_block *b = calloc((size_t)layers * n, sizeof(*b));
	int ret;

	for (uint32_t i = 0; i < layers * n; i++)
		b[i] = (struct dacc_block){ SRC + i % N * PAGE,
					    SRAM + DRM_DACC_PAGE_INDEX(self->page[i % N]) * PAGE,
					    PAGE };
	for (uint32_t l = 0; l < layers; l++)
		end[l] = (l + 1) * n;
	c.sg.blocks = (uintptr_t)b;
	c.sg.layer_end = (uintptr_t)end;
	c.sg.n_blocks = layers * n;
	ret = list_create(self->fd, &c, list);
	free(b);
	free(end);
	return ret;
}

static bool pages_right(FIXTURE_DATA(dacc_kv_peer) * self)
{
	for (uint32_t i = 0; i < N; i++)
		if (memcmp(self->s + DRM_DACC_PAGE_INDEX(self->page[i]) * PAGE, self->g + i * PAGE,
			   PAGE))
			return false;
	return true;
}

TEST_F(dacc_kv_peer, over_the_link)
{
	struct drm_dacc_transfer t = { .queue = self->q,
				       .n_layers = 2,
				       .flags = DRM_DACC_TRANSFER_LINK_ONLY };
	struct drm_dacc_transfer_result r = {};

	ASSERT_TRUE(link_is_up(self->fd));
	ASSERT_EQ(make_list(self, 2, 1, &t.list), 0);
	ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(r.path, DACC_PATH_LINK);
	EXPECT_EQ(r.link_bytes, 2 * SZ_1M);
	EXPECT_EQ(r.pages_done, N);
	EXPECT_TRUE(pages_right(self));
}

TEST_F(dacc_kv_peer, without_a_link_over_pcie)
{
	struct drm_dacc_transfer t = { .queue = self->q, .n_layers = 1 };
	struct drm_dacc_transfer_result r = {};

	ASSERT_EQ(make_list(self, 1, 1, &t.list), 0);
	ASSERT_EQ(disable_links(1), 0);
	ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
	EXPECT_EQ(r.error, 0);
	EXPECT_EQ(r.path, DACC_PATH_PCIE);
	EXPECT_EQ(r.link_bytes, 0);
	EXPECT_TRUE(pages_right(self));
}

TEST_F(dacc_kv_peer, link_only_without_a_link)
{
	struct drm_dacc_transfer t = { .queue = self->q,
				       .n_layers = 3,
				       .flags = DRM_DACC_TRANSFER_LINK_ONLY };
	struct drm_dacc_transfer_result r = {};
	struct drm_dacc_queue_info i;

	ASSERT_EQ(make_list(self, 3, 1, &t.list), 0);
	ASSERT_EQ(disable_links(1), 0);
	ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
	EXPECT_EQ(r.error, -ENOLINK);
	EXPECT_EQ(r.layers_done, 0);
	EXPECT_EQ(r.failed_layer, 0);
	EXPECT_EQ(r.failed_block, 0);
	EXPECT_EQ(r.pages_failed, N);
	ASSERT_EQ(queue_info(self->fd, self->q, &i), 0);
	EXPECT_EQ(i.state, DRM_DACC_QUEUE_OK);
	/* Up again, which takes it a moment, all is well. */
	ASSERT_EQ(disable_links(0), 0);
	for (int k = 0; k < 100; k++) {
		ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
		if (r.error != -ENOLINK)
			break;
		usleep(100000);
	}
	EXPECT_EQ(r.error, 0);
	EXPECT_TRUE(pages_right(self));
}

TEST_F(dacc_kv_peer, the_link_flaps_meanwhile)
{
	struct drm_dacc_transfer t = { .queue = self->q, .n_layers = 4 };
	struct drm_dacc_transfer_result r = {};
	unsigned int lost = 0;

	ASSERT_EQ(make_list(self, 4, 100, &t.list), 0);
	for (int round = 0; round < 10; round++) {
		t.flags = round & 1 ? DRM_DACC_TRANSFER_LINK_ONLY : 0;
		ASSERT_EQ(transfer(self->fd, &t), 0);
		usleep(2000 * round);
		ASSERT_EQ(disable_links(1), 0);
		usleep(1000);
		ASSERT_EQ(disable_links(0), 0);
		ASSERT_EQ(transfer_wait(self->fd, t.id, 60, &r), 0);
		if (t.flags && r.error == -ENOLINK)
			lost++;
		else
			ASSERT_EQ(r.error, 0);
		if (!r.error)
			EXPECT_TRUE(pages_right(self));
	}
	TH_LOG("%u of 5 transfers that insist on the link lost it", lost);
}

/* Through the GPU peer's debugfs. */
static int revoke_hbm(int buf)
{
	struct stat st;
	glob_t g = {};
	FILE *f = NULL;

	if (fstat(buf, &st))
		return -errno;
	if (!glob("/sys/kernel/debug/dri/*/revoke", 0, NULL, &g))
		f = fopen(g.gl_pathv[0], "w");
	globfree(&g);
	if (!f)
		return -ENOENT;
	fprintf(f, "%lu", (unsigned long)st.st_ino);
	return fclose(f) ? -errno : 0;
}

TEST_F(dacc_kv_peer, revoked_before)
{
	struct drm_dacc_transfer t = { .queue = self->q, .n_layers = 2 };
	struct drm_dacc_transfer_result r = {};
	uint32_t index;

	ASSERT_EQ(make_list(self, 2, 1, &t.list), 0);
	ASSERT_EQ(revoke_hbm(self->buf), 0);
	ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
	EXPECT_EQ(r.error, -EHOSTDOWN);
	EXPECT_EQ(r.failed_layer, 0);
	EXPECT_EQ(r.failed_block, 0);
	EXPECT_EQ(pool_free(self->fd, self->pool, self->page, N, &index), 0);
	EXPECT_EQ(index, 0);
}

TEST_F(dacc_kv_peer, revoked_meanwhile)
{
	struct drm_dacc_transfer t = { .queue = self->q, .n_layers = 60 };
	struct drm_dacc_transfer_result r = {};
	uint32_t index;

	/* Longer than the exporter is made to wait. */
	ASSERT_EQ(make_list(self, 60, 200, &t.list), 0);
	ASSERT_EQ(transfer(self->fd, &t), 0);
	let_it_start();
	ASSERT_EQ(revoke_hbm(self->buf), 0);
	ASSERT_EQ(transfer_wait(self->fd, t.id, 60, &r), 0);
	/* Either it was fast enough, or the peer's memory went. Never a hang. */
	EXPECT_TRUE(!r.error || r.error == -EHOSTDOWN);
	TH_LOG("ended with %d after %u layers", r.error, r.layers_done);
	EXPECT_EQ(pool_free(self->fd, self->pool, self->page, N, &index), 0);
	EXPECT_EQ(index, 0);
}

TEST_F(dacc_kv_peer, the_peer_is_unbound_meanwhile)
{
	struct drm_dacc_transfer t = { .queue = self->q, .n_layers = 60 };
	struct drm_dacc_transfer_result r = {};
	uint32_t index;

	ASSERT_EQ(make_list(self, 60, 200, &t.list), 0);
	ASSERT_EQ(transfer(self->fd, &t), 0);
	let_it_start();
	ASSERT_EQ(write_file("/sys/bus/pci/drivers/gpupeer/unbind", self->pci), 0);
	ASSERT_EQ(transfer_wait(self->fd, t.id, 60, &r), 0);
	EXPECT_TRUE(!r.error || r.error == -EHOSTDOWN);
	TH_LOG("ended with %d after %u layers", r.error, r.layers_done);
	/* From then on it can't be had. */
	ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
	EXPECT_EQ(r.error, -EHOSTDOWN);
	EXPECT_EQ(pool_free(self->fd, self->pool, self->page, N, &index), 0);
	EXPECT_EQ(index, 0);
	EXPECT_EQ(bystander(), 0);
	ASSERT_EQ(write_file("/sys/bus/pci/drivers/gpupeer/bind", self->pci), 0);
}

TEST_F(dacc_kv_peer, verified_over_the_link)
{
	struct drm_dacc_transfer t = {
		.queue = self->q,
		.n_layers = 1,
		.flags = DRM_DACC_TRANSFER_CHECKSUM | DRM_DACC_TRANSFER_VERIFY,
	};
	struct drm_dacc_transfer_result r = {};
	uint8_t *copy = malloc(SZ_1M);
	uint32_t crc;

	ASSERT_NE(copy, NULL);
	memcpy(copy, self->g, SZ_1M);
	crc = crc32_add(0, copy, SZ_1M);
	free(copy);
	t.crcs = (uintptr_t)&crc;
	ASSERT_EQ(make_list(self, 1, 1, &t.list), 0);
	ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
	EXPECT_EQ(r.error, 0);
	/* The source changes: what was promised does not come. */
	self->g[12345] ^= 1;
	ASSERT_EQ(transfer_run(self->fd, &t, &r), 0);
	EXPECT_EQ(r.error, -EBADMSG);
}

TEST_HARNESS_MAIN
