/* SPDX-License-Identifier: Apache-2.0 */
/* The device between a driver in memory and real unix sockets: connections, credit, ends. */
#include "tests/test.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/vsb_ring.h"
#include "vmm/bridge/device.h"
#include "vmm/bridge/hybrid.h"

#define PORT   1024
#define CREDIT 4096

struct bed {
	struct loop *loop;
	struct vsb_dev dev;
	struct guest g;
	int listen_fd;
	unsigned tx_next;
};

static void bed_open(struct bed *b)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	*b = (struct bed){0};
	CHECK_INT(loop_new(&b->loop), 0);
	vsb_dev_init(&b->dev, b->loop, 3, NULL);
	CHECK_INT(g_open(&b->g), 0);
	CHECK_INT(g_start(&b->g, &b->dev.vu, 0), 0);
	/* An autobound abstract socket: nothing in the file system. */
	b->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CHECK_INT(bind(b->listen_fd, (struct sockaddr *)&sa, sizeof(sa_family_t)), 0);
	CHECK_INT(listen(b->listen_fd, 8), 0);
}

static void bed_close(struct bed *b)
{
	vsb_dev_done(&b->dev);
	loop_free(b->loop);
	(void)fd_close(b->listen_fd);
	g_close(&b->g);
}

static void settle(struct bed *b)
{
	for (int i = 0; i < 8; i++)
		CHECK_INT(loop_once(b->loop, 0), 0);
}

/* Gives the device one empty buffer and returns the packet that it put there. */
static bool guest_gets(struct bed *b, struct vsb_pkt *p, const uint8_t **ret_data)
{
	unsigned i = b->g.seen[VSB_RX]++ % G_NUM;
	const uint8_t *buf = g_buf(&b->g, VSB_RX, i);
	uint16_t before = g_used(&b->g, VSB_RX)->idx;

	g_offer(&b->g, VSB_RX, i, G_BUF, 2);
	vsb_dev_wake(&b->dev, NULL);
	settle(b);
	if (g_used(&b->g, VSB_RX)->idx == before) {
		g_avail(&b->g, VSB_RX)->idx--;
		b->g.seen[VSB_RX]--;
		return false;
	}
	vsb_pkt_decode(buf, p);
	*ret_data = buf + VSB_HDR_LEN;
	return true;
}

static void guest_sends(struct bed *b, struct vsb_pkt p, const void *data)
{
	unsigned i = b->tx_next++ % G_NUM;
	uint8_t *buf = g_buf(&b->g, VSB_TX, i);

	p.src_cid = 3;
	p.dst_cid = VSB_HOST_CID;
	p.type = VSB_TYPE_STREAM;
	p.buf_alloc = CREDIT;
	vsb_pkt_encode(&p, buf);
	if (p.len > 0)
		memcpy(buf + VSB_HDR_LEN, data, p.len);
	g_offer(&b->g, VSB_TX, i, VSB_HDR_LEN + p.len, 0);
	vsb_dev_wake(&b->dev, NULL);
	settle(b);
}

static int client(struct bed *b, const char *line)
{
	struct sockaddr_un sa;
	socklen_t len = sizeof(sa);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	CHECK_INT(getsockname(b->listen_fd, (struct sockaddr *)&sa, &len), 0);
	CHECK_INT(connect(fd, (struct sockaddr *)&sa, len), 0);
	CHECK(write(fd, line, strlen(line)) == (ssize_t)strlen(line));
	vsb_hybrid_accept(&b->dev, b->listen_fd);
	settle(b);
	return fd;
}

/* A client whose connection the guest has accepted. @req: the request as the guest saw it. */
static int open_client(struct bed *b, struct vsb_pkt *req)
{
	int fd = client(b, "CONNECT 1024\n");
	const uint8_t *data;
	char ok[32] = {0};

	CHECK(guest_gets(b, req, &data) && req->op == VSB_OP_REQUEST);
	CHECK(req->dst_port == PORT && req->dst_cid == 3 && req->src_cid == 2);
	guest_sends(b,
		    (struct vsb_pkt){
			    .src_port = PORT, .dst_port = req->src_port, .op = VSB_OP_RESPONSE},
		    NULL);
	CHECK(read(fd, ok, sizeof(ok) - 1) > 0 && strncmp(ok, "OK ", 3) == 0);
	return fd;
}

static struct vsb_pkt from_guest(const struct vsb_pkt *req, enum vsb_op op)
{
	return (struct vsb_pkt){.src_port = PORT, .dst_port = req->src_port, .op = (uint16_t)op};
}

TEST(bytes_travel_both_ways_once_the_guest_accepted)
{
	struct vsb_pkt req, p;
	const uint8_t *data;
	char buf[16];
	static struct bed b;
	int fd;

	bed_open(&b);
	fd = open_client(&b, &req);
	CHECK(write(fd, "ping", 4) == 4);
	CHECK(guest_gets(&b, &p, &data) && p.op == VSB_OP_RW && p.len == 4);
	assert_memory_equal(data, "ping", 4);

	p = from_guest(&req, VSB_OP_RW);
	p.len = 5;
	guest_sends(&b, p, "pong!");
	CHECK(read(fd, buf, sizeof(buf)) == 5 && memcmp(buf, "pong!", 5) == 0);
	(void)fd_close(fd);
	bed_close(&b);
}

TEST(bytes_after_the_connect_line_are_data)
{
	const uint8_t *data;
	struct vsb_pkt p;
	static struct bed b;
	int fd;

	bed_open(&b);
	fd = client(&b, "connect 1024\nearly");
	CHECK(guest_gets(&b, &p, &data) && p.op == VSB_OP_REQUEST);
	guest_sends(&b, from_guest(&p, VSB_OP_RESPONSE), NULL);
	CHECK(guest_gets(&b, &p, &data) && p.op == VSB_OP_RW && p.len == 5);
	(void)fd_close(fd);
	bed_close(&b);
}

TEST(a_refusal_of_the_guest_is_an_end_of_file_without_ok)
{
	const uint8_t *data;
	struct vsb_pkt p;
	static struct bed b;
	char c;
	int fd;

	bed_open(&b);
	fd = client(&b, "CONNECT 1024\n");
	CHECK(guest_gets(&b, &p, &data) && p.op == VSB_OP_REQUEST);
	guest_sends(&b, from_guest(&p, VSB_OP_RST), NULL);
	CHECK_INT(read(fd, &c, 1), 0);
	CHECK_INT(b.dev.n_conns, 0);
	(void)fd_close(fd);
	bed_close(&b);
}

TEST(a_packet_for_no_connection_is_refused_but_a_refusal_is_not)
{
	const struct vsb_pkt stray = {.src_port = 7, .dst_port = 8, .op = VSB_OP_RW};
	const struct vsb_pkt rst = {.src_port = 7, .dst_port = 8, .op = VSB_OP_RST};
	const uint8_t *data;
	struct vsb_pkt p;
	static struct bed b;

	bed_open(&b);
	guest_sends(&b, stray, NULL);
	CHECK(guest_gets(&b, &p, &data) && p.op == VSB_OP_RST && p.dst_port == 7 &&
	      p.src_port == 8);
	guest_sends(&b, rst, NULL);
	CHECK(!guest_gets(&b, &p, &data));
	bed_close(&b);
}

TEST(no_more_is_sent_than_the_guest_granted_and_one_request_for_more)
{
	static uint8_t big[2 * CREDIT];
	struct vsb_pkt req, p = {0};
	const uint8_t *data;
	uint32_t got = 0;
	static struct bed b;
	int fd;

	bed_open(&b);
	fd = open_client(&b, &req);
	CHECK(write(fd, big, sizeof(big)) == sizeof(big));
	while (guest_gets(&b, &p, &data) && p.op == VSB_OP_RW)
		got += p.len;
	CHECK_INT(got, CREDIT);
	CHECK_INT(p.op, VSB_OP_CREDIT_REQUEST);
	CHECK(!guest_gets(&b, &p, &data));

	p = from_guest(&req, VSB_OP_CREDIT_UPDATE);
	p.fwd_cnt = CREDIT;
	guest_sends(&b, p, NULL);
	CHECK(guest_gets(&b, &p, &data) && p.op == VSB_OP_RW && p.len == CREDIT);
	(void)fd_close(fd);
	bed_close(&b);
}

TEST(a_guest_that_exceeds_what_was_granted_is_cut_off)
{
	static uint8_t chunk[G_BUF - VSB_HDR_LEN];
	struct vsb_pkt req, p;
	const uint8_t *data;
	static struct bed b;
	int fd;

	bed_open(&b);
	fd = open_client(&b, &req);
	p = from_guest(&req, VSB_OP_RW);
	p.len = sizeof(chunk);
	/* The client never reads: socket buffer, then our buffer, then the end. */
	for (int i = 0; i < 1000 && b.dev.n_conns == 1; i++)
		guest_sends(&b, p, chunk);
	CHECK_INT(b.dev.n_conns, 0);
	CHECK_INT(b.dev.buffered, 0);
	CHECK(guest_gets(&b, &p, &data) && p.op == VSB_OP_RST);
	(void)fd_close(fd);
	bed_close(&b);
}

TEST(a_client_that_stops_sending_still_receives)
{
	struct vsb_pkt req, p;
	const uint8_t *data;
	char buf[8];
	static struct bed b;
	int fd;

	bed_open(&b);
	fd = open_client(&b, &req);
	CHECK(write(fd, "x", 1) == 1);
	CHECK_INT(shutdown(fd, SHUT_WR), 0);
	CHECK(guest_gets(&b, &p, &data) && p.op == VSB_OP_RW);
	CHECK(guest_gets(&b, &p, &data) && p.op == VSB_OP_SHUTDOWN && p.flags == VSB_SHUT_SEND);
	p = from_guest(&req, VSB_OP_RW);
	p.len = 2;
	guest_sends(&b, p, "yz");
	CHECK_INT(read(fd, buf, sizeof(buf)), 2);
	(void)fd_close(fd);
	settle(&b);
	CHECK(guest_gets(&b, &p, &data) && p.op == VSB_OP_SHUTDOWN && p.flags == VSB_SHUT_BOTH);
	guest_sends(&b, from_guest(&req, VSB_OP_RST), NULL);
	CHECK_INT(b.dev.n_conns, 0);
	bed_close(&b);
}

TEST(what_the_guest_sent_before_its_close_still_arrives)
{
	struct vsb_pkt req, p;
	const uint8_t *data;
	char buf[8];
	static struct bed b;
	int fd;

	bed_open(&b);
	fd = open_client(&b, &req);
	p = from_guest(&req, VSB_OP_RW);
	p.len = 3;
	guest_sends(&b, p, "end");
	p = from_guest(&req, VSB_OP_SHUTDOWN);
	p.flags = VSB_SHUT_BOTH;
	guest_sends(&b, p, NULL);
	CHECK(guest_gets(&b, &p, &data) && p.op == VSB_OP_RST);
	CHECK_INT(read(fd, buf, sizeof(buf)), 3);
	CHECK_INT(read(fd, buf, sizeof(buf)), 0);
	(void)fd_close(fd);
	bed_close(&b);
}

TEST(a_flood_of_stray_packets_stops_at_the_queue_and_goes_on_with_buffers)
{
	const struct vsb_pkt stray = {.src_port = 7, .dst_port = 8, .op = VSB_OP_RW};
	const uint8_t *data;
	struct vsb_pkt p;
	static struct bed b;

	bed_open(&b);
	for (int i = 0; i < VSB_RSTS_MAX; i++)
		guest_sends(&b, stray, NULL);
	CHECK(b.dev.rst_n < VSB_RSTS_MAX);
	CHECK(g_used(&b.g, VSB_TX)->idx < VSB_RSTS_MAX);
	for (int i = 0; i < VSB_RSTS_MAX; i++)
		CHECK(guest_gets(&b, &p, &data) && p.op == VSB_OP_RST);
	CHECK_INT(g_used(&b.g, VSB_TX)->idx, VSB_RSTS_MAX);
	bed_close(&b);
}

TEST(without_a_driver_a_client_is_turned_away_at_once)
{
	static struct bed b;
	char c;
	int fd;

	bed_open(&b);
	CHECK_INT(g_send_ring(&b.dev.vu, 18, 0, 0), 0);
	fd = client(&b, "CONNECT 1024\n");
	CHECK(read(fd, &c, 1) <= 0);
	CHECK_INT(b.dev.n_conns, 0);
	(void)fd_close(fd);
	bed_close(&b);
}

TEST(connections_survive_a_pause_but_not_a_fresh_driver)
{
	struct vsb_pkt req;
	static struct bed b;
	int fd;

	bed_open(&b);
	fd = open_client(&b, &req);
	CHECK_INT(g_send_ring(&b.dev.vu, 18, 0, 0), 0);
	CHECK_INT(g_send_ring(&b.dev.vu, 18, 0, 1), 0);
	CHECK_INT(b.dev.n_conns, 1);
	CHECK_INT(g_send_ring(&b.dev.vu, 10, 0, 0), 0);
	CHECK_INT(g_send_ring(&b.dev.vu, 18, 0, 0), 0);
	CHECK_INT(g_send_ring(&b.dev.vu, 10, 1, 0), 0);
	CHECK_INT(g_send_ring(&b.dev.vu, 18, 0, 1), 0);
	CHECK_INT(b.dev.n_conns, 0);
	(void)fd_close(fd);
	bed_close(&b);
}
