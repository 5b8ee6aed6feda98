/* SPDX-License-Identifier: Apache-2.0 */
/* Bad input: the code, a text that names the field, and nothing left behind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/rpc/rpc.h"

static char *before;

static void begin(struct spec *s, const char *id)
{
	before = traces();
	spec_init(s, id, "exit 0");
}

/* Create must fail like this, and leave the same traces and a usable id. */
static void refused(struct spec *s, int code, const char *text)
{
	EXPECT_TEXT(spec_create(s), code, text);
	spec_done(s);
	traces_return_to(before);
}

TEST(refused_container_id_that_is_no_id)
{
	static const char *const ids[] = {"", "../x", "-x", "a/b", ".", "a b", "\xc3\xa4"};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct spec s;

		begin(&s, ids[i]);
		refused(&s, 3, "invalid container ID");
	}
}

TEST(refused_container_id_of_a_directory_that_is_not_ours)
{
	struct spec s;

	begin(&s, "shared");
	refused(&s, 3, "reserved");
	begin(&s, "sandbox");
	refused(&s, 3, "reserved");
}

TEST(refused_request_without_a_spec)
{
	struct spec s;

	begin(&s, "r-oci");
	s.req.oci = NULL;
	refused(&s, 3, "OCI");
}

TEST(refused_spec_without_process_root_linux_or_args)
{
	struct spec s;

	begin(&s, "r-part");
	s.oci.process = NULL;
	refused(&s, 3, "process");
	begin(&s, "r-part");
	s.oci.root = NULL;
	refused(&s, 3, "root");
	begin(&s, "r-part");
	s.oci.linux = NULL;
	refused(&s, 3, "linux");
	begin(&s, "r-part");
	s.process.n_args = 0;
	refused(&s, 3, "args");
}

TEST(refused_missing_rootfs)
{
	struct spec s;

	begin(&s, "r-root");
	s.root.path = (char[]){"/mnt/no/such/root"};
	refused(&s, 13, "root.path '/mnt/no/such/root'");
}

TEST(refused_root_of_the_guest_and_relative_root)
{
	struct spec s;

	begin(&s, "r-slash");
	s.root.path = (char[]){"/mnt/.."};
	refused(&s, 3, "root.path");
	begin(&s, "r-rel");
	s.root.path = (char[]){"rootfs"};
	refused(&s, 3, "root.path");
}

TEST(refused_missing_executable_with_the_text_users_see)
{
	struct spec s;

	begin(&s, "r-exec");
	spec_args(&s, (const char *const[]){"/bin/no-such", NULL});
	refused(&s, 13, "the file /bin/no-such was not found");
}

TEST(refused_unknown_namespace_type_and_path)
{
	struct spec s;

	begin(&s, "r-ns");
	spec_namespace(&s, "color", "");
	refused(&s, 3, "namespaces");
	begin(&s, "r-ns");
	spec_namespace(&s, "network", "/mnt/no/netns");
	refused(&s, 3, "/mnt/no/netns");
}

TEST(refused_unknown_seccomp_action)
{
	Grpc__LinuxSeccomp sec = GRPC__LINUX_SECCOMP__INIT;
	struct spec s;

	begin(&s, "r-sec");
	sec.defaultaction = (char[]){"SCMP_ACT_DANCE"};
	s.linux_.seccomp = &sec;
	refused(&s, 3, "SCMP_ACT_DANCE");
}

TEST(refused_unknown_device_type_and_rlimit)
{
	Grpc__LinuxDevice d = GRPC__LINUX_DEVICE__INIT, *list[] = {&d};
	Grpc__POSIXRlimit l = GRPC__POSIXRLIMIT__INIT, *limits[] = {&l};
	struct spec s;

	begin(&s, "r-dev");
	d.path = (char[]){"/dev/x"};
	d.type = (char[]){"zebra"};
	s.linux_.devices = list;
	s.linux_.n_devices = 1;
	refused(&s, 3, "zebra");
	begin(&s, "r-lim");
	l.type = (char[]){"RLIMIT_COFFEE"};
	s.process.rlimits = limits;
	s.process.n_rlimits = 1;
	refused(&s, 3, "RLIMIT_COFFEE");
}

TEST(refused_unknown_mount_source_and_storage_driver)
{
	Grpc__Storage st = GRPC__STORAGE__INIT, *list[] = {&st};
	struct spec s;

	begin(&s, "r-mount");
	spec_mount(&s, "/data", "/mnt/no/source", "bind", "rbind,ro");
	refused(&s, 13, "/mnt/no/source");
	begin(&s, "r-store");
	st.driver = (char[]){"floppy"};
	s.req.storages = list;
	s.req.n_storages = 1;
	refused(&s, 13, "Failed to find the storage handler floppy");
}

TEST(refused_prestart_hook_that_fails)
{
	Grpc__Hooks hooks = GRPC__HOOKS__INIT;
	Grpc__Hook h = GRPC__HOOK__INIT, *list[] = {&h};
	struct spec s;

	begin(&s, "r-hook");
	h.path = (char[]){"/bin/false"};
	hooks.prestart = list;
	hooks.n_prestart = 1;
	s.oci.hooks = &hooks;
	refused(&s, 13, "/bin/false");
}

TEST(refused_device_that_never_appears)
{
	Grpc__Device d = GRPC__DEVICE__INIT, *list[] = {&d};
	struct spec s;

	begin(&s, "r-hot");
	d.type = (char[]){"blk"};
	d.id = (char[]){"1f/1f"};
	d.vm_path = (char[]){""};
	d.container_path = (char[]){"/dev/xyz"};
	s.req.devices = list;
	s.req.n_devices = 1;
	refused(&s, 13, "");
}

TEST(unknown_capabilities_are_skipped)
{
	Grpc__LinuxCapabilities caps = GRPC__LINUX_CAPABILITIES__INIT;
	char *list[] = {(char[]){"CAP_CHOWN"}, (char[]){"CAP_FLY"}};
	struct spec s;
	char *text;

	spec_init(&s, "r-cap", "grep CapBnd /proc/self/status");
	caps.bounding = caps.effective = caps.permitted = list;
	caps.n_bounding = caps.n_effective = caps.n_permitted = 2;
	s.process.capabilities = &caps;
	EXPECT(spec_create(&s), 0);
	spec_done(&s);
	EXPECT(start_container("r-cap"), 0);
	text = read_all("r-cap", "", false, NULL);
	CHECK(strstr(text, "0000000000000001") != NULL);
	free(text);
	EXPECT(remove_container("r-cap", 10), 0);
}

TEST(create_past_its_deadline_is_undone)
{
	Grpc__Hooks hooks = GRPC__HOOKS__INIT;
	char *args[] = {(char[]){"sleep"}, (char[]){"30"}};
	Grpc__Hook h = GRPC__HOOK__INIT, *list[] = {&h};
	static struct open_call o;
	struct spec s;

	begin(&s, "r-slow");
	h.path = (char[]){"/bin/sleep"};
	h.args = args;
	h.n_args = 2;
	hooks.prestart = list;
	hooks.n_prestart = 1;
	s.oci.hooks = &hooks;
	call_open(world.client, &o, "CreateContainer", &s.req.base, SECONDS(1) / 2);
	call_finish(&o);
	CHECK(o.code == 4);
	spec_done(&s);
	/* The undo goes on after the answer; the id is free when it is done. */
	traces_return_to(before);
	run_container("r-slow", "exit 0");
	EXPECT(remove_container("r-slow", 10), 0);
}

TEST(containers_leave_no_trace_when_they_are_removed)
{
	before = traces();
	run_container("r-end", "sleep 1000");
	EXPECT(exec_process("r-end", "e", "sleep 1000", true), 0);
	EXPECT(remove_container("r-end", 10), 0);
	traces_return_to(before);
}
