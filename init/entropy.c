/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the kernel's random generator ready at once when the host gave us a virtio-rng: without a
 * CPU instruction it would otherwise wait for interrupts, and so would every getrandom(2).
 */
#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/random.h>

#define LOG_MODULE "entropy"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "init/steps.h"

#define SEED_BYTES 64

int step_entropy(const struct boot_params *p unused_arg, struct err *e)
{
	struct {
		struct rand_pool_info info;
		unsigned char seed[SEED_BYTES];
	} pool = {.info = {.entropy_count = SEED_BYTES * 8, .buf_size = SEED_BYTES}};
	cleanup_close int hw = -EBADF, rnd = -EBADF;
	unsigned char probe;
	ssize_t n;

	if (getrandom(&probe, 1, GRND_NONBLOCK) == 1)
		return 0;
	hw = open("/dev/hwrng", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (hw < 0)
		return err_set(e, -errno,
			       "random generator is not ready and there is no /dev/hwrng");
	n = read(hw, pool.seed, sizeof(pool.seed));
	if (n <= 0)
		return err_set(e, n < 0 ? -errno : -EIO, "read /dev/hwrng");
	pool.info.buf_size = (int)n;
	pool.info.entropy_count = (int)n * 8;
	rnd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
	if (rnd < 0 || ioctl(rnd, RNDADDENTROPY, &pool) < 0)
		return err_set(e, -errno, "seed the random generator");
	explicit_bzero(&pool, sizeof(pool));
	return 0;
}
