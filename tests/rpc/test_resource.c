/* SPDX-License-Identifier: Apache-2.0 */
/* Network, storage, files and the guest itself, as a host calls them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/rpc/rpc.h"

TEST(net_requests_without_content_are_the_hosts_fault)
{
	Grpc__UpdateInterfaceRequest i = GRPC__UPDATE_INTERFACE_REQUEST__INIT;
	Grpc__UpdateRoutesRequest r = GRPC__UPDATE_ROUTES_REQUEST__INIT;
	Grpc__AddARPNeighborsRequest n = GRPC__ADD_ARPNEIGHBORS_REQUEST__INIT;

	EXPECT_TEXT(call("UpdateInterface", &i.base), 3, "empty update interface request");
	EXPECT_TEXT(call("UpdateRoutes", &r.base), 3, "empty update routes request");
	EXPECT_TEXT(call("AddARPNeighbors", &n.base), 3, "empty add arp neighbours request");
}

TEST(net_empty_lists_succeed)
{
	Grpc__Routes none = GRPC__ROUTES__INIT;
	Grpc__ARPNeighbors nobody = GRPC__ARPNEIGHBORS__INIT;
	Grpc__UpdateRoutesRequest r = GRPC__UPDATE_ROUTES_REQUEST__INIT;
	Grpc__AddARPNeighborsRequest n = GRPC__ADD_ARPNEIGHBORS_REQUEST__INIT;

	r.routes = &none;
	n.neighbors = &nobody;
	EXPECT(call("UpdateRoutes", &r.base), 0);
	EXPECT(call("AddARPNeighbors", &n.base), 0);
}

TEST(net_unknown_link_says_what_hosts_retry_on)
{
	char name[] = "eth77", mac[] = "02:00:00:00:00:77";
	Types__Interface i = TYPES__INTERFACE__INIT;
	Grpc__UpdateInterfaceRequest req = GRPC__UPDATE_INTERFACE_REQUEST__INIT;

	i.name = name;
	i.hwaddr = mac;
	req.interface = &i;
	EXPECT_TEXT(call("UpdateInterface", &req.base), 13, "Link not found");
}

TEST(net_device_path_that_is_none_is_refused)
{
	char name[] = "eth77", path[] = "zz/1";
	Types__Interface i = TYPES__INTERFACE__INIT;
	Grpc__UpdateInterfaceRequest req = GRPC__UPDATE_INTERFACE_REQUEST__INIT;

	i.name = name;
	i.devicepath = path;
	req.interface = &i;
	EXPECT_TEXT(call("UpdateInterface", &req.base), 13,
		    "Invalid PCI path for network interface");
}

TEST(net_calls_that_wait_do_not_delay_others)
{
	char name[] = "eth77", mac[] = "02:00:00:00:00:77";
	Types__Interface i = TYPES__INTERFACE__INIT;
	Grpc__UpdateInterfaceRequest req = GRPC__UPDATE_INTERFACE_REQUEST__INIT;
	Grpc__GuestDetailsRequest details = GRPC__GUEST_DETAILS_REQUEST__INIT;
	struct open_call first, second;

	i.name = name;
	i.hwaddr = mac;
	req.interface = &i;
	call_open(world.client, &first, "UpdateInterface", &req.base, NO_TIMEOUT);
	call_open(world.client, &second, "UpdateInterface", &req.base, NO_TIMEOUT);
	EXPECT(call("GetGuestDetails", &details.base), 0);
	CHECK(!first.is_done && !second.is_done);
	call_finish(&first);
	call_finish(&second);
	CHECK(first.code == 13 && second.code == 13);
}

TEST(net_lists_loopback)
{
	Grpc__ListInterfacesRequest req = GRPC__LIST_INTERFACES_REQUEST__INIT;
	struct result r = call("ListInterfaces", &req.base);
	Grpc__Interfaces *got;

	EXPECT(r, 0);
	got = grpc__interfaces__unpack(NULL, r.n, r.payload);
	CHECK(got != NULL && got->n_interfaces >= 1);
	CHECK_STR(got->interfaces[0]->name, "lo");
	grpc__interfaces__free_unpacked(got, NULL);
}

TEST(guest_refusals_name_the_field)
{
	Grpc__ReseedRandomDevRequest seed = GRPC__RESEED_RANDOM_DEV_REQUEST__INIT;
	Grpc__SetGuestDateTimeRequest time = GRPC__SET_GUEST_DATE_TIME_REQUEST__INIT;

	EXPECT_TEXT(call("ReseedRandomDev", &seed.base), 3, "missing entropy data");
	time.usec = 1000000;
	EXPECT(call("SetGuestDateTime", &time.base), 3);
}

TEST(guest_has_the_processors_that_it_has)
{
	Grpc__OnlineCPUMemRequest req = GRPC__ONLINE_CPUMEM_REQUEST__INIT;

	req.nb_cpus = 1;
	req.cpu_only = 1;
	EXPECT(call("OnlineCPUMem", &req.base), 0);
}

TEST(storage_ephemeral_update_without_storages_succeeds)
{
	Grpc__UpdateEphemeralMountsRequest req = GRPC__UPDATE_EPHEMERAL_MOUNTS_REQUEST__INIT;

	EXPECT(call("UpdateEphemeralMounts", &req.base), 0);
}

TEST(storage_ephemeral_update_takes_no_other_driver)
{
	Grpc__UpdateEphemeralMountsRequest req = GRPC__UPDATE_EPHEMERAL_MOUNTS_REQUEST__INIT;
	Grpc__Storage s = GRPC__STORAGE__INIT, *list[] = {&s};
	char driver[] = "blk";

	s.driver = driver;
	req.storages = list;
	req.n_storages = 1;
	EXPECT_TEXT(call("UpdateEphemeralMounts", &req.base), 13, "Unsupported storage type");
}

TEST(storage_stale_mounts_are_looked_at)
{
	Grpc__RemoveStaleVirtiofsShareMountsRequest req =
		GRPC__REMOVE_STALE_VIRTIOFS_SHARE_MOUNTS_REQUEST__INIT;

	EXPECT(call("RemoveStaleVirtiofsShareMounts", &req.base), 0);
}

TEST(storage_of_a_container_fails_as_a_whole)
{
	Grpc__Storage good = GRPC__STORAGE__INIT, bad = GRPC__STORAGE__INIT;
	Grpc__Storage *list[] = {&good, &bad};
	char memory[] = "ephemeral", tmpfs[] = "tmpfs", nine[] = "9p", at[160], other[160];
	char *before = traces();
	struct spec s;

	(void)snprintf(at, sizeof(at), "%s/sandbox/one", world.run_dir);
	(void)snprintf(other, sizeof(other), "%s/sandbox/two", world.run_dir);
	good.driver = memory;
	good.source = tmpfs;
	good.fstype = tmpfs;
	good.mount_point = at;
	bad.driver = nine;
	bad.mount_point = other;
	spec_init(&s, "st-fail", "exit 0");
	s.req.storages = list;
	s.req.n_storages = 2;
	EXPECT_TEXT(spec_create(&s), 13, "Failed to find the storage handler 9p");
	spec_done(&s);
	traces_return_to(before);
}

TEST(storage_of_a_container_that_cannot_be_made_goes_again)
{
	Grpc__Storage s = GRPC__STORAGE__INIT, *list[] = {&s};
	char memory[] = "ephemeral", tmpfs[] = "tmpfs", at[160];
	char *before = traces();
	struct spec c;

	(void)snprintf(at, sizeof(at), "%s/sandbox/one", world.run_dir);
	s.driver = memory;
	s.source = tmpfs;
	s.fstype = tmpfs;
	s.mount_point = at;
	s.shared = 1;
	spec_init(&c, "st-late", "exit 0");
	spec_args(&c, (const char *const[]){"/nowhere", NULL});
	c.req.storages = list;
	c.req.n_storages = 1;
	EXPECT_TEXT(spec_create(&c), 13, "was not found");
	spec_done(&c);
	traces_return_to(before);
}

static Grpc__CopyFileRequest copy(char path[static 256], const char *name, const char *data,
				  size_t n)
{
	Grpc__CopyFileRequest req = GRPC__COPY_FILE_REQUEST__INIT;

	(void)snprintf(path, 256, "%s/shared/containers/%s", world.run_dir, name);
	req.path = path;
	req.file_mode = S_IFREG | 0640;
	req.dir_mode = 0755;
	req.file_size = (int64_t)n;
	req.data.data = (uint8_t *)(uintptr_t)data;
	req.data.len = n;
	return req;
}

TEST(copy_of_three_chunks_is_whole_at_the_end)
{
	enum {
		CHUNK = 1 << 20
	};
	char *data = malloc(3 * CHUNK), path[256];
	Grpc__CopyFileRequest req = copy(path, "rpc/big", data, CHUNK);
	struct stat st;

	CHECK(data != NULL);
	memset(data, 'x', 3 * CHUNK);
	req.file_size = 3 * CHUNK;
	for (int i = 0; i < 3; i++) {
		CHECK(stat(path, &st) < 0);
		req.offset = i * CHUNK;
		EXPECT(call("CopyFile", &req.base), 0);
	}
	CHECK(stat(path, &st) == 0 && st.st_size == 3 * CHUNK && (st.st_mode & 07777) == 0640);
	free(data);
}

TEST(copy_of_a_chunk_out_of_order_is_refused)
{
	char path[256];
	Grpc__CopyFileRequest req = copy(path, "rpc/order", "abc", 3);

	req.file_size = 9;
	EXPECT(call("CopyFile", &req.base), 0);
	req.offset = 6;
	EXPECT_TEXT(call("CopyFile", &req.base), 3, "out of order");
	req.offset = 3;
	EXPECT(call("CopyFile", &req.base), 0);
}

TEST(copy_outside_the_shared_tree_is_refused)
{
	static const char *const paths[] = {"/etc/pith-evil", "", "relative", "/"};
	char path[256];

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		Grpc__CopyFileRequest req = copy(path, "x", "abc", 3);

		(void)snprintf(path, sizeof(path), "%s", paths[i]);
		EXPECT_TEXT(call("CopyFile", &req.base), 13, "prefix");
	}
	CHECK(access("/etc/pith-evil", F_OK) < 0);
}

TEST(copy_that_climbs_is_refused)
{
	char path[256];
	Grpc__CopyFileRequest req = copy(path, "../../../../etc/pith-evil", "abc", 3);

	EXPECT_TEXT(call("CopyFile", &req.base), 13, "prefix");
}
