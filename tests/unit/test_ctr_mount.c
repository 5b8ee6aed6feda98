/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts, devices and links of real containers, and images that try to lead them astray. */
#include "tests/unit/ctr_box.h"

static struct arena *a = &box.arena;

static const char *in_base(const char *name)
{
	static char path[4][192];
	static int at;

	at = (at + 1) % 4;
	(void)snprintf(path[at], sizeof(path[at]), "%s/%s", base, name);
	return path[at];
}

static int make_volume(void)
{
	cleanup_close int fd = -EBADF;

	STEP(mkdir(in_base("vol"), 0755) == 0 && mkdir(in_base("vol/sub"), 0755) == 0);
	fd = open(in_base("vol/file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	STEP(fd >= 0 && fd_write_full(fd, "content\n", 8) == 8);
	STEP(mount("tmpfs", in_base("vol/sub"), "tmpfs", 0, NULL) == 0);
	return 0;
}

CASE(a_bind_is_writable_or_read_only_as_asked)
{
	STEP(make_volume() == 0);
	box_init(&box, "cat /vol/file /new/dir/file; echo x > /vol/a && echo written;"
		       "echo x > /ro/a || echo refused; echo x > /ro/sub/a && echo below;"
		       "echo x > /rro/sub/a || echo refused below");
	add_mount(&box, "bind", in_base("vol"), "/vol", STRV(a, "rbind", "rprivate"));
	add_mount(&box, "none", in_base("vol"), "/ro", STRV(a, "rbind", "ro"));
	add_mount(&box, "none", in_base("vol"), "/rro", STRV(a, "rbind", "rro"));
	add_mount(&box, "bind", in_base("vol/file"), "/new/dir/file", STRV(a, "bind", "ro"));
	STEP(box_run(&box) == 0);
	EXPECT(&box, "content\ncontent\nwritten\n");
	EXPECT(&box, "Read-only file system\nrefused\nbelow\n");
	EXPECT(&box, "Read-only file system\nrefused below\n");
	return 0;
}

CASE(attributes_and_propagation_are_set)
{
	STEP(make_volume() == 0);
	box_init(&box, "grep -E ' /(vol|t|s) ' /proc/self/mountinfo");
	add_mount(&box, "bind", in_base("vol"), "/vol",
		  STRV(a, "bind", "nosuid", "nodev", "noexec", "noatime", "rshared"));
	add_mount(&box, "tmpfs", "t", "/t", STRV(a, "size=1m", "mode=700", "nodiratime", "sync"));
	add_mount(&box, "bind", in_base("vol"), "/s", STRV(a, "bind", "noexec", "exec", "slave"));
	STEP(box_run(&box) == 0);
	EXPECT(&box, "/vol /vol rw,nosuid,nodev,noexec,noatime shared:");
	EXPECT(&box, "/ /t rw,nodiratime,relatime - tmpfs t rw,sync,size=1024k,mode=700");
	EXPECT(&box, "/vol /s rw,relatime - tmpfs");
	return 0;
}

CASE(a_tmpfs_takes_the_mode_of_what_it_covers)
{
	box_init(&box, "stat -c %a /tmp /vol");
	STEP(chmod(in_base("rootfs/tmp"), 01770) == 0);
	add_mount(&box, "tmpfs", "tmpfs", "/tmp", STRV(a, "nosuid"));
	add_mount(&box, "tmpfs", "tmpfs", "/vol", STRV(a, "nosuid", "mode=711"));
	STEP(box_run(&box) == 0);
	EXPECT(&box, "1770\n711\n");
	return 0;
}

CASE(a_read_only_root_has_its_devices_and_directories)
{
	box_init(&box, "echo x > /x || echo refused; echo x > /ro/x || echo too;"
		       "echo x > /dev/null && echo null; pwd; touch /dev/shm/x && echo shm");
	box.spec->root_readonly = true;
	box.spec->process->cwd = "/made/before";
	add_mount(&box, "tmpfs", "tmpfs", "/ro", STRV(a, "ro"));
	STEP(box_run(&box) == 0);
	EXPECT(&box, "Read-only file system\nrefused\n");
	EXPECT(&box, "Read-only file system\ntoo\nnull\n/made/before\nshm\n");
	return 0;
}

CASE(a_link_in_the_image_stays_inside_the_root)
{
	STEP(make_volume() == 0);
	STEP(symlink("/../../../../../../tmp", in_base("rootfs/up")) == 0);
	STEP(symlink("../run/resolve/stub.conf", in_base("rootfs/etc/resolv.conf")) == 0);
	STEP(symlink("/data", in_base("rootfs/var")) == 0);
	box_init(&box, "cat /tmp/here/file; cat /run/resolve/stub.conf; cat /data/lib/file");
	add_mount(&box, "bind", in_base("vol"), "/up/here", STRV(a, "bind"));
	add_mount(&box, "bind", in_base("vol/file"), "/etc/resolv.conf", STRV(a, "bind"));
	add_mount(&box, "bind", in_base("vol"), "/var/lib", STRV(a, "bind"));
	STEP(box_run(&box) == 0);
	EXPECT(&box, "content\ncontent\ncontent\n");
	STEP(access("/tmp/here", F_OK) < 0);
	return 0;
}

static int refused(const char *words)
{
	int r = box_create(&box);

	if (r == 0 || strstr(e.msg, words) == NULL) {
		(void)fprintf(stderr, "# %d: %s\n", r, e.msg);
		return 1;
	}
	box_drop(&box);
	return 0;
}

CASE(dev_may_not_be_a_link)
{
	STEP(rmdir(in_base("rootfs/dev")) == 0);
	STEP(mkdir(in_base("outside"), 0755) == 0);
	STEP(symlink("/tmp", in_base("rootfs/dev")) == 0);
	box_init(&box, "true");
	STEP(refused("mount tmpfs on /dev: target") == 0);
	box_init(&box, "true");
	box.spec->n_mounts = 1; /* proc only: the devices themselves must not follow it */
	STEP(refused("make device /dev/null: target") == 0);
	STEP(access(in_base("rootfs/tmp/null"), F_OK) < 0);
	return 0;
}

CASE(proc_may_not_be_a_link)
{
	STEP(rmdir(in_base("rootfs/proc")) == 0);
	STEP(symlink("/tmp", in_base("rootfs/proc")) == 0);
	box_init(&box, "true");
	return refused("mount proc on /proc: target");
}

CASE(nothing_is_mounted_over_proc)
{
	STEP(make_volume() == 0);
	STEP(symlink("/proc/sys", in_base("rootfs/alias")) == 0);
	box_init(&box, "true");
	add_mount(&box, "bind", in_base("vol"), "/x/../proc//self", STRV(a, "bind"));
	STEP(refused("mount /proc/self: not allowed on proc") == 0);
	box_init(&box, "true");
	add_mount(&box, "tmpfs", "tmpfs", "/alias", STRV(a, "nosuid"));
	STEP(refused("mount tmpfs on /alias: not allowed on proc") == 0);
	box_init(&box, "true");
	add_mount(&box, "bind", in_base("vol"), "/proc", STRV(a, "bind"));
	STEP(refused("not allowed on proc") == 0);
	box_init(&box, "cat /proc/uptime");
	add_mount(&box, "bind", in_base("vol/file"), "/proc/uptime", STRV(a, "bind", "ro"));
	STEP(box_run(&box) == 0);
	EXPECT(&box, "content");
	return 0;
}

CASE(the_root_itself_is_no_target)
{
	box_init(&box, "true");
	add_mount(&box, "tmpfs", "tmpfs", "/tmp/../", STRV(a, "nosuid"));
	return refused("mount tmpfs on /: target");
}

CASE(a_bad_option_is_named)
{
	box_init(&box, "true");
	add_mount(&box, "tmpfs", "tmpfs", "/vol", STRV(a, "size=1m", "nonsense=1"));
	STEP(refused("mount tmpfs on /vol: option \"nonsense\"") == 0);
	box_init(&box, "true");
	add_mount(&box, "bind", "/tmp", "/vol", STRV(a, "bind", "size=1m"));
	return refused("mount /vol: a bind takes no file system data (\"size\")");
}

CASE(devices_of_the_spec_are_made)
{
	static struct ctr_device devices[] = {
		{"/dev/mine", 'c', 1, 5, 0640, 1000, 1001},
		{"/dev/null", 'c', 1, 3, 0600, CTR_UNSET, CTR_UNSET},
		{"/dev/deep/pipe", 'p', 0, 0, 0644, CTR_UNSET, CTR_UNSET},
	};

	box_init(&box, "stat -c '%F %t,%T %a %u:%g' /dev/mine /dev/null /dev/deep/pipe");
	box.spec->devices = devices;
	box.spec->n_devices = 3;
	STEP(box_run(&box) == 0);
	EXPECT(&box, "character special file 1,5 640 1000:1001\n");
	EXPECT(&box, "character special file 1,3 600 0:0\n");
	EXPECT(&box, "fifo 0,0 644 0:0\n");
	return 0;
}

CASE(a_node_of_another_kind_in_the_image_is_refused)
{
	box_init(&box, "true");
	box.spec->n_mounts = 1;
	STEP(mknod(in_base("rootfs/dev/null"), S_IFCHR | 0666, makedev(1, 5)) == 0);
	return refused("make device /dev/null");
}

CASE(the_group_is_mounted_without_a_namespace_too)
{
	box_init(&box, "cat /sys/fs/cgroup/pids/cgroup.procs || cat /sys/fs/cgroup/cgroup.procs;"
		       "mkdir /sys/fs/cgroup/pids/x || echo refused");
	box.spec->n_namespaces--; /* the last one: cgroup */
	STEP(box_run(&box) == 0);
	EXPECT(&box, "1\n");
	EXPECT(&box, "refused");
	return 0;
}
