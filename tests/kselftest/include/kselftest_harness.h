/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's harness with a longer limit for each test: it is there for what
 * hangs, and the debug kernel on busy processors is some twenty times slower.
 */
#include_next <kselftest_harness.h>

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240
