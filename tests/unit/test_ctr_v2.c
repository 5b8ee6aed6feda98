/* SPDX-License-Identifier: Apache-2.0 */
/* Containers where cgroup2 alone is mounted: born in their group, killed by one write. */
#include "tests/unit/ctr_box.h"

static int mount_v2(void)
{
	(void)umount2("/sys/fs/cgroup", MNT_DETACH);
	STEP(mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) == 0);
	return 0;
}

__attribute__((constructor)) static void use_v2(void)
{
	before_setup = mount_v2;
}

CASE(the_container_is_born_in_its_group_and_sees_nothing_above)
{
	box_init(&box, "cat /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.procs;"
		       "cat /proc/self/mountinfo; mkdir /sys/fs/cgroup/x || echo refused");
	STEP(box_run(&box) == 0);
	EXPECT(&box, "0::/\n1\n");
	EXPECT(&box, " / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 ");
	EXPECT(&box, "refused");
	return 0;
}

CASE(without_a_namespace_only_the_own_group_is_bound)
{
	static char want[96];

	box_init(&box, "cat /sys/fs/cgroup/cgroup.procs; cat /proc/self/mountinfo");
	box.spec->n_namespaces--; /* the last one: cgroup */
	STEP(box_run(&box) == 0);
	(void)snprintf(want, sizeof(want), "/%s /sys/fs/cgroup ro,", box.id);
	EXPECT(&box, "1\n");
	EXPECT(&box, want);
	return 0;
}

CASE(pause_kill_and_delete_work)
{
	box_init(&box, "sleep 100 & sleep 100");
	STEP(box_create(&box) == 0 && box_start(&box));
	STEP(ctr_pause(box.ctr, on_done, &box, &e) == 0 && finished(&box));
	STEP(ctr_get_state(box.ctr) == CTR_PAUSED);
	STEP(ctr_resume(box.ctr, on_done, &box, &e) == 0 && finished(&box));
	STEP(ctr_pause(box.ctr, on_done, &box, &e) == 0 && finished(&box));
	STEP(ctr_kill_all(box.ctr, &e) == 0);
	STEP(wait_for(&box, &box.has_exited));
	STEP(ctr_process_exit_code(ctr_init(box.ctr)) == 137);
	STEP(box_delete(&box));
	return 0;
}

CASE(the_device_program_holds)
{
	box_init(&box, "head -c 1 /dev/zero | cat -v; echo x > /dev/null && echo null;"
		       "head -c 1 /dev/denied || echo denied");
	static struct ctr_device kmsg = {"/dev/denied", 'c', 1, 11, 0666, CTR_UNSET, CTR_UNSET};
	static struct ctr_device_rule none = {false, 'a', CTR_UNSET, CTR_UNSET, "rwm"};

	box.spec->resources = arena_alloc(&box.arena, sizeof(struct ctr_resources));
	ctr_resources_init(box.spec->resources);
	box.spec->resources->devices = &none;
	box.spec->resources->n_devices = 1;
	box.spec->devices = &kmsg;
	box.spec->n_devices = 1;
	STEP(box_run(&box) == 0);
	EXPECT(&box, "^@null\n");
	EXPECT(&box, "Operation not permitted\ndenied\n");
	return 0;
}
