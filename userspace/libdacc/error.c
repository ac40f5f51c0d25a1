// SPDX-License-Identifier: MIT
/* Error texts: of codes, of completions, and the message of a failed call. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "internal.h"

#ifndef LIBDACC_VERSION
#error "LIBDACC_VERSION comes from the Makefile"
#endif

DACC_PUBLIC const char *dacc_version(void)
{
	return LIBDACC_VERSION;
}

/* NULL for a code that means nothing more here than anywhere. */
static const char *known_text(int err)
{
	switch (err < 0 ? -err : err) {
	case 0:
		return "success";
	case EPERM:
	case EACCES:
		return "permission denied";
	case ENOENT:
		return "no such object";
	case EIO:
		return "the queue or the device has failed";
	case EAGAIN:
		return "not now: the queue is full, or there is nothing to be read";
	case ENOMEM:
		return "out of host memory";
	case EBUSY:
		return "in use";
	case ENODEV:
		return "no such device, or it was removed";
	case EINVAL:
		return "invalid argument";
	case ENOSPC:
		return "not enough memory, queues or address spaces on the chip";
	case EOPNOTSUPP:
		return "not supported by this device or buffer";
	case ETIME:
		return "the deadline has passed";
	case ECANCELED:
		return "cancelled, or the queue was destroyed or reset";
	case EREMOTEIO:
		return "the chip may not reach the peer's memory: go through host memory";
	case ENODATA:
		return "no longer known";
	case EBADMSG:
		return "the device wrote a record that is not well-formed";
	case EILSEQ:
		return "a byte that the vocabulary can't express";
	case ENOBUFS:
		return "no room in the caller's array";
	case E2BIG:
		return "a structure holds members that this library does not know";
	case EFAULT:
		return "bad address";
	default:
		return NULL;
	}
}

DACC_PUBLIC const char *dacc_strerror(int err)
{
	const char *text = known_text(err);

	return text ? text : "system error";
}

const char *dacc_error_text(int err)
{
	const char *text = known_text(err);

	return text ? text : strerror(err < 0 ? -err : err);
}

DACC_PUBLIC const char *dacc_status_string(unsigned int status)
{
	static const char *const text[DACC_STATUS_COUNT] = {
		[DACC_STATUS_OK] = "done",
		[DACC_STATUS_BAD_OPCODE] = "unknown opcode",
		[DACC_STATUS_RESERVED] = "reserved field set",
		[DACC_STATUS_BAD_LENGTH] = "bad length",
		[DACC_STATUS_BAD_ALIGN] = "bad alignment",
		[DACC_STATUS_UNMAPPED] = "address not mapped",
		[DACC_STATUS_READ_ONLY] = "write to a read-only mapping",
		[DACC_STATUS_BUS_ERROR] = "bus error",
		[DACC_STATUS_BAD_INSN] = "malformed instruction",
		[DACC_STATUS_BAD_TOKEN] = "token outside of the vocabulary",
		[DACC_STATUS_CONTEXT_FULL] = "context full",
		[DACC_STATUS_BAD_SEQUENCE] = "malformed sequence",
		[DACC_STATUS_UNSUPPORTED] = "not supported by this device",
		[DACC_STATUS_BAD_DOORBELL] = "bad doorbell",
		[DACC_STATUS_BAD_QUEUE] = "bad queue registers",
		[DACC_STATUS_CANCELLED] = "cancelled",
		[DACC_STATUS_NOT_A_NUMBER] = "every logit is NaN",
		[DACC_STATUS_ABORTED] = "aborted",
		[DACC_STATUS_LINK_DOWN] = "no link that is up leads there",
		[DACC_STATUS_BAD_CHECKSUM] = "the checksum differs from what was due",
	};

	return status < DACC_STATUS_COUNT && text[status] ? text[status] : "unknown status";
}

static void set_text(struct dacc_error *e, const char *fmt, va_list ap)
{
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	/* One line, whatever a file name holds. */
	for (char *p = e->text; *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = '?';
}

int dacc_set_error(struct dacc_error *e, int err, const char *fmt, ...)
{
	va_list ap;

	if (e) {
		va_start(ap, fmt);
		set_text(e, fmt, ap);
		va_end(ap);
	}
	return err;
}

int dacc_dev_error(struct dacc_device *dev, int err, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&dev->lock);
	va_start(ap, fmt);
	set_text(&dev->last_error, fmt, ap);
	va_end(ap);
	dev->last_err = err;
	pthread_mutex_unlock(&dev->lock);
	return err;
}

DACC_PUBLIC int dacc_device_error(struct dacc_device *dev, struct dacc_error *err)
{
	int ret;

	if (!dev)
		return dacc_set_error(err, -EINVAL, "no device");
	pthread_mutex_lock(&dev->lock);
	ret = dev->last_err;
	if (err)
		*err = dev->last_error;
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

const char *dacc_size_text(uint64_t bytes, char *buf, size_t size)
{
	static const char *const unit[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	double v = bytes;
	unsigned int u = 0;

	while (v >= 1024 && u + 1 < ARRAY_SIZE(unit)) {
		v /= 1024;
		u++;
	}
	snprintf(buf, size, u ? "%.2f %s" : "%.0f %s", v, unit[u]);
	return buf;
}

int dacc_copy_out(void *dst, size_t dst_size, const void *src, size_t src_size)
{
	size_t n = dst_size < src_size ? dst_size : src_size;

	if (!dst || !dst_size)
		return -EINVAL;
	memcpy(dst, src, n);
	memset((char *)dst + n, 0, dst_size - n);
	return 0;
}

int dacc_copy_in(void *dst, size_t dst_size, const void *src)
{
	size_t size, n;

	if (!src)
		return -EINVAL;
	memcpy(&size, src, sizeof(size));
	if (size < sizeof(size) || size > 4096)
		return -EINVAL;
	for (n = dst_size; n < size; n++)
		if (((const char *)src)[n])
			return -E2BIG;
	n = size < dst_size ? size : dst_size;
	memset(dst, 0, dst_size);
	memcpy(dst, src, n);
	return 0;
}

const char *dacc_copy_in_text(int ret, const void *src)
{
	if (!src)
		return "is NULL";
	if (ret == -E2BIG)
		return "has members that this library does not know, and that are not zero";
	return "has a bad size: set its member size to its sizeof";
}
