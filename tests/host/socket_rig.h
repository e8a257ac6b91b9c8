/*
 * socket_rig: TCP and UDP sockets on the real lwIP over its loopback, for the tests of them: what a
 * guest has below them, a wire that may be bad, and the calls that tests make. Time only goes on
 * when a test says so.
 */
#ifndef TESTS_HOST_SOCKET_RIG_H
#define TESTS_HOST_SOCKET_RIG_H

#include "glue_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#undef TCP_MSS

#include "sockets/socket_tcp.h"

/* A sequence that is the same in every run; 0 to of - 1. */
extern unsigned random_state;
unsigned dice(unsigned of);

/* One allocation of so many fails; 0: none. */
extern unsigned out_of_memory;
/* Broken pipes that programs would have been told of. */
extern unsigned broken;

/* What the loopback does to packets: one of so many, 0: none; all of them take their time. */
extern struct wire {
    unsigned lose, twice, swap;
    unsigned delay_ms;
} wire;

/* The guest is still waiting for an address, or for one of IPv6; and then it has one. */
extern bool no_address, no_address6;
void have_address(void);
void have_address6(void);

void pass_time(unsigned ms);
/* As glue_on_sleep: somebody sleeps for a while. */
void a_moment(void);

/* A test's first and last word. Every connection is forgotten at the end. */
void begin(void);
void end(void);

struct socket *make(int family, int type, int flags);
/* Of loopback addresses. */
struct socket_name loopback(int family, int port);
#define ADDRESS(name) (const struct sockaddr *)&(name).address, (name).len
/* A server that does not block, and where it listens. */
struct socket *listening(int family, int backlog, struct socket_name *at);
/* Two ends of a connection, neither of which blocks. */
void make_pair(int family, struct socket *pair[2]);

ssize_t send_to(struct socket *to, const void *bytes, size_t len, int flags);
/* Into buffer. */
ssize_t receive_from(struct socket *from, size_t len, int flags);
extern char buffer[1 << 20];
/* POLLIN, POLLOUT, POLLHUP, POLLERR. */
unsigned ready(const struct socket *socket);

#endif
